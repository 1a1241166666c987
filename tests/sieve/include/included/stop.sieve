require "fileinto";
fileinto "INBOX.a";
stop;
