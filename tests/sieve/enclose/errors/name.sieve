require "enclose";
enclose :headers ["From", "a b"] "a";
