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

/* What one run may do. */
struct sieve_limits {
	size_t actions, redirects, notifications;
	size_t variable_size; /* octets; a longer value is cut (RFC 5229, 6) */
	size_t header_size;   /* octets of a value that addheader adds (RFC 5293, 4) */
	size_t include_depth; /* scripts within each other, without the outermost (RFC 6609, 3.1 asks for two) */
	uint64_t vacation_min, vacation_max; /* seconds between two answers to one sender; 0: any, a year */
	uint64_t steps;	      /* each command, test, compared string and a share of each octet looked at */
	size_t bytes;	      /* of memory, 12 MB at least */
	unsigned cpu_ms;      /* of processor time */
};

extern const struct sieve_limits sieve_usual_limits;

enum {
	SIEVE_SCRIPT_MAX = 1024 * 1024, /* octets of a script */
	SIEVE_NESTING_MAX = 32,		/* blocks and tests within each other (RFC 5228, 2.10.5 asks for 15) */
	SIEVE_ACTIONS_MAX = 32,
	SIEVE_REDIRECTS_MAX = 4,
	SIEVE_NOTIFICATIONS_MAX = 10,
	SIEVE_INCLUDES_MAX = 100,	       /* scripts that one includes, and they in turn */
	SIEVE_INCLUDES_BYTES_MAX = 4 * 1024 * 1024, /* of their texts together */
	SIEVE_INCLUDE_DEPTH_MAX = 10,
	SIEVE_SCRIPT_NAME_MAX = 512,	       /* octets of the name of a script; RFC 5804, 1.6 */
	SIEVE_VARIABLE_MAX = 64 * 1024,
	SIEVE_HEADER_MAX = 16 * 1024,
	SIEVE_STEPS_MAX = 2000000,
	SIEVE_CPU_MS_MAX = 10000,
	SIEVE_RUN_BYTES_MAX = 14 * 1024 * 1024
};

struct sieve_program; /* immutable once compiled: shared by any number of runs */

/* Where the scripts are that others include (RFC 6609). */
struct sieve_scripts {
	const char *self; /* what the script that is compiled is called among the personal ones; NULL: it is none of them */
	/* Is there such a script, of the site where GLOBAL is set, else of the user? Then *TEXT is it, and *PATH what
	 * errors call it; both must stay until the compilation returns. NAME holds no "/" and no control character. */
	bool (*find)(void *arg, bool global, struct slice name, struct slice *text, const char **path);
	void *arg;
	size_t max; /* 0: SIEVE_INCLUDES_MAX */
};

/* What a compilation is given besides the script, and where it tells what is wrong, and what is most likely not meant. */
struct sieve_telling {
	struct buf *errors;
	struct buf *warnings; /* NULL: nobody asks. Nothing where there are errors. */
	bool excerpts;	      /* with each its line of the script and a mark under the place, and what to require */
	const struct sieve_scripts *scripts; /* that may be included; NULL: none */
	unsigned max; /* how many errors of a script are told, and how many warnings, at most 200; 0: 20 */
};

/* NAME is what errors call the script (its path). Errors, all that were found (the first, and how many more), are
 * appended as lines "NAME:LINE:COLUMN: error: …", warnings the same way. NULL when there was an error. Scripts that it
 * includes become part of the program, and their errors are among the errors. One that is not there is an error of the run
 * that comes to it (RFC 6609, 3.1). */
struct sieve_program *sieve_compile_telling(const char *name, struct slice script, const struct sieve_telling *t);

/* The same with nothing but errors; without other scripts, or with SCRIPTS (may be NULL). */
struct sieve_program *sieve_compile(const char *name, struct slice script, struct buf *errors);
struct sieve_program *sieve_compile_with(const char *name, struct slice script, const struct sieve_scripts *scripts,
					 struct buf *errors);
void sieve_program_free(struct sieve_program **p);

/* Calls FN for each command in the program, and in the scripts that it includes, that needs a part of the outside that
 * may not be there ("redirect"). */
void sieve_program_each(const struct sieve_program *p,
			void (*fn)(void *arg, const char *script, const char *command, unsigned line, unsigned column),
			void *arg);

/* Calls FN for each folder that P, or what it includes, files into and expects to be there: named by a constant, without
 * ":create", and not asked for by mailboxexists. At most 1,000 of each script. */
typedef void sieve_folder_fn(void *arg, const char *script, struct slice mailbox, unsigned line, unsigned column);
void sieve_program_folders(const struct sieve_program *p, sieve_folder_fn *fn, void *arg);

/* Calls FN for each header field, named by a constant, that P, or what it includes, adds (ADD) or deletes. At most 1,000 of
 * each script. */
typedef void sieve_edit_fn(void *arg, const char *script, bool add, struct slice field, unsigned line, unsigned column);
void sieve_program_edits(const struct sieve_program *p, sieve_edit_fn *fn, void *arg);

struct sieve_item {
	struct slice name, value;
};

struct sieve_memory {
	struct slice key;
	bool known;
};

/* Names of header fields; the last character of each may be "*", which stands for anything. */
struct sieve_names {
	char *const *all;
	size_t n;
};

/* Where a verdict on the message stands (RFC 5235). */
enum sieve_verdict_type {
	SIEVE_VERDICT_SCORE,  /* a number, out of MOST */
	SIEVE_VERDICT_LENGTH, /* so many characters ("*****"), out of MOST */
	SIEVE_VERDICT_WORDS   /* one of WORDS, each at the value that it means */
};

enum { SIEVE_VERDICT_WORDS_MAX = 11 };

struct sieve_verdict {
	enum sieve_verdict_type type;
	const char *field;	/* name of the header field */
	const char *pattern;	/* extended regular expression, its first group is the verdict; NULL: all of the field */
	const char *most_field; /* where the worst that there is stands in a field; NULL: MOST is it */
	const char *most_pattern;
	const char *most;
	const char *words[SIEVE_VERDICT_WORDS_MAX]; /* NULL: none for this value */
	bool nocase;				    /* WORDS have no case */
};

/* What a run tells of its way, in this order: the values that a test compared, then the test. */
enum sieve_trace_kind {
	SIEVE_TRACE_VALUE,    /* NAME (a field; empty: something else) is VALUE; TRUTH: it matched, KEY as the script has it */
	SIEVE_TRACE_MISSING,  /* VALUE is what was looked for and is not there */
	SIEVE_TRACE_TEST,     /* the test WORD is over, with TRUTH */
	SIEVE_TRACE_BRANCH,   /* WORD ("if", "elsif"): its block runs, where TRUTH is set */
	SIEVE_TRACE_NOTE,     /* what the command WORD does not do, and why: VALUE, a sentence */
	SIEVE_TRACE_COMMAND,  /* the command WORD was carried out */
	SIEVE_TRACE_VARIABLE, /* the variable NAME (a number: a match variable) became VALUE */
	SIEVE_TRACE_ERROR     /* the run ends in WORD with an error */
};

struct sieve_event {
	enum sieve_trace_kind kind;
	const char *script;
	unsigned line, column;
	const char *word;
	bool truth;
	bool compares;		       /* of a test: it compares values with keys */
	struct slice name, value, key; /* until the call returns; any octets */
};

struct sieve_input {
	const struct message *message;
	const char *name; /* what errors of the run call the script; NULL: as those of its compilation did */
	void (*trace)(void *arg, const struct sieve_event *e); /* NULL: nobody asks, and it costs nothing */
	void *trace_arg;
	const struct sieve_limits *limits; /* NULL: sieve_usual_limits */
	struct slice from; /* envelope sender without brackets; "" is the null sender, SLICE_NONE none that is known */
	struct slice to;   /* this recipient, or SLICE_NONE */
	struct slice auth; /* who authenticated, or SLICE_NONE */
	/* What the sender asked about notifications (RFC 6009): SLICE_NONE or none where it did not say. */
	struct slice ret, envid, orcpt; /* "FULL"; decoded; "rfc822;me@office.example" */
	const struct slice *notify;	/* "NEVER", or some of "SUCCESS", "FAILURE", "DELAY" */
	size_t nnotify;
	/* mailboxexists (RFC 5490); NULL: no mailbox is known, the test is false but for INBOX. */
	bool (*mailbox_exists)(void *arg, struct slice mailbox);
	/* specialuse_exists (RFC 8579): is there a folder for USE ("\Junk"), or is MAILBOX (not empty) it? NULL: no. */
	bool (*use_exists)(void *arg, struct slice mailbox, struct slice use);
	/* :mailboxid and mailboxidexists (RFC 9042): is there a folder with this OBJECTID? NULL: no. */
	bool (*id_exists)(void *arg, struct slice id);
	/* An annotation (RFC 5490, 3.3) of MAILBOX, of the server where that is empty: true, and its value appended to
	 * OUT. NULL: there is none. */
	bool (*metadata)(void *arg, struct slice mailbox, struct slice name, struct buf *out);
	/* extlists (RFC 6134): is there a list called LIST, and is VALUE (not SLICE_NONE) in it? NULL: no list. */
	bool (*listed)(void *arg, struct slice list, struct slice value);
	/* Member number I of LIST, which is there; false: it has no more. NULL: they are not told (redirect :list fails). */
	bool (*list_member)(void *arg, struct slice list, size_t i, struct slice *member);
	/* NULL: those that rspamd, SpamAssassin and ClamAV write by themselves. */
	const struct sieve_verdict *spam, *virus;
	void *arg;
	/* The time of the run: milliseconds of wall clock, and the minutes that local time is ahead of UTC. */
	int64_t now_ms;
	int zone;
	/* The same of another time, in seconds since 1970, as summer time may differ; NULL: it is always ZONE. */
	int (*zone_at)(int64_t seconds);
	/* environment (RFC 5183): what is known under which name. */
	const struct sieve_item *environment;
	size_t nenvironment;
	const char *separators; /* characters that part user and detail (RFC 5233); NULL: "+" */
	/* BY of the envelope (RFC 6009, 5): 0 where the sender did not say. */
	int64_t by_absolute_ms;
	bool by_return, by_trace; /* mode "R", not "N"; "T" behind it */
	const char *const *own; /* further addresses of this recipient, for vacation; NULL ends, may be NULL */
	/* What is remembered: keys that were asked for. A run that needs others tells them in plan->wanted. */
	const struct sieve_memory *memory;
	size_t nmemory;
	/* What editheader leaves alone (RFC 5293, 6), besides Received and Auto-Submitted, which can't be deleted. */
	struct sieve_names forbid_add, forbid_delete;
	bool answer_all; /* vacation answers also what was not sent to this recipient by name (RFC 5230, 4.5 says why not) */
	bool memory_off; /* nothing is remembered, and nothing asked for */
};

/* Fills PLAN (initialised here; plan_free it in every case). 0, or -1 when a run-time error turned the plan into an
 * implicit keep; PLAN->error tells then. */
int sieve_run(const struct sieve_program *p, const struct sieve_input *in, struct plan *plan);

#endif
