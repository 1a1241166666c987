require "envelope"; if envelope "orcpt" "a" { discard; }
