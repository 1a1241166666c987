require ["editheader", "index"];
addheader ["X-A", "X-B"] "b";
