require ["foreverypart","mime","fileinto"];
foreverypart { if header :mime "X-P" "1" { fileinto "a"; stop; } }
fileinto "b";
