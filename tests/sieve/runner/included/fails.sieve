require ["vnd.dovecot.testsuite", "include", "variables"];
global "reached";
include "fails-inner";
set "reached" "behind";
