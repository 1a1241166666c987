require "redirect-dsn"; redirect :notify "ALWAYS" "a@example.net";
