require ["editheader", "index"];
deleteheader ["X-A", "X-B"] "a";
