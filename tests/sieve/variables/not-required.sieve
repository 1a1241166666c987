if header "subject" "${a}" { discard; }
