require ["variables", "fileinto"];
set "mine" "${mine}x";
fileinto "v${mine}";
stop;
