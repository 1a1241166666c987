require ["editheader", "index"];
deleteheader :index "1" "X-A";
