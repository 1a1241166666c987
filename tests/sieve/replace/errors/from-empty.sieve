require ["replace", "mime"];
replace :from "" "d";
