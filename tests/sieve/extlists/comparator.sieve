require "extlists";
if header :list :comparator "i;octet" "from" "tag:a.example,2026:none" { discard; }
