# Invoices: everything about money into its own folders.
#
# Invoices go to "Invoices", reminders to "Invoices/Reminders" with a flag, so
# that they catch the eye, receipts and payment notices to "Invoices/Paid",
# already read. All else stays in the INBOX.

require ["fileinto", "mailbox", "imap4flags"];

# Replies and forwarded messages are correspondence, not documents: a person
# should see them, whatever their subject says.
if header :matches "subject" ["re: *", "aw: *", "fwd: *", "fw: *", "wg: *"] {
	keep;
	stop;
}

# Reminders first: their subjects mostly hold the word "invoice" too.
if header :contains "subject" ["payment reminder", "overdue", "final notice", "past due", "Mahnung"] {
	fileinto :create :flags "\\Flagged" "Invoices/Reminders";
	stop;
}

# What is paid already needs no work.
if header :contains "subject" ["receipt for", "payment received", "payment confirmation", "Zahlungsbestätigung"] {
	fileinto :create :flags "\\Seen" "Invoices/Paid";
	stop;
}

# Suppliers who write "invoice" in no subject: by address, or by domain.
if anyof (
	address :is "from" ["billing@power.example", "rechnung@stadtwerke.example"],
	address :domain :is "from" ["invoices.example", "accounts.example"])
{
	fileinto :create "Invoices";
	stop;
}

# Everybody else, by the subject. "*" stands for anything; a word that begins
# a subject is safer than one that may stand anywhere.
if header :matches "subject" ["invoice*", "*your invoice*", "*invoice no*", "*invoice #*", "Rechnung*", "Facture*"] {
	fileinto :create "Invoices";
}
