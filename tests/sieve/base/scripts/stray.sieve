keep @;
redirect a@example.com;
redirect 'a@example.com';
if header "a" "b" && header "c" "d" { stop; }
if header : contains "a" "b" { stop; }
if size :over 1.5M { stop; }
if "a" == "b" { stop; }
if header ["a" = "b"] "c" { stop; }
if anyof (true || false) { stop; }
if true { keep $; discard; } %
nothing;
keep; */
nothing;
