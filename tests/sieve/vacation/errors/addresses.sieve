require "vacation"; vacation :addresses "nobody" "away";
