require ["editheader", "index"];
deleteheader :last :contains "X-A" "b";
