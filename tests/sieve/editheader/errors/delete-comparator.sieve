require ["editheader", "index"];
deleteheader :comparator "i;frop" "X-A" "a";
