fileinto "a";
if envelope "to" "x" {}
keep :flags "x";
addflag "y";
set "a" "b";
if string "a" "b" {}
if header :value "gt" "a" "b" {}
if header :count "gt" "a" "b" {}
if header :comparator "i;ascii-numeric" "a" "b" {}
if address :detail "to" "b" {}
fileinto "b"; set "c" "d"; if envelope "from" "x" {} addflag "z"; keep :flags "y";
