require "enotify"; notify "mailto:nobody";
