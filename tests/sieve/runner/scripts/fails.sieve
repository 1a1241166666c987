require ["vnd.dovecot.testsuite", "variables"];
set "who" "script";
keep;
test_fail "from the ${who}";
discard;
