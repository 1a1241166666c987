require ["editheader", "index"];
addheader "X-A:" "b";
