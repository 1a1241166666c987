require ["extlists", "foreverypart", "mime", "enclose"];
foreverypart {
	if header :mime :param "filename" :list ["Content-Type", "Content-Disposition"]
		"tag:example.com,2011-04-10:BadFileNameExts" {
		enclose :subject "Warning" "The enclosed message has attachments that might be unsafe.";
		break;
	}
}
