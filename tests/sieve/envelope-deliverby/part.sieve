require ["envelope", "envelope-deliverby"];
if envelope :localpart "bytrace" "trace" { discard; }
