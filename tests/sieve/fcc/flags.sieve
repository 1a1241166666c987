require ["fcc", "enotify", "imap4flags"]; notify :flags "a" "mailto:a@example.net";
