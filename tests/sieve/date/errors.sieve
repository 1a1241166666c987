require "date";
if date "date" "century" "20" { keep; }
if date :zone "+1" "date" "year" "20" { keep; }
if date :zone "0100" "date" "year" "20" { keep; }
if date :zone "+0100" :originalzone "date" "year" "20" { keep; }
if currentdate :originalzone "year" "20" { keep; }
if date ["date", "received"] "year" "20" { keep; }
if date :zone "+0160" "date" "year" "20" { keep; }
