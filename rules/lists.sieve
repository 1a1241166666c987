# Mailing lists and newsletters: out of the INBOX, one folder a list.
#
# A mailing list names itself in List-Id (RFC 2919): "Words <name.of.the.list>".
# Test for the name in its angle brackets; the words before it may change.

require ["fileinto", "mailbox", "imap4flags", "ereject"];

# Lists that people here read.
if header :contains "list-id" "<announce.lists.example.org>" {
	fileinto :create "Lists/Announcements";
	stop;
}
if header :contains "list-id" ["<users.lists.example.org>", "<devel.lists.example.org>"] {
	# A reply in a thread about us deserves a look.
	if header :contains "subject" "office.example" {
		addflag "\\Flagged";
	}
	fileinto :create "Lists/Discussions";
	stop;
}

# A list that ignores every request to be removed from it: refused while the
# sender is still connected, so that its server learns of it.
if header :contains "list-id" "<offers.spam.example>" {
	ereject "This address does not take part in this list.";
	stop;
}

# Invoices and orders often come with List-Unsubscribe too: not newsletters.
if header :contains "subject" ["invoice", "order", "password", "ticket"] {
	keep;
	stop;
}

# All other bulk mail: a list that no rule above names, a newsletter. Marked
# as read: the folder is there to be searched, not to be worked through.
if anyof (
	exists "list-id",
	exists "list-unsubscribe",
	header :is "precedence" ["bulk", "list", "junk"])
{
	fileinto :create :flags "\\Seen" "Newsletters";
}
