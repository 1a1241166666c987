if header :mime "Subject" "x" { stop; }
