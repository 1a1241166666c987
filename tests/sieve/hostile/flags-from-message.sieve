require ["imap4flags", "variables"];
if header :matches "subject" "*" { addflag "${1}"; }
keep;
