require ["include", "variables"];
global "given";
set "mine" "other";
if string "${given}" "in" {
	set "given" "out";
}
set "global.new" "made";
