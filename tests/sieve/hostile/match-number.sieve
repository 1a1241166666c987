require "variables"; set "a" "${99999999999999999999}";
