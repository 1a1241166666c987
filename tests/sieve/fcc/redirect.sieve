require "fcc"; redirect :fcc "Sent" "a@example.net";
