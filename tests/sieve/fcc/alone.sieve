require ["fcc", "vacation", "mailbox"]; vacation :create "away";
