require "mime";
if header :anychild "Subject" "x" { stop; }
