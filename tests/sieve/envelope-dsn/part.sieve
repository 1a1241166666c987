require ["envelope", "envelope-dsn"];
if envelope :all ["from", "orcpt"] "a" { discard; }
