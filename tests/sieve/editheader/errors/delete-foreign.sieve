require ["editheader", "index"];
deleteheader "Grüße";
