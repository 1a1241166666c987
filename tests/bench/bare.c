/*
 * bare PORT FILE COUNT FOLDER HOW: the floor that mailferry's filing is held
 * against. Logs in as office and APPENDs mails from memory with
 * non-synchronising literals (RFC 7888), with no spool, rules, record or
 * recovery. HOW is
 *   one       each after the answer to the one before
 *   window N  N without an answer at most
 *   batch N   N in one MULTIAPPEND (RFC 3502), each after the answer to the one before
 * Prints one line of JSON; the clock runs from connecting to the last answer.
 */
#include "mails.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes answers until there are UNANSWERED at most, and those that are there already. Returns how many are left. */
static size_t answers(struct peer *p, size_t open, size_t unanswered)
{
	while (open > 0 && peer_line(p, open > unanswered)) {
		if (p->line[0] == '*')
			continue;
		if (strncmp(p->line, "a OK", 4) != 0)
			give_up("the server said: %s", p->line);
		open--;
	}
	return open;
}

/* N mails from AT on in one APPEND. */
static void append(struct peer *p, const char *folder, const struct iovec *at, size_t n)
{
	struct iovec v[2];
	char head[512];

	for (size_t i = 0; i < n; i++) {
		int size = i == 0 ? snprintf(head, sizeof head, "a APPEND \"%s\" {%zu+}\r\n", folder, at[i].iov_len)
				  : snprintf(head, sizeof head, " {%zu+}\r\n", at[i].iov_len);

		if (size < 0 || (size_t)size >= sizeof head)
			give_up("the folder's name is too long");
		v[0] = (struct iovec){ head, (size_t)size };
		v[1] = at[i];
		peer_write(p, v, 2);
	}
	v[0] = (struct iovec){ "\r\n", 2 };
	peer_write(p, v, 1);
}

int main(int argc, char **argv)
{
	static struct peer p;
	struct mails m;
	size_t open = 0, size = 1, window = 1, n;
	double began;

	if (argc < 6)
		give_up("usage: bare PORT FILE COUNT FOLDER one|window|batch [N]");
	n = argc > 6 ? strtoul(argv[6], NULL, 10) : 1;
	if (strcmp(argv[5], "batch") == 0)
		size = n;
	else if (strcmp(argv[5], "window") == 0)
		window = n;
	mails_read(&m, argv[2], strtoul(argv[3], NULL, 10));
	began = now();
	peer_open(&p, (unsigned)strtoul(argv[1], NULL, 10));
	(void)peer_line(&p, true);
	peer_print(&p, "a LOGIN office s3cret\r\n");
	(void)answers(&p, 1, 0);
	for (size_t i = 0; i < m.n; i += size) {
		open = answers(&p, open, window - 1);
		append(&p, argv[4], m.all + i, m.n - i < size ? m.n - i : size);
		open++;
	}
	(void)answers(&p, open, 0);
	report(began, &m);
	return 0;
}
