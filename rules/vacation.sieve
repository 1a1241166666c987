# The office is closed between the years: an answer, once a week and sender.
#
# Answers go out through the relay of the configuration; without one, "mailferry
# check" refuses this script and names the line. Lists, bounces and other
# programs never get an answer, whatever the rules say (RFC 5230, 4.6).

require ["vacation", "date", "relational", "variables", "envelope"];

# Mail of the house itself needs none.
if envelope :domain :is "from" "office.example" {
	stop;
}

# From 24 December to 1 January. Days compare as text, because they are written
# with the year in front: no need to change the rule when they are over.
if anyof (
	currentdate :value "lt" "date" "2026-12-24",
	currentdate :value "gt" "date" "2027-01-01")
{
	stop;
}

# The subject of the answer holds that of the message, so that it is found again.
set "subject" "your message";
if header :matches "subject" "*" {
	set "subject" "${1}";
}

# :addresses are further names of this account: only mail that names one of them
# in To or Cc is answered.
vacation
	:days 7
	:addresses ["office@office.example", "info@office.example"]
	:subject "Closed until 2 January: ${subject}"
"Thank you for your message.

Our office is closed from 24 December to 1 January. We will answer from
2 January on. In urgent cases call +49 30 5550100.";
