#include "cmd/user_password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "cmd/terminal.h"

enum { LETTERS = 26, FIRST_GROUP = 6, GROUP = 5, GROUPS = 5 };

char *password_make(void)
{
	/* No 0, 1, 8, 9: they are taken for letters (RFC 4648, 6). */
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char chance[LETTERS];
	char *text = mem_alloc(LETTERS + GROUPS);
	size_t n = 0;

	random_bytes(chance, sizeof chance);
	for (size_t i = 0; i < LETTERS; i++) {
		if (i >= FIRST_GROUP && (i - FIRST_GROUP) % GROUP == 0)
			text[n++] = '-';
		text[n++] = letters[chance[i] & 31];
	}
	text[n] = '\0';
	mem_wipe(chance, sizeof chance);
	return text;
}

/* One line, or NULL at the end of the input. */
static char *line_ask(struct terminal *t, bool hidden, const char *prompt)
{
	char *line = NULL;
	int r;

	if (hidden)
		(void)fprintf(stderr, "%s: ", prompt);
	do
		r = terminal_line(t, &line);
	while (r == 0);
	if (hidden)
		(void)fputc('\n', stderr);
	return line;
}

char *password_ask(bool twice, struct err *e)
{
	char *first, *second = NULL;
	struct terminal t;
	bool hidden;

	terminal_begin(&t);
	hidden = terminal_hide(&t);
	first = line_ask(&t, hidden, "Password");
	if (first != NULL && hidden && twice)
		second = line_ask(&t, hidden, "Once more");
	terminal_end(&t);
	if (first == NULL) {
		(void)err_set(e, ERR_INPUT, 0, "no password was given");
	} else if (hidden && twice && (second == NULL || strcmp(first, second) != 0)) {
		(void)err_set(e, ERR_INPUT, 0, "the two passwords differ");
		mem_wipe_str(&first);
	}
	mem_wipe_str(&second);
	return first;
}
