require ["replace", "mime"];
replace :mime :subject "a" "Content-Type: text/plain

b";
