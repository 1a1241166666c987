require ["index", "date"];
if header :index 0 "a" "b" { keep; }
if address :last "to" "b" { keep; }
if date :index 0 :last "date" "year" "2000" { keep; }
if currentdate :index 1 "year" "2000" { keep; }
if header :index "1" "a" "b" { keep; }
if exists :index 1 "a" { keep; }
