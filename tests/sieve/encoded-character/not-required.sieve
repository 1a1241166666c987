if header "subject" "${hex:40}" { discard; }
