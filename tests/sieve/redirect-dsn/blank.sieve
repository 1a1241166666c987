require "redirect-dsn"; redirect :notify "SUCCESS, FAILURE" "a@example.net";
