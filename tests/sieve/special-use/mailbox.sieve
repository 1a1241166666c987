require ["special-use", "variables"];
set "mailbox" "Spam";
if specialuse_exists "${mailbox}" "\\Junk" { redirect "spam-report@example.org"; }
/* No mailbox at all, a use that is none. */
if specialuse_exists "${none}" "\\Junk" { redirect "a@example.org"; }
if specialuse_exists ["${none}", "\\${mailbox} 1"] { redirect "b@example.org"; }
