require ["fcc", "vacation", "mailbox"]; vacation :fcc "Sent" :create :create "away";
