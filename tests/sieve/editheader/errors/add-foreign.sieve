require ["editheader", "index"];
addheader "Grüße" "b";
