# Scans: what the copier, the fax and the scanners send.
#
# Such devices write whatever they like into From, and often nothing sensible
# into Subject. The envelope sender is set once in the device's menu and says
# who it is, so this script trusts it most.

require ["envelope", "fileinto", "mailbox", "imap4flags"];

if envelope :is "from" ["scanner@office.example", "copier@office.example"] {

	# The device's own complaints are for whoever fills the paper.
	if header :contains "subject" ["toner", "paper jam", "service required", "waste box"] {
		fileinto :create :flags "\\Flagged" "Scans/Device";
		stop;
	}

	# A scan of more than 20 MB was most likely made at 1,200 dpi by
	# mistake: keep it apart, so that it is seen and the other folder
	# stays quick to open.
	if size :over 20M {
		fileinto :create "Scans/Large";
		stop;
	}

	# The buttons of the copier put a word into the subject.
	if header :contains "subject" "[contracts]" {
		fileinto :create "Scans/Contracts";
	} elsif header :contains "subject" "[delivery notes]" {
		fileinto :create "Scans/Delivery notes";
	} else {
		fileinto :create "Scans";
	}
	stop;
}

# The fax gateway: one folder, and a flag on what did not go out.
if envelope :domain :is "from" "fax.office.example" {
	if header :contains "subject" ["failed", "busy", "no answer"] {
		fileinto :create :flags "\\Flagged" "Faxes";
	} else {
		fileinto :create "Faxes";
	}
}
