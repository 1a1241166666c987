require ["replace"];
replace :from "Team: a@example.com;" "d";
