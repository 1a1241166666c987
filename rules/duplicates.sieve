# The same message twice: once is enough.
#
# A message comes twice when somebody writes to a list and to the office, or when
# two mailboxes are fetched that both get it. mailferry itself never files one
# delivery twice; these are deliveries of their own, and so a matter of rules.

require ["duplicate", "fileinto", "mailbox", "imap4flags", "variables"];

# Alarms repeat themselves on purpose: all of them are wanted.
if address :is "from" ["ups@office.example", "alarmpanel@office.example"] {
	stop;
}

# Monitoring: the same subject within the hour is one event. A handle of its own
# keeps it apart from the other rule; :last counts from the latest message, so
# that a stream of them stays together.
if header :matches "subject" ["*[monitor] *", "Monitor: *"] {
	set "event" "${0}";
	if duplicate :uniqueid "${event}" :handle "monitor" :seconds 3600 :last {
		fileinto :create :flags "\\Seen" "Monitoring/Repeated";
	} else {
		fileinto :create "Monitoring";
	}
	stop;
}

# All other mail by its Message-ID, for three days. The second one is not thrown
# away: whoever misses it finds it, and nobody has to read it twice.
if duplicate :seconds 259200 {
	fileinto :create :flags "\\Seen" "Duplicates";
}
