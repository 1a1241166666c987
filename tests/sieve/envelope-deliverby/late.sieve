require ["envelope", "envelope-deliverby", "relational", "date", "variables", "fileinto", "comparator-i;ascii-numeric"];
if anyof (envelope :contains "bytimerelative" "-",
	  envelope :value "eq" :comparator "i;ascii-numeric" "bytimerelative" "0") {
	discard;
}
if currentdate :matches "iso8601" "*" {
	set "cdate" "${0}";
	if envelope :value "ge" "bytimeabsolute" "${cdate}" {
		discard;
	}
}
if envelope :matches :zone "+0000" "bytimeabsolute" "*T*:*:*" {
	set "bdate" "${0}";
	set "bhour" "${2}";
	if currentdate :zone "+0000" :value "lt" "iso8601" "${bdate}" {
		fileinto "missed-${bhour}";
	}
}
