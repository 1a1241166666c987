if header "subject" text:
open
..
 { discard; }
