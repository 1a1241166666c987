require "envelope";
if envelope "bymode" "return" {
	discard;
}
