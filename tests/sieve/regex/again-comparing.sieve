require ["regex"];
if header :regex "x-long" "(a{1000}){3}[bc]" { discard; }
