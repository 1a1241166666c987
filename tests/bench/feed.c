/*
 * feed PORT FILE COUNT ADDRESS SESSIONS: brings mails in by SMTP, from as many
 * sessions at the same time, each over one connection. Prints one line of JSON;
 * the clock runs from the first connection to the last 250. No line of a mail
 * may begin with a dot.
 */
#include "mails.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect(struct peer *p, const char *code)
{
	do
		(void)peer_line(p, true);
	while (p->line[0] != '\0' && p->line[3] == '-');
	if (strncmp(p->line, code, 3) != 0)
		give_up("the server said: %s", p->line);
}

static void session(unsigned port, const struct mails *m, const char *to, size_t first, size_t step)
{
	static struct peer p;

	peer_open(&p, port);
	expect(&p, "220");
	peer_print(&p, "EHLO bench.example.org\r\n");
	expect(&p, "250");
	for (size_t i = first; i < m->n; i += step) {
		struct iovec v[2] = { m->all[i], { ".\r\n", 3 } };

		peer_print(&p, "MAIL FROM:<bench@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n", to);
		expect(&p, "250");
		expect(&p, "250");
		expect(&p, "354");
		peer_write(&p, v, 2);
		expect(&p, "250");
	}
	peer_print(&p, "QUIT\r\n");
	expect(&p, "221");
}

int main(int argc, char **argv)
{
	struct mails m;
	size_t sessions;
	double began;
	int status, bad = 0;

	if (argc != 6)
		give_up("usage: feed PORT FILE COUNT ADDRESS SESSIONS");
	mails_read(&m, argv[2], strtoul(argv[3], NULL, 10));
	sessions = strtoul(argv[5], NULL, 10);
	began = now();
	for (size_t i = 0; i < sessions; i++) {
		pid_t child = fork();

		if (child < 0)
			give_up("no process");
		if (child == 0) {
			session((unsigned)strtoul(argv[1], NULL, 10), &m, argv[4], i, sessions);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad |= status;
	if (bad != 0)
		return 1;
	report(began, &m);
	return 0;
}
