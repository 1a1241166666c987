/*
 * The bytes between 354 and the final dot (RFC 5321, 4.1.1.4 and 4.5.2): finds
 * the end, takes the stuffed dots out, and watches line ends. Only CR LF . CR LF
 * ends a message, whatever the policy on line ends. Can be entered again at any
 * byte; content is handed on as runs of the input, not byte by byte.
 */
#ifndef MAILFERRY_SMTP_DATA_H
#define MAILFERRY_SMTP_DATA_H

#include <stdbool.h>

#include "base/slice.h"

enum smtp_data_end {
	SMTP_DATA_MORE, /* all input was used */
	SMTP_DATA_DONE, /* the final dot was seen; what is behind it was not used */
	SMTP_DATA_BARE, /* a CR without LF or an LF without CR, where that is refused: there is no going on */
	SMTP_DATA_STOP	/* the sink asked to stop behind the bytes that it got */
};

struct smtp_data {
	unsigned char state;
	bool normalise; /* a bare CR or LF becomes CR LF; else it ends everything */
	bool bare;	/* one was seen */
	bool nul;	/* a NUL was seen; it is handed on */
	bool literal;	/* of chunks: a dot is a dot, and only smtp_data_finish ends the message */
};

/* Takes a piece of content; a return of -1 means stop. */
typedef int smtp_data_fn(void *arg, struct slice content);

void smtp_data_init(struct smtp_data *d, bool normalise);

/* The same for a message that comes in chunks (RFC 3030). */
void smtp_data_init_literal(struct smtp_data *d, bool normalise);

/* Reads IN and calls SINK (NULL: the content is thrown away) for the content; *USED says how much of IN was taken. */
enum smtp_data_end smtp_data_feed(struct smtp_data *d, struct slice in, smtp_data_fn *sink, void *arg, size_t *used);

/* The last chunk has come. A message whose last line has no end gets one. SMTP_DATA_DONE, _BARE, or _STOP; it may be
 * called again. */
enum smtp_data_end smtp_data_finish(struct smtp_data *d, smtp_data_fn *sink, void *arg);

#endif
