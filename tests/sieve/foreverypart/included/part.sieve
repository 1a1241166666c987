require ["foreverypart", "mime", "variables", "include"];
global "parts";
if header :matches "X-Part" "*" { set "parts" "${parts}${1}["; }
if exists "From" { set "parts" "the whole message is seen"; }
foreverypart {
	if header :mime :matches "X-Part" "*" { set "parts" "${parts}${1}"; }
}
set "parts" "${parts}]";
foreverypart { return; }
