require ["ereject", "fileinto"]; fileinto "a"; ereject "no";
