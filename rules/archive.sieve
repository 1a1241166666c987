# By year and month: a copy of all that comes, where it is found again.
#
# "Archive/2026/11" holds all mail of November 2026. The day is that on which the
# message came, by the clock of this machine: a Date field may say anything.

require ["date", "variables", "fileinto", "copy", "mailbox", "imap4flags"];

# "*" matches anything, and ${1} is then what it stood for.
if currentdate :matches "year" "*" {
	set "year" "${1}";
}
if currentdate :matches "month" "*" {
	set "month" "${1}";
}

# What is worth no copy.
if anyof (
	exists "list-unsubscribe",
	header :is "precedence" ["bulk", "list", "junk"],
	size :over 25M)
{
	stop;
}

# Invoices by the day that they bear, as the tax office wants them: a field may
# hold the date of last year in January.
if header :contains "subject" ["invoice", "Rechnung"] {
	if date :matches "date" "year" "*" {
		set "year" "${1}";
	}
	fileinto :create "Invoices/${year}";
	stop;
}

# :copy leaves the message where it would be without this rule; the copy is read.
fileinto :copy :create :flags "\\Seen" "Archive/${year}/${month}";
