require ["relational", "comparator-i;ascii-numeric"];
if header :value "above" "a" "1" { keep; }
if header :count "a" "1" { keep; }
if header :contains :comparator "i;ascii-numeric" "a" "1" { keep; }
if header :value "gt" :is "a" "1" { keep; }
