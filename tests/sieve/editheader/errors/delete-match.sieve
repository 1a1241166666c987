require ["editheader", "index"];
deleteheader :is :contains "X-A" "a";
