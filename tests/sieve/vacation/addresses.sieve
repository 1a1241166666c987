require ["vacation", "variables"];
set "other" "Other <other@office.example>";
vacation :addresses ["${none}", "${none}x", "${other}"] "away";
