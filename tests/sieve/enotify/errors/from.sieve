require "enotify"; notify :from "x" "mailto:a@example.net";
