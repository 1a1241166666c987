require ["extracttext", "variables", "foreverypart"];
foreverypart { extracttext "a b"; }
