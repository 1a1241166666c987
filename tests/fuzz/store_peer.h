/*
 * An IMAP server in this process, for the fuzz target of a store's session. It
 * does what it is told and keeps account of what it was given; the bytes of the
 * input say at which command it does something else: hangs up before or after
 * it kept the message, keeps it later, says NO or BAD, falls silent, lets a user
 * move things, or says whatever bytes the input has.
 */
#ifndef MAILFERRY_TESTS_STORE_PEER_H
#define MAILFERRY_TESTS_STORE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_ID = 16 };

/* What the first bytes of the input choose, for both sides. */
struct peer_setup {
	unsigned deliveries, window, batch, connections;
	uint64_t size;
	unsigned kind; /* of folders and flags */
};

/* Takes the input; forgets all of the run before. */
void peer_begin(const uint8_t *p, size_t n, struct peer_setup *setup);
void peer_end(void);

/* The client's end of a new connection, or -1: refused. */
int peer_connect(void);

/* Reads what the client wrote and answers; true when anything moved. */
bool peer_step(int64_t now);

/* Only takes note of what the client wrote. */
void peer_listen(void);

size_t peer_connections(void); /* so far */

/* It has said something that is not so, or could be taken so. */
bool peer_lied(void);

/* How often the message with ID was kept, anywhere. */
unsigned peer_kept(const char *id);

/* How often its bytes were seen. */
unsigned peer_seen(const char *id);

/* Was a command that held ID answered by WORD ("OK", "NO")? LAST: the last such command. */
bool peer_answered(const char *id, const char *word, bool last);

/* Did ID stand in anything that was sent to the client? */
bool peer_showed(const char *id);

#endif
