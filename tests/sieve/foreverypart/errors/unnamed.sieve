require "foreverypart";
foreverypart { break :name "b"; }
