require "special-use"; if specialuse_exists "Spam" "\\Junk" "\\Sent" { discard; }
