require "enclose";
enclose :headers 3 "a";
