#include "cmd/login_words.h"

#include <string.h>

/* What stands for what, the first that fits: names on pages and of rights differ by protocol, titles of pages do not. */
static const struct {
	const char *imap, *pop3;
} words[] = {
	{ "Forwarding and POP/IMAP, IMAP access", "Forwarding and POP/IMAP, POP download" },
	{ "Forwarding and POP/IMAP", "Forwarding and POP/IMAP" },
	{ "Forwarding and IMAP", "Forwarding and IMAP" },
	{ "IMAP.AccessAs", "POP.AccessAs" },
	{ "-ImapEnabled", "-PopEnabled" },
	{ "IMAP", "POP3" },
};

void login_words(const char *text, bool pop3, struct buf *out)
{
	while (*text != '\0') {
		size_t i, n = strcspn(text, "FI-");

		(void)buf_add(out, text, n);
		text += n;
		for (i = 0; pop3 && *text != '\0' && i < sizeof words / sizeof words[0]; i++) {
			if (strncmp(text, words[i].imap, strlen(words[i].imap)) == 0)
				break;
		}
		if (*text == '\0')
			return;
		if (!pop3 || i == sizeof words / sizeof words[0]) {
			(void)buf_add_char(out, *text++);
		} else {
			(void)buf_add_str(out, words[i].pop3);
			text += strlen(words[i].imap);
		}
	}
}
