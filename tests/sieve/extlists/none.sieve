require "extlists";
if not address :list "from" "tag:a.example,2026:none" {
	discard;
}
