require "variables";
if header :matches "x-to" "*" { redirect "${1}"; }
