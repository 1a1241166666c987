/*
 * The rules engine: Sieve (RFC 5228 and extensions) as a pure library. A script
 * is compiled once and run many times; a run reads a message and an envelope
 * and writes a plan. It does nothing itself: no file, no network, no clock but
 * the one it is given.
 */
#ifndef MAILFERRY_SIEVE_SIEVE_H
#define MAILFERRY_SIEVE_SIEVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "msg/message.h"
#include "sieve/plan.h"

enum {
	SIEVE_SCRIPT_MAX = 1024 * 1024, /* octets of a script */
	SIEVE_NESTING_MAX = 32,		/* blocks and tests within each other (RFC 5228, 2.10.5 asks for 15) */
	SIEVE_ACTIONS_MAX = 32,
	SIEVE_REDIRECTS_MAX = 4,
	SIEVE_STEPS_MAX =
	    2000000, /* of a run: each command, test, compared string and a share of each byte looked at */
	SIEVE_RUN_BYTES_MAX = 8 * 1024 * 1024 /* memory of one run */
};

struct sieve_program; /* immutable once compiled: shared by any number of runs */

/* NAME is what errors call the script (its path). Errors, all that were found (up to 20), are appended to ERRORS as
 * lines "NAME:LINE:COLUMN: error: …". NULL when there was one. */
struct sieve_program *sieve_compile(const char *name, struct slice script, struct buf *errors);
void sieve_program_free(struct sieve_program **p);

/* Calls FN for each command in the program that needs a part of the outside that may not be there ("redirect"). */
void sieve_program_each(const struct sieve_program *p,
			void (*fn)(void *arg, const char *command, unsigned line, unsigned column), void *arg);

struct sieve_input {
	const struct message *message;
	struct slice from; /* envelope sender without brackets; "" is the null sender */
	struct slice to;   /* this recipient */
	struct slice auth; /* who authenticated, or SLICE_NONE */
	/* mailboxexists (RFC 5490); NULL: no mailbox is known, the test is false but for INBOX. */
	bool (*mailbox_exists)(void *arg, struct slice mailbox);
	/* specialuse_exists (RFC 8579): is there a folder for USE ("\Junk"), or is MAILBOX (not empty) it? NULL: no. */
	bool (*use_exists)(void *arg, struct slice mailbox, struct slice use);
	void *arg;
};

/* Fills PLAN (initialised here; plan_free it in every case). 0, or -1 when a run-time error turned the plan into an
 * implicit keep; PLAN->error tells then. */
int sieve_run(const struct sieve_program *p, const struct sieve_input *in, struct plan *plan);

#endif
