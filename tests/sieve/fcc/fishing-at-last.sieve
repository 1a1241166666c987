require ["vacation", "fcc", "mailbox", "special-use", "imap4flags"];
vacation :days 7 :from "hemingway@example.com"
	:specialuse "\\Sent" :create :fcc "INBOX.Sent" :flags ["\\Seen"] "Gone Fishin'";
