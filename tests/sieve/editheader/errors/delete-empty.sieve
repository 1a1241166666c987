require ["editheader", "index"];
deleteheader "";
