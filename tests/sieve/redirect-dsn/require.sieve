redirect :notify "NEVER" "a@example.net";
