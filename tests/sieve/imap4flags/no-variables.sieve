require "imap4flags"; addflag "mine" "\\Seen";
