/* Between the files of a run. */
#ifndef MAILFERRY_FETCH_RUN_IMPL_H
#define MAILFERRY_FETCH_RUN_IMPL_H

#include "fetch/changes.h"
#include "fetch/dry.h"
#include "fetch/head.h"
#include "fetch/listing.h"
#include "fetch/rows.h"
#include "fetch/run.h"

enum {
	RUN_DAY_MS = 24 * 60 * 60 * 1000,
	ABSENT_LISTINGS = 5,	     /* a remembered message is forgotten when so many complete listings lacked it */
	RETRY_QUICK = 6,	     /* runs that ask at once for what was refused … */
	RETRY_MS = 10 * 60 * 1000,   /* … then after so long; then twice as long each time … */
	RETRY_MAX_MS = RUN_DAY_MS,   /* … up to this */
	MASS_LEAST = 5,		     /* names that must have changed at once to make it a mass change */
	HEAD_FIRST_SIZE = 16 * 1024, /* octets from which a head is read before a body that is perhaps not wanted */
	CHUNK = 4000		     /* items in one call of a driver; at its end the line runs empty */
};

/* … for so long. */
#define ABSENT_MS ((int64_t)7 * RUN_DAY_MS)

struct generation {		/* of a folder in the memory */
	struct origin_folder f; /* f.name is NAME */
	char *name;		/* owned */
	char *mailbox;		/* owned; f.mailbox */
	bool listed;		/* the source has a folder of that name */
};

struct run {
	const struct run_setup *setup;
	struct run_result *result;
	struct config_source source; /* a shallow copy; a copy run has folders of its own */
	struct source_login login;
	struct source_session *session;
	struct changes changes;
	struct generation *gens;
	size_t ngens;
	struct rows retry; /* refused originals whose time has come, of all folders */
	struct rows due;   /* originals that had to be seen to at the start, of all folders */
	bool memory_failed;
	int64_t now_ms;	   /* wall clock of the start */
	char *mailbox;	   /* owned; whose this one is, for the memory */
	bool by_uid;	   /* IMAP */
	bool copy;	   /* `mailferry copy', also a dry one */
	bool same_mailbox; /* mailferry files into it */
	bool stopped;	   /* END and words say why */
	bool refused;	   /* a message was, and that is remembered: another session gets beyond it */
	struct {	   /* where the session before broke off */
		int64_t folder;
		uint32_t uid;
		uint64_t size;
		char name[SOURCE_NAME_MAX + 1];
	} suspect;
	bool broke_off;	   /* this session did, at a message */
	unsigned silences; /* sessions that ended with a server that said nothing any more */
	char trouble[300]; /* of a session before, or "" */
	bool removed;	   /* something was asked to be removed in this session */
	unsigned entered;  /* folders */
	int64_t *counted;  /* owned: folders whose missing messages were counted */
	size_t ncounted;
	unsigned failures; /* messages that the spool could not take */
};

/* One folder in hand. */
enum visit_kind { VISIT_FIRST, VISIT_AGAIN, VISIT_ONLY };

struct visit {
	struct run *run;
	const struct source_folder *folder;
	struct generation *gen; /* the one that is there now; valid until run.gens grows */
	struct source_mark now;
	bool same, complete;
	bool listed;			 /* IMAP: all from FROM on was … */
	bool sure;			 /* … and the server left nothing of it out */
	uint32_t from;			 /* IMAP: the lowest UID that was listed at first; what is below was known */
	bool fresh;			 /* this generation was never listed whole */
	const struct generation *before; /* the source meant that other mailbox before; valid until run.gens grows */
	bool judged;			 /* it is known what comes now: */
	bool moved;			 /* it is the same mailbox for all that: its messages may be found again */
	bool flip;			 /* and there are others whose messages may be found again in it */
	bool mass;			 /* names have changed, as it seems */
	bool nameless;			 /* POP3 without UIDL, at least for some */
	struct listing list;
	struct rows rows;
	uint32_t *present; /* owned; UIDs that are there, ascending, when they were asked for … */
	size_t npresent, cappresent;
	bool asked_present; /* … which is so */
	struct head *heads; /* owned; of those items that were identified */
	size_t nheads;
	struct lost *lost; /* owned: remembered and not there, by hash; see match.c */
	size_t nlost;
	uint64_t taken; /* in this visit */
	enum visit_kind kind;
	const char *into; /* a copy: folder of ACCOUNT, or NULL */
	const struct config_account *account;
};

/* ---- run.c ---- */
void run_prepare(struct run *r, const struct run_setup *setup, struct run_result *result);
void run_clean(struct run *r);
int run_read_folders(struct run *r); /* what is remembered of them */

/* ---- how a run goes wrong ---- */
/* The run is over. Returns -1. */
int run_stop(struct run *r, enum run_end end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The session with the source is. Returns -1. */
int run_source_failed(struct run *r, const struct err *e);
/* The memory can't be read or written. Returns -1. */
int run_memory_failed(struct run *r, const struct err *e);
/* Something is wrong, and the run goes on; the first and worst is told. */
void run_trouble(struct run *r, enum run_end end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void run_progress(struct run *r);
int run_turn_wait(struct run *r); /* waits for an answer of the spool; -1: there will be none */

int run_change(struct run *r, enum origin_act act, const struct spool_origin *o);
int run_change_row(struct run *r, enum origin_act act, int64_t number);
int run_flush(struct run *r);

/* ---- the steps of a visit; 0, or -1: the run has stopped ---- */
int visit_plan(struct visit *v);      /* plan.c: what is there, and what of it is remembered */
int visit_identify(struct visit *v);  /* identify.c: by heads, where names do not tell */
int visit_absent(struct visit *v);    /* absent.c: what is no longer there */
int visit_skip(struct visit *v);      /* skip.c: tells what the limits leave */
int visit_take(struct visit *v);      /* take.c */
int visit_dry(struct visit *v);	      /* dry.c: instead of taking */
int visit_originals(struct visit *v); /* refused.c: the server does not give ITEM, in its WORDS. */
int refused_add(struct visit *v, struct item *item, const char *words);
/* Only its content can tell whether ITEM is remembered. */
bool refused_in_doubt(const struct visit *v, const struct item *item);
/* The session has ended at ITEM (or NULL). If that comes to pass twice at the same one, the server is taken to end
 * because of it: it is remembered as refused, so that the others get their turn. */
void refused_suspect(struct visit *v, struct item *item, const struct err *e);

/* originals.c */

/* visit.c: all of them. INTO: a copy's folder, or NULL. FIRST: if there is something new, 1 is returned before anything
 * of it is taken, and it is to be visited again when it is known what other folders miss. */
int visit_folder(struct run *r, const struct source_folder *folder, const char *into, enum visit_kind kind);

/* plan.c */
int plan_rows(struct visit *v, int64_t folder, uint32_t from, bool old);
int plan_present(struct visit *v);
int plan_missed(struct visit *v); /* adds the rows of other folders, or of earlier runs, that newest listings lacked */
bool visit_has_uid(const struct visit *v, uint32_t uid); /* of plan_present */
bool plan_retry_due(const struct run *r, const struct row *row);
bool plan_limits_changed(const struct run *r, const struct row *row);
/* What is to be done with ITEM, which ROW (or none: NULL) remembers. */
enum item_need plan_need(const struct visit *v, const struct item *item, const struct row *row);
/* plan_name.c: pairs items and rows by name. NON-NULL LATER: rows for which it is true come last where there are more
 * rows than items, and only equal sizes are joined. */
int plan_pair_names(struct visit *v, const bool *later);

/* skip.c: does a limit leave it? REASON gets why. AGE_MS: wall clock of the message, 0 when not known. */
bool skip_by_size(const struct run *r, uint64_t size, char reason[200]);
bool skip_by_age(const struct run *r, int64_t age_ms, char reason[200]);
/* The message of ITEM is left for REASON: remembers it, with a note where wanted. HEAD may be empty. FATE: SKIPPED. */
int skip_tell(struct visit *v, struct item *item, struct slice head, const char *reason);

/* identify.c: the origin of ITEM, as it would be remembered. */
struct spool_origin visit_origin(const struct visit *v, const struct item *item, enum origin_fate fate);
typedef int visit_head_fn(struct visit *v, struct item *item, struct slice block, bool got);
int visit_heads(struct visit *v, const uint32_t *which, size_t n, visit_head_fn *fn);
/* ITEM is one of those that a driver was asked for, and was not answered before: its index. 0, or -1: the run has
 * stopped. */
int visit_asked(struct visit *v, const struct source_item *item, const struct source_item *items, size_t n, bool *ended,
		size_t *i);
/* Is it one that this spool filed itself? 0, 1, -1: the run has stopped. */
int visit_own(struct visit *v, struct slice block);
int visit_add_own(struct visit *v, struct item *item, const struct head *head);

/* former.c */
char *mailbox_name(const struct config_source *s); /* whose it is, as the memory notes it; from mem_alloc */
bool generation_is_ours(const struct run *r,
			const struct generation *g); /* it is of the mailbox that is fetched from */
int former_read(struct visit *v);
void former_judge(struct visit *v); /* once heads are read */
int former_known(struct visit *v, struct item *item, struct row *row);
int former_drop(struct visit *v);

/* absent.c: ROW is remembered, and the listing, as far as it goes, lacks it. */
bool visit_misses(const struct visit *v, const struct row *row);

/* match.c: remembered messages that are not there any more, found again by their heads. */
void match_lost(struct visit *v); /* gathers them, once VISIT_IDENTIFY has joined those that it knows */
int match_heads(struct visit *v); /* joins identified items and lost rows, in bulk */
/* The one that ITEM is, with this head: renamed. 1; 0: there is none; -1: the run has stopped. */
int match_one(struct visit *v, struct item *item, const struct head *head);
/* The row that match_one would find, or NULL. Changes nothing. */
struct row *match_find(struct visit *v, const struct item *item, const struct head *head);

/* Is a remembered message with this head not there? */
bool match_is_lost(const struct visit *v, const struct head *head);

/* A line about ITEM. HEAD may be empty. */
void visit_line(struct visit *v, const struct item *item, struct slice head, const char *why);

/* originals.c */
int originals_load(struct run *r);
bool originals_at_once(const struct run *r); /* what is taken now is seen to in the same session */
bool originals_due(const struct run *r, int64_t folder);

#endif
