require ["regex", "comparator-i;ascii-numeric", "comparator-i;unicode-casemap"];
if header :regex "a" "(+a)" { keep; }
if header :regex "a" "(a" { keep; }
if header :regex "a" "a)" { keep; }
if header :regex "a" "[a" { keep; }
if header :regex "a" "a*?" { keep; }
if header :regex "a" "a**" { keep; }
if header :regex "a" "(a)\\1" { keep; }
if header :regex "a" "\\bword\\b" { keep; }
if header :regex "a" "(?i)a" { keep; }
if header :regex "a" "a{3,2}" { keep; }
if header :regex "a" "a{,2}" { keep; }
if header :regex "a" "[b-a]" { keep; }
if header :regex "a" "[[:letter:]]" { keep; }
if header :regex "a" "a\\" { keep; }
if header :regex "a" "a{1001}" { keep; }
if header :regex :comparator "i;ascii-numeric" "a" "a" { keep; }
if header :regex :comparator "i;unicode-casemap" "a" "a" { keep; }
