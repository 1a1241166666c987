require ["ihave", "fileinto"];
fileinto "a";
error "these words";
keep;
