/* A message from a file, for a dry run: line ends made CRLF, the envelope guessed from the header. */
#ifndef MAILFERRY_CMD_TRY_MESSAGE_H
#define MAILFERRY_CMD_TRY_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "msg/message.h"

struct try_message {
	struct message message;
	struct buf head;
	int fd;		 /* a file without a name, when the message is large; else -1 */
	struct buf from; /* Return-Path, Sender or From; "" is the null sender */
	struct buf to;	 /* Delivered-To, X-Original-To or To */
};

/* Once, before this program shuts itself in: opens where a large message will be kept. */
void try_message_prepare(void);

/* PATH may be "-" for standard input. try_message_free in every case. 0, or -1. */
int try_message_read(struct try_message *m, const char *path, struct err *e);
void try_message_free(struct try_message *m);

#endif
