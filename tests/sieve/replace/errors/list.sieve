require ["replace", "mime"];
replace ["a", "b"];
