require ["vnd.dovecot.testsuite", "include", "variables"];
global "reached";
set "reached" "inner";
if true { test_fail "from within"; }
set "reached" "too far";
