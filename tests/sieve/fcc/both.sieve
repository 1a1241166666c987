require ["enotify", "fcc", "mailboxid", "special-use"];
notify :fcc "Sent" :mailboxid "F1" :specialuse "\\Sent" "mailto:ken@example.com";
