require "envelope"; if envelope "sender" "a@b.example" { discard; }
