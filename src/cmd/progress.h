/*
 * What `mailferry sync' and `mailferry copy' show while they wait: events of a
 * run (cmd/sync.h) kept as how things stand, and a view of that for a terminal, a
 * pipe or a program.
 */
#ifndef MAILFERRY_CMD_PROGRESS_H
#define MAILFERRY_CMD_PROGRESS_H

#include "cmd/sync.h"

enum {
	PROGRESS_REASONS_MAX = 16, /* why messages of a source were left, each of its own */
	PROGRESS_FIRST_MAX = 3,	   /* messages shown of each */
	PROGRESS_SAMPLES = 16,
	PROGRESS_LINE_BYTES = 16 * 1024
};

struct progress_reason {
	char *why;			 /* owned */
	char *first[PROGRESS_FIRST_MAX]; /* owned, one clean line each */
	uint64_t n;
};

struct progress_sample {
	int64_t at_ms; /* monotonic */
	uint64_t messages, octets;
};

struct progress_source {
	char *name; /* owned, as all below */
	enum sync_state state;
	bool attached;
	char *words, *folder;
	struct run_progress sums; /* its folder is NULL: see above */
	enum run_end end;
	int64_t started_ms, ended_ms, next_ms; /* wall clock */
	struct progress_reason reasons[PROGRESS_REASONS_MAX];
	size_t nreasons;
	uint64_t lost; /* lines that did not reach us */
	struct progress_sample samples[PROGRESS_SAMPLES];
	size_t nsamples;
	int64_t said_ms; /* monotonic: when the plain view last told how far it is */
};

struct progress_account {
	char *name;
	enum sync_state state;
	char *words;
	uint64_t waiting, filed, stuck;
	int64_t next_ms;
	bool held, told;
	uint64_t most; /* that were to be filed at once, for the bar */
};

struct progress;

/* ---- the views: called for each event, once the model knows it; S or A is what it is about, or both are NULL ---- */
typedef void progress_view(struct progress *p, const struct sync_event *ev, struct progress_source *s,
			   struct progress_account *a);
progress_view progress_screen, progress_plain, progress_json, progress_quiet;

struct progress {
	progress_view *view;
	enum run_mode mode;
	bool copies; /* for the words of a dry run */
	bool color;
	struct progress_source *sources;
	struct progress_account *accounts;
	size_t nsources, naccounts;
	int status; /* of SYNC_DONE; -1: it has not come */
	char *words;
	char *last;	       /* progress_is_next */
	struct screen *screen; /* of progress_screen */
};

/* VIEW: NULL for the one that fits standard output. */
void progress_init(struct progress *p, progress_view *view, enum run_mode mode);
int progress_event(struct progress *p, const struct sync_event *ev);
/* Leaves standard output so that something else can be printed. */
void progress_free(struct progress *p);

/* Is this SYNC_LINE about another message than the one before? A message with several deliveries has a line for each.
 */
bool progress_is_next(struct progress *p, const struct sync_event *ev);

/* ---- progress_words.c: sentences for people, appended to OUT, clean ---- */

/* Nothing but a person's doing will mend it. */
bool progress_needs_person(enum run_end end);

/* "fetched 20 messages, 1.2 MB in 3s; 2 skipped": of a source that has ended. */
void progress_ran(const struct progress *p, const struct progress_source *s, struct buf *out);

/* "20 filed; 3 wait: …": of an account. */
void progress_filed(const struct progress_account *a, struct buf *out);

/* Lines about what was left, each with INDENT in front and a line feed behind. */
void progress_left(const struct progress_source *s, const char *indent, struct buf *out);

/* One line about a message: "INBOX 12, 3.1 kB, from …, "…""; and where it would go: "-> account …, folder …, by …". */
void progress_message(const struct run_line *l, struct buf *out);
void progress_plan(const struct run_line *l, struct buf *out);

/* Octets and messages a second of late, 0 when not known; and how long what is left will take, -1 when not known. */
void progress_rate(const struct progress_source *s, double *octets, double *messages);
int64_t progress_left_ms(const struct progress_source *s);

#endif
