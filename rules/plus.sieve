# Plus-addressing: office+WORD@office.example into a folder of that name.
#
# Give out office+shop@office.example to a shop, and all that it sends is in
# "Plus/shop"; nobody has to write a rule for it. Which character parts the two is
# the key recipient_delimiter of the account ("+" by itself).

require ["envelope", "subaddress", "variables", "fileinto", "mailbox"];

# Addresses that were given to whom only sends advertising by now.
if envelope :detail :is "to" ["oldshop", "contest"] {
	discard;
	stop;
}

# Some words have a folder that has another name, or a place of its own.
if envelope :detail :is "to" ["invoice", "invoices", "rechnung"] {
	fileinto :create "Invoices";
	stop;
}

# Whoever sends chooses the word: only short ones, of letters and digits, make a
# folder, or a stranger could make any number of strange ones. What does not
# look like a word stays in the INBOX.
if envelope :detail :matches "to" ["*.*", "*/*", "*\\\\*", "*~*", "?", "????????????????????*"] {
	stop;
}
if envelope :detail :matches "to" "?*" {
	set :lower :upperfirst "word" "${1}${2}";
	fileinto :create "Plus/${word}";
}
