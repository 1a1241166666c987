require ["regex", "variables"];
if string :regex "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" "^(a|aa|aaa)*(a|aa)*c?$" { discard; }
