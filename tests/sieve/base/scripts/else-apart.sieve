if true { keep; } keep; else { keep; }
