require ["foreverypart", "mime", "fileinto", "enclose"];
enclose :subject "Enclosed" "text";
if not header "Subject" "Enclosed" { discard; stop; }
foreverypart {
	if header :mime "X-Part" "7" { fileinto "last"; }
}
