require "vnd.dovecot.testsuite";
if not test_script_compile "scripts/keep.sieve" { keep; }
if not test_script_run :append_result { keep; }
test_fail "behind the inner script";
