require ["regex"];
if header :regex "x-long" "^a.*[bc]" { discard; }
if header :regex "x-long" "[bc].*a" { discard; }
if header :regex "x-long" "a+b" { discard; }
if header :regex "x-long" "aaaa[^a]" { discard; }
if header :regex "x-long" "(a|b)(a|c)?(b|c)" { discard; }
