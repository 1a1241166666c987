require ["regex"];
if header :regex "subject" "((a{1000}){1000}){1000}" { discard; }
