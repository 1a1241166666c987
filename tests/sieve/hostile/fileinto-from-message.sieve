require ["fileinto", "variables", "mailbox"];
if header :matches "subject" "*" { fileinto :create "${1}"; }
