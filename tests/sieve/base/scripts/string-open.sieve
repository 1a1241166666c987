if header "subject" "open { discard; }
