require ["replace", "mime"];
replace "a" { stop; }
