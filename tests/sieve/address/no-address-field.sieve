if address "subject" "a@b.example" { discard; }
