/* Lines that a person types or pastes. A terminal by itself cuts a line after 4,095 octets, and URLs are longer. */
#ifndef MAILFERRY_CMD_TERMINAL_H
#define MAILFERRY_CMD_TERMINAL_H

#include <stdbool.h>

#include "base/buf.h"

struct terminal {
	int fd; /* standard input; -1 when it is at its end */
	bool raw;
	struct buf in;
};

enum { TERMINAL_LINE_MAX = 16 * 1024 };

/* From now until terminal_end, also when a signal ends the program, a terminal hands on what is typed at once. */
void terminal_begin(struct terminal *t);
void terminal_end(struct terminal *t);

/* What is typed is no longer shown, until terminal_end. False when standard input is no terminal. */
bool terminal_hide(struct terminal *t);

/* Reads what is there (poll before). 1: *LINE is whole, without its end, from mem_alloc; 0: not yet; -1: the end. A
 * line that is too long is handed out cut. */
int terminal_line(struct terminal *t, char **line);

#endif
