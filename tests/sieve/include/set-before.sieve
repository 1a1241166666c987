require ["include", "variables"];
set "a" "b";
global "a";
