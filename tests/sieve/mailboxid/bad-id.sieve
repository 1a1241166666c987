require ["mailboxid", "fileinto"];
fileinto :mailboxid "a b" "c";
