require ["extracttext", "variables", "foreverypart"];
foreverypart { extracttext "1"; }
