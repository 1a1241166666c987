/*
 * A POP3 server that follows a script, in this process, and the client's side of
 * a session with it. The server gets its turn whenever the client waits, so every
 * cut of the octets happens just where the test wants it. Time is not waited for:
 * a wait in which nothing comes moves the clock on.
 *
 * Programs with it are linked with --wrap=poll and --wrap=clock_mono_ms.
 */
#ifndef MAILFERRY_TESTS_POP3_FAKE_H
#define MAILFERRY_TESTS_POP3_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "fetch/source.h"

#define NEVER ((size_t)-1)

/* ---- the server ---- */

struct turn {
	const char *command; /* what the client says; a "*" at its end stands for anything */
	const char *reply;
};

extern struct fake_server {
	const struct turn *turns; /* borrowed; the last has no command */
	size_t turn;
	const char *greeting;
	int fd, client;
	struct buf in, out;
	size_t sent;
	size_t cut;   /* a read of the client ends here; 0: after each octet; NEVER: nowhere */
	size_t close; /* the connection ends here */
	int64_t drip; /* milliseconds between two octets; 0: at once */
	int64_t next;
	bool wrong;
} fake_server;

/* What clock_mono_ms tells. */
extern int64_t fake_now_ms;

/* From here on, TURNS are what is said; see fake_server for CUT and CLOSE_AT. fake_stop fails the test if the client
 * said anything else. */
void fake_start(const struct turn *turns, const char *greeting, size_t cut, size_t close_at);
void fake_stop(void);

/* It has a time stamp (RFC 1939, 7: APOP). */
extern const char fake_greeting[];
/* What the client says to log in with PLAIN, and what a server says that knows no CAPA. */
#define PLAIN "AUTH PLAIN AG9mZmljZQBzM2NyZXQ="
#define NO_CAPA { "CAPA", "-ERR what?\r\n" }

/* ---- the client ---- */

extern struct config_source fake_source;
extern struct source_login fake_login; /* for source_pop3.open */
extern int64_t fake_delay;
extern struct buf fake_story; /* what happened */

/* The source "old" of office at pop.example.net, without TLS; an empty story. */
void fake_reset(void);

/* These write the story: of messages, and of a list. */
int fake_begin(void *arg, const struct source_item *item);
int fake_piece(void *arg, struct slice bytes);
int fake_end(void *arg, const struct source_item *item, enum source_got got, const char *words);
int fake_tell(void *arg, const struct source_item *item);
extern const struct source_handler fake_handler;

/* The messages 1 to N, as SIZES have them. */
void fake_choose(struct source_item *items, size_t n, const uint64_t *sizes, const char *const *names);

/* Around a group of tests. */
int fake_set_up(void **state);
int fake_tear_down(void **state);

#endif
