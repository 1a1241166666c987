/*
 * A run over a source without a source, a network or a spool: a mailbox in
 * memory behind the driver's table, a memory behind the names of
 * spool/source.h, a spool behind intake's table. Every call to any of them is
 * one step, and the world can end at any step, as in a power cut: what was
 * committed before stays, nothing happens after.
 */
#ifndef MAILFERRY_TESTS_FETCH_FAKE_H
#define MAILFERRY_TESTS_FETCH_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fetch/run.h"

enum { FAKE_FOLDERS = 3, FAKE_CONTENTS = 4096, FAKE_DAY_MS = 24 * 60 * 60 * 1000 };

/* What a message says. Those with the same number are the same octet by octet. */
struct fake_content {
	char *bytes; /* owned */
	size_t n, head;
	unsigned arrived; /* how many of them ever came */
	unsigned taken;	  /* how many the spool has */
	unsigned noted;	  /* notes about it that the spool has */
	unsigned fetched; /* how often its body was asked for */
	unsigned headed;  /* how often its head was */
	unsigned removed; /* by a run; moved ones count */
	unsigned lost;	  /* by others, perhaps before a run could see it */
	unsigned settled; /* of those taken, how many are delivered */
	unsigned stuck;
};

struct fake_message {
	unsigned content;
	uint32_t uid;
	char name[80];
	uint64_t size; /* as it is told */
	int64_t internal_ms;
	const char *flags;
	bool refused;  /* the server does not give it */
	bool breaks;   /* the session breaks in the middle of it, and the driver says why */
	bool hangs_up; /* the same, and it is only seen that the server has gone */
	bool seen, marked_deleted;
};

struct fake_folder {
	const char *name;
	bool there;
	bool closed; /* it is there, but can't be opened */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;
	struct fake_message *all; /* owned */
	size_t n, cap;
};

struct fake_row {
	struct spool_origin o; /* o.name is NAME, o.reason REASON */
	char name[256], reason[400];
	unsigned content; /* TAKEN */
};

struct fake_generation {
	struct origin_folder f;
	char name[64], mailbox[100];
};

struct fake_run_line {
	char folder[40], name[80], into[60], why[300], subject[100];
};

struct fake_world {
	bool imap;
	/* what the server is like */
	bool top; /* POP3: can show heads */
	bool condstore, uidplus, can_move;
	bool content_names;		/* POP3: UIDL is made of the content */
	bool no_names;			/* POP3: no UIDL */
	bool disordered;		/* answers come in another order */
	bool shows_nothing, shows_half; /* a bad day: that is all it lists, and says that it is all */
	bool gaps;			/* every other message is missing in what it lists, and it says so */
	bool quit_fails, quit_lies;	/* QUIT is refused; is confirmed and removes nothing */
	bool grows;			/* Status lines get added to headers once they were read */
	struct fake_folder folders[FAKE_FOLDERS];
	struct fake_content contents[FAKE_CONTENTS];
	unsigned ncontents, serial;

	/* the memory */
	struct fake_generation gens[64];
	size_t ngens;
	struct fake_row *rows; /* owned */
	size_t nrows, caprows;
	int64_t last_row, last_gen, last_message;
	size_t changes, puts; /* requests that wrote */
	char mine[17];	      /* a delivery id of ours */

	/* the spool */
	bool full, failing;
	uint64_t spool_messages;
	char last_folder[60]; /* of the newest delivery */
	char last_flags[60];
	struct buf last_body;

	/* steps */
	long steps, end_at; /* 0: never */
	bool applied;	    /* what is asked in that very step happens, and only its answer is lost */
	bool ended;

	/* what a run said */
	struct fake_run_line *lines; /* owned */
	size_t nlines;
	unsigned lists, presents, sames, bodies, heads, enters;

	/* its setup */
	struct event_base *base;
	struct config *config;
	struct config_source source;
	struct intake *intake;
	struct run_dry *dry;
	struct fake_answer *answers;
};

void fake_world_init(struct fake_world *w, bool imap);
void fake_world_free(struct fake_world *w);

/* A new content with a Message-ID, or without; BODY octets of it. */
unsigned fake_content(struct fake_world *w, bool named, size_t body);
unsigned fake_content_of(struct fake_world *w, const char *text);

/* A message comes. Its UID or name is new, unless names are made of content. */
struct fake_message *fake_arrive(struct fake_world *w, size_t folder, unsigned content);
/* Somebody else removes message I. */
void fake_lose(struct fake_world *w, size_t folder, size_t i);
/* Somebody moves it. */
void fake_shift(struct fake_world *w, size_t folder, size_t i, size_t to);
/* All names change; a new UIDVALIDITY. */
void fake_rename_all(struct fake_world *w, size_t folder);
/* MS pass, for all that is remembered and there. */
void fake_pass(struct fake_world *w, int64_t ms);
/* Every delivery of what was taken so far comes to an end: delivered, or stuck. */
void fake_settle(struct fake_world *w, bool stuck);

/* One run. The world's steps and counters of what a run said begin anew. */
struct run_result fake_run(struct fake_world *w, enum run_mode mode);
/* Runs of which the first ends at step END_AT. How many steps it made. */
struct run_result fake_run_until(struct fake_world *w, enum run_mode mode, long end_at, bool applied);

/* The memory's names mean that of W from now on; every run does so. */
void fake_adopt(struct fake_world *w);

/* As run_wait, with a limit that has passed. */
struct run_result fake_wait_for(struct fake_world *w, long end_at, bool *news, bool *can);

size_t fake_present(const struct fake_world *w, unsigned content);
size_t fake_rows_of(const struct fake_world *w, enum origin_fate fate);

#endif
