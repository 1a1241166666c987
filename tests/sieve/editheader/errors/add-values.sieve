require ["editheader", "index"];
addheader "X-A" ["a", "b"];
