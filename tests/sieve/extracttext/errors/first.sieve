require ["extracttext", "variables", "foreverypart"];
foreverypart { extracttext :first "x" "a"; }
