require ["replace", "mime"];
replace :from "<a@example.com" "d";
