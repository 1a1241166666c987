require "index"; if header :index 18446744073709551616 "a" "b" { keep; }
