require "variables"; set :encodeurl "v" "x";
