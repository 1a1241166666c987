require ["fcc", "ereject"]; ereject :fcc "Sent" "no";
