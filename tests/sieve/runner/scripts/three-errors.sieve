nonsense;
fileinto "a";
redirect "no address";
