require "enclose";
enclose :subject "a";
