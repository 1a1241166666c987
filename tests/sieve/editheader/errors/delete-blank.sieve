require ["editheader", "index"];
deleteheader "X A";
