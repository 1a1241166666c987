require ["fileinto", "copy"];

fileinto :copy "Last";
