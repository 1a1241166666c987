require "foreverypart";
foreverypart true { stop; }
