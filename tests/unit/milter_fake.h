/* Milters without sockets behind a fake receiver: what each says to a command is a table of octets. For unit tests and
 * fuzzing. */
#ifndef MAILFERRY_TESTS_MILTER_FAKE_H
#define MAILFERRY_TESTS_MILTER_FAKE_H

#include "smtp/milter_chain.h"
#include "smtp_fake.h"

enum { MILTER_FAKE_MAX = 3, MILTER_FAKE_WIRES = 64 };

/* What a milter is like; they are called m0, m1, m2. */
struct milter_script {
	struct slice says[128]; /* to a command by its letter; nothing where p is NULL. "C…" below makes the usual ones */
	bool down;		/* no connection is to be had */
	char closes;		/* the letter of the command at which it hangs up; 0: none */
	struct buf told;	/* a line for each command: its letter, and its octets with | for NUL; macros only with … */
	bool macros;		/* … this */
	unsigned connections;
};

struct milter_wire {
	struct milter_fakes *all;
	struct milter_script *script;
	struct milter *m; /* NULL: closed */
	milter_moved_fn *moved;
	void *arg;
	struct buf in, out; /* from us, and to us */
	bool failing, hung_up;
};

struct milter_fakes {
	struct fake f;
	struct milter_wires wires;
	struct milter_script scripts[MILTER_FAKE_MAX];
	struct milter_wire all[MILTER_FAKE_WIRES];
	size_t n;
	size_t step; /* octets that come at once; 0: all */
};

/* A receiver with listeners mx (milter m0), two (m0 and m1) and lmtp (m0), whose milters take all; MORE is added to its
 * configuration. */
void milter_fake_open(struct milter_fakes *m, const char *more);
void milter_fake_close(struct milter_fakes *m);

void milter_fake_connect(struct milter_fakes *m, size_t listener);

/* The client sends, and everybody says what there is to say. */
void milter_fake_send(struct milter_fakes *m, const char *s);

/* Everybody but the client. */
void milter_fake_pump(struct milter_fakes *m);

/* Time goes on. */
void milter_fake_wait(struct milter_fakes *m, int64_t ms);

/* What milter N was told since the last call. */
const char *milter_fake_told(struct milter_fakes *m, size_t n);

/* An answer to the negotiation: terms of a milter that wants ACTIONS and PROTOCOL. A static buffer for each of 8 calls. */
struct slice milter_fake_terms(unsigned version, unsigned actions, unsigned protocol);

/* One packet (up to 8 hold at a time): LETTER and N octets. */
struct slice milter_fake_packet(char letter, const char *p, size_t n);
#define PACKET(letter, s) milter_fake_packet(letter, s, sizeof(s) - 1)

#endif
