/*
 * A message as rules and intake see it: its header in memory, the rest by
 * reading. Parsed once, however many recipients' rules then run over it.
 */
#ifndef MAILFERRY_MSG_MESSAGE_H
#define MAILFERRY_MSG_MESSAGE_H

#include <stdint.h>

#include "msg/header.h"

struct message {
	struct header header;
	struct slice
	    head;      /* the front of the message: at least the whole header block, the whole message if it is small */
	uint64_t size; /* octets of the whole message, line ends as CRLF */
	int fd;	       /* the whole message, readable with pread; -1 when head is all of it. Not owned. */
};

/* HEAD must outlive M. */
void message_init(struct message *m, struct slice head, uint64_t size, int fd);
void message_free(struct message *m);

#endif
