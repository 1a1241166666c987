require ["replace", "mime"];
replace :from "a b c" "d";
