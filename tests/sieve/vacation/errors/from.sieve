require "vacation"; vacation :from "nobody, x@y.example" "away";
