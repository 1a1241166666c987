require ["replace", "mime"];
replace;
