require ["enotify", "variables", "regex"]; set :encodeurl :quoteregex "v" "x";
