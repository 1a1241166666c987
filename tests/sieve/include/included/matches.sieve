require "variables";
if header :matches "subject" "*" {
	set "mine" "${1}";
}
