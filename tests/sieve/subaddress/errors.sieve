require ["subaddress"];
if address :user :detail "from" "a" { keep; }
if header :user "from" "a" { keep; }
if address :user :domain "from" "a" { keep; }
