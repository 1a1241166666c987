require ["extracttext", "variables", "foreverypart"];
foreverypart { extracttext; }
