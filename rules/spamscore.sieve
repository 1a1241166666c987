# Spam by its score, whichever filter gave it.
#
# rspamd and SpamAssassin write their scores in fields and words of their own.
# "spamtest" reads both, and makes one scale of them: with :percent from 0
# (certainly none) to 100 (spam). Strangers can't write these fields: mailferry
# takes them out before its milters look (docs/milters.md).

require ["spamtestplus", "relational", "comparator-i;ascii-numeric", "fileinto", "mailbox", "imap4flags", "special-use"];

# Whom the office works with is never filed as spam, whatever a filter thinks.
# The field is not proof of who wrote it: keep this list short.
if address :is :domain "from" ["supplier.example", "customer.example"] {
	keep;
	stop;
}

# So sure that nobody needs to look soon: read already.
if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "100" {
	fileinto :specialuse "\\Junk" :create :flags "\\Seen" "Junk";
	stop;
}

# Most likely.
if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "80" {
	fileinto :specialuse "\\Junk" :create "Junk";
	stop;
}

# In doubt: stays where it is seen, with a word that mail programs can show.
if spamtest :percent :value "ge" :comparator "i;ascii-numeric" "50" {
	addflag "$MaybeJunk";
}
