# What spam and virus filters have marked: out of the INBOX.
#
# rspamd writes "X-Spam: Yes" on what it takes for spam, and a star in
# X-Spam-Level for each point; clamav-milter writes X-Virus-Status. Strangers
# can't write these fields: mailferry takes them out before its milters look.
# docs/milters.md sets the filters up.

require ["fileinto", "mailbox", "imap4flags", "special-use"];

# A scanner that does not refuse infected mail at the door.
if allof (exists "X-Virus-Status", not header :is "X-Virus-Status" "Clean") {
	fileinto :create "Quarantine";
	stop;
}

# So sure that nobody needs to look soon.
if header :contains "X-Spam-Level" "************" {
	addflag "\\Seen";
	fileinto :specialuse "\\Junk" :create "Junk";
	stop;
}
if header :is "X-Spam" "Yes" {
	fileinto :specialuse "\\Junk" :create "Junk";
	stop;
}
