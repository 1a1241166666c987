/*
 * mailferry-fetch, and what it and the supervisor say to each other on the
 * role's socket, behind what role.h has for all:
 *
 *   ROLE_RUN       to the role: run now, with MODE. It does nothing before the first one
 *   ROLE_PROGRESS  from the role: how far the run in hand is; the first one says that it has begun
 *   ROLE_LINE      from the role: something about one message
 *   ROLE_RAN       from the role: a run has ended; IDLE: it stays, and waits for news at the source
 *
 * The supervisor reads all of it as hostile: the source wrote most of it. The
 * same fields go on to the command line (cmd/sync.h).
 */
#ifndef MAILFERRY_ROLE_FETCH_H
#define MAILFERRY_ROLE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "fetch/run.h"
#include "ipc/message.h"

enum fetch_tag {
	FETCH_TAG_MODE = 100, /* enum run_mode */
	FETCH_TAG_COPY_TO,    /* account */
	FETCH_TAG_FOLDER,
	FETCH_TAG_MESSAGES,
	FETCH_TAG_MESSAGES_ALL,
	FETCH_TAG_OCTETS,
	FETCH_TAG_OCTETS_ALL,
	FETCH_TAG_SKIPPED,
	FETCH_TAG_KNOWN,
	FETCH_TAG_OWN,
	FETCH_TAG_REMOVED,
	FETCH_TAG_MOVED,
	FETCH_TAG_MARKED,
	FETCH_TAG_MESSAGE, /* its UID or UIDL */
	FETCH_TAG_SIZE,
	FETCH_TAG_FROM,
	FETCH_TAG_SUBJECT,
	FETCH_TAG_MESSAGE_ID,
	FETCH_TAG_TO,
	FETCH_TAG_ACCOUNT,
	FETCH_TAG_INTO,
	FETCH_TAG_RULE,
	FETCH_TAG_WHY,
	FETCH_TAG_END, /* enum run_end */
	FETCH_TAG_WORDS,
	FETCH_TAG_STARTED, /* wall clock */
	FETCH_TAG_ENDED,
	FETCH_TAG_DELAY, /* ms that the server wants to be left alone; 0: it did not say */
	FETCH_TAG_IDLE	 /* 1 */
};

/* TEXT_MAX: octets of a text on this way, at most; longer ones are cut. POLL_MS: how often a source with `push' but
 * without `every' and `at' is looked at anyway, as its server may forget to tell. */
enum { FETCH_TEXT_MAX = 1000, FETCH_POLL_MS = 30 * 60 * 1000 };

/* How long a source with `push' waits for news from NOW_MS (wall clock) on. */
int64_t fetch_poll_ms(const struct config_source *s, int64_t now_ms);

void fetch_put_progress(struct ipc_out *out, const struct run_progress *p);
void fetch_put_line(struct ipc_out *out, const struct run_line *l);

/* Texts of OUT are owned: fetch_progress_clear, fetch_line_clear. Whatever the fields hold, numbers are bounded so that
 * sums of them do not overflow. */
void fetch_get_progress(struct slice fields, struct run_progress *out);
void fetch_get_line(struct slice fields, struct run_line *out);
void fetch_progress_clear(struct run_progress *p);
void fetch_line_clear(struct run_line *l);

/* How a run ended, with its times (wall clock). */
struct fetch_ran {
	struct run_result result;
	int64_t started_ms, ended_ms;
	bool idle;
};
void fetch_put_ran(struct ipc_out *out, const struct fetch_ran *r);
void fetch_get_ran(struct slice fields, struct fetch_ran *out); /* result.done.folder is "" */

#endif
