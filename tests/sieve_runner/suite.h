/*
 * One .svtest file that is run: a script with commands that set up a message
 * and look at what other scripts made of it. All of the state is the file's and
 * lives from its first command to its last.
 */
#ifndef MAILFERRY_TESTS_SUITE_H
#define MAILFERRY_TESTS_SUITE_H

#include "base/err.h"
#include "errors.h"
#include "letter.h"
#include "outbox.h"
#include "report.h"
#include "settings.h"
#include "sieve/run.h"
#include "store.h"

struct script; /* script.c */
struct binary;
struct verdict_setting;

/* Reads PATH whole: 0, or -1 with an error. */
typedef int (*suite_read)(void *arg, const char *path, struct buf *out, struct err *e);

struct suite {
	const char *path;
	char *folder; /* that holds it, absolute */
	uint64_t steps; /* that all of it may take; 0: as many as a long file needs */
	suite_read read;
	void *read_arg;
	struct report report;
	struct errors errors;
	struct settings settings;
	struct letter *letter; /* the current message; older ones behind it */
	struct envelope envelope;
	struct store store;
	struct outbox outbox;
	struct sieve_input input;
	struct sieve_limits limits; /* of the scripts under test */
	const struct script *script; /* the last that compiled, or NULL */
	struct script *scripts;	     /* all that did */
	struct binary *binaries;
	struct plan plan;
	const struct sieve_program *program; /* of the file */
	uint32_t end_of_test;		     /* its operation where the test ends that runs */
	size_t loops; /* that ran when the test began (RFC 5703, 3) */
	unsigned under_test; /* how many scripts run within each other; 0: the file itself does */
	bool kept;	 /* the implicit keep is carried out */
	char **flags; /* of the current message */
	size_t nflags;
	char *host;
	const char *own[3]; /* further addresses of the recipient; NULL ends */
	char **forbid_add, **forbid_delete; /* PROTECTED_MAX each; see apply.c */
	struct buf member; /* of a list, looked at now */
	struct verdict_setting *spam, *virus; /* lists.h */
};

void suite_init(struct suite *s, const char *path, const char *folder, suite_read read, void *arg, FILE *out);
void suite_free(struct suite *s);

/* Compiles and runs the file, whose text is SCRIPT; the report has what came of it. */
void suite_run(struct suite *s, struct slice script);

/* Of a run of the file itself. */
static inline struct suite *suite_of(const struct run *r)
{
	return r->in->arg;
}

/* The current message becomes L, with its envelope where DERIVE is set; R sees it from now on, without edits. */
void suite_take_letter(struct suite *s, struct run *r, struct letter *l, bool derive);

/* The envelope was changed. */
void suite_take_envelope(struct suite *s, struct run *r);

/* The current message has FLAGS: where the internal variable of RFC 5232 begins. */
void suite_take_flags(struct suite *s, struct run *r, char *const *flags, size_t n);

/* The result becomes empty: actions, what was carried out, flags; the edits of the message, too. */
void suite_reset_actions(struct suite *s, struct run *r);
void suite_reset_result(struct suite *s, struct run *r);

/* Flags and message of the implicit keep are those of now. */
void suite_close_result(struct suite *s, struct run *r);

/* apply.c: the settings are in force from now on. What is in the engine's input of envelope and settings both follows
 * the envelope, too. The limits of the file itself are those of the scripts, but for what only a long file needs. */
void suite_apply_settings(struct suite *s);
void suite_apply_envelope(struct suite *s);
void suite_drop_names(struct suite *s); /* of fields that scripts may not change */
void suite_take_limits(const struct suite *s, struct run *r);

#endif
