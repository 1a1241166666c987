require "vnd.dovecot.testsuite";
if not test_script_run { discard; } else { keep; }
