require "encoded-character"; if header "subject" "${unicode:200000}" { discard; }
