require ["regex", "variables"];
set "open" "(";
if header :regex "subject" "a${open}b" { discard; }
