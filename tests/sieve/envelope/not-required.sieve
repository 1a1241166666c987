if envelope "from" "a@b.example" { discard; }
