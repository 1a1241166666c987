require "enotify"; notify "xmpp:a@example.net";
