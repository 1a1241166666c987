require ["replace"];
replace :from "a@example.com," "d";
