require ["replace", "mime"];
replace :from "a@example.com" :subject "c" :mime "b";
