require ["regex"];
if header :regex "x-long" "a.*[bc]" { discard; }
