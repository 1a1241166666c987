if header :list "subject" "tag:a.example,2026:none" {
	discard;
}
