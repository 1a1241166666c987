require ["foreverypart", "mime", "fileinto"];
if not header :mime "X-Part" "0" { discard; stop; }
if size :under 100 { discard; stop; }
foreverypart {
	if header :mime "X-Part" "0" { fileinto "first"; }
	if header :mime "X-Part" "7" { fileinto "last"; }
}
