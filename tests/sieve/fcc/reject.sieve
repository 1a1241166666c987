require ["fcc", "reject"]; reject :fcc "Sent" "no";
