# Alarms: messages of machines.
#
# What needs somebody now stays in the INBOX, with a flag. What only needs to
# be found later goes to "Alarms", and the daily "all is well" to
# "Alarms/Routine", already read.

require ["envelope", "fileinto", "mailbox", "imap4flags", "copy"];

# Only the machines on the own network may raise an alarm: a message that
# claims to be one, from elsewhere, takes the usual way.
if not envelope :domain :is "from" ["office.example", "alarms.office.example"] {
	stop;
}

# Fire, water, burglary: flagged in the INBOX, and a copy where all alarms are.
if allof (
	envelope :localpart :is "from" ["alarmpanel", "panel"],
	header :contains "subject" ["FIRE", "INTRUSION", "WATER", "PANIC"],
	not header :contains "subject" ["test", "restored"])
{
	addflag "\\Flagged";
	fileinto :create :copy "Alarms";
	keep;
	stop;
}

# The power supply: on battery is urgent, back on the mains is not.
if envelope :localpart :is "from" "ups" {
	if header :contains "subject" ["on battery", "battery low", "shutting down"] {
		keep :flags "\\Flagged";
	} else {
		fileinto :create :flags "\\Seen" "Alarms/Routine";
	}
	stop;
}

# Backups and disks: success is routine, anything else is not.
if header :contains "subject" ["backup", "RAID", "SMART"] {
	if header :contains "subject" ["succeeded", "successful", "completed", "is healthy"] {
		fileinto :create :flags "\\Seen" "Alarms/Routine";
	} else {
		fileinto :create :flags "\\Flagged" "Alarms";
	}
	stop;
}

fileinto :create "Alarms";
