/* What the server's files know of each other. Nobody else includes this. */
#ifndef MAILFERRY_SPOOL_INSIDE_H
#define MAILFERRY_SPOOL_INSIDE_H

#include <event2/event.h>

#include "ipc/channel.h"
#include "spool/db.h"
#include "spool/facts.h"
#include "spool/protocol.h"
#include "spool/server.h"
#include "spool/state.h"

/* How long the same bytes are the same message, when nobody knows whether the reply was read. Without a Message-ID they
 * may as well be the next alarm, in the same words: clients try again within minutes, and an alarm must not be lost.
 * A client that closed in order has most likely read the reply; what closed may be a proxy that had lost the client
 * behind it, which then comes again soon. */
enum { AGAIN_MS = 7 * 24 * 3600 * 1000, AGAIN_NAMELESS_MS = 3600 * 1000, AGAIN_CLOSED_MS = 600 * 1000 };

struct upload;
struct bundle;

struct account {
	struct account *next;
	char *name;
	struct peer *store; /* NULL: none is there */
	int waiting;	    /* socket of the store that comes next, or -1 */
	bool known;	    /* the configuration names it */
	bool woken;	    /* this store has asked for work before */
	bool idle;	    /* … and got none last time */
	bool told;	    /* of work that is due */
	bool dirty;	    /* WORK may be wrong */
	int64_t work;	    /* wall clock when something is due, INT64_MAX for never */
	int64_t filed;	    /* wall clock of the last delivery that was done, 0: not asked yet, -1: none */
	uint64_t nfiled;    /* deliveries that were done since we started */
	int64_t *taken;	    /* deliveries in the store's hands, sorted */
	size_t ntaken, taken_cap;
};

/* A source has one fetcher at a time: a door by which it gives in mail, and its memory. Those of the next process wait
 * until both are gone and all that they asked is done. */
struct source {
	struct source *next;
	char *name;
	struct peer *door, *memory; /* NULL: none is there */
	bool paired;		    /* both have come, so both must go before another comes */
	struct {
		int fd;
		enum spool_peer role;
	} *waiting; /* in the order in which they came */
	size_t nwaiting, waiting_cap;
};

struct peer {
	struct peer *next;
	struct spool_server *server;
	struct channel *channel; /* NULL: gone */
	enum spool_peer role;
	struct account *account; /* of a store */
	struct source *source;	 /* of a fetcher */
	int64_t serial;		 /* the upper half of its tickets */
	uint32_t last_ticket;	 /* the lower half */
	int64_t *unsaid;	 /* owned: tickets of messages without a Message-ID whose reply was not sent yet */
	size_t nunsaid, unsaid_cap;
	struct parts parts;
	struct upload *uploads;
	size_t nuploads, last_upload;
	size_t held;   /* octets of its requests that are not answered */
	unsigned refs; /* requests that point here */
	bool broken;   /* broke the rules: what it asked is not done */
};

enum op_result { OP_DONE, OP_FAILED, OP_BROKEN };

struct op {
	struct op *next;
	struct peer *peer;
	const struct verb *verb;
	uint32_t id;
	struct pool pool;
	size_t octets; /* in POOL when the request arrived: what is counted */
	void *request; /* what was decoded, in POOL */
	/* ACCEPT, in POOL: the bodies of the message and of the further ones; removed with the request unless KEEP and
	 * committed. */
	struct op_body {
		struct upload *upload; /* NULL: it has none, or it is being published */
		bool synced, keep;
	} *bodies;
	size_t nbodies;
	struct bundle *bundle; /* ACCEPT: the file of many bodies that its body stands in */
	struct accept_answer answer; /* of ACCEPT, instead of REPLY; sent after the commit */
	struct packets reply;	     /* written by run, sent after the commit */
	int reply_fd;
	enum op_result result;
	int rc; /* OP_FAILED: what SQLite said */
};

struct verb {
	enum request type;
	const char *name;
	unsigned peers; /* enum spool_peer bits: who may ask */
	bool silent;	/* has no reply, and can wait for another request's commit */
	bool together;	/* nothing but the database and its own request is changed, or what may be changed twice, and it
			 * goes back to no savepoint by itself: see run_together in batch.c */
	bool at_once;	/* needs no database: is not kept for the next batch */
	/* Reads; tried between batches, so that it need not wait for others' syncs. OP_FAILED there: is kept for the
	 * next batch. */
	bool reads;
	int (*decode)(struct op *op, struct slice fields, struct err *e);
	/* Inside a savepoint. OP_FAILED: undone, and answered as failed. OP_BROKEN: undone, and the peer is put out. */
	enum op_result (*run)(struct spool_server *s, struct op *op);
};
extern const struct verb verbs_intake[], verbs_store[], verbs_admin[], verbs_facts[],
    verbs_body[], verbs_source[], verbs_origin[], verbs_sources[],
    verbs_reply[], verbs_memory[]; /* end with type 0 */
extern const struct verb verb_left; /* of a receiver that has gone: what it has not said was not read */

/* What is done after the commit, and must not be done without one. */
struct effect {
	/* TAKE and WAKE were done at once, and are undone without a commit. */
	enum { EFFECT_UNLINK, EFFECT_RELEASE, EFFECT_UNTAKE, EFFECT_TAKE, EFFECT_WAKE, EFFECT_NEWS, EFFECT_HELD } kind;
	struct account *account;
	int64_t number;
	char *file; /* HELD: why, in words */
	int64_t at, size; /* RELEASE: of the body in FILE */
};

struct spool_server {
	struct event_base *base;
	struct spool_options options;
	struct db db;
	int lock;
	char *tmp_dir, *body_dir;
	int64_t now; /* wall clock at the start of the batch */
	bool low;    /* less than the reserve is free */
	struct peer *peers;
	struct account *accounts;
	struct source *sources;
	struct op *first, **last; /* requests that wait for the next batch */
	size_t npending, pending_octets, nloud;
	struct effect *effects;
	size_t neffects, effects_cap;
	struct event *soon, *now_event, *lazy, *due_timer, *minute_timer, *idle_timer, *flush_timer;
	struct bundle *bundles; /* that a peer writes to, or requests name */
	struct upload *jobs, **jobs_last; /* uploads whose turn to be synced has not come */
	unsigned children;
	int64_t last_serial; /* 31 bits */
	bool stopping, dead;
	bool doubtful; /* the database was put back or repaired: bodies that it does not know are kept */
	bool knows; /* it was told which accounts there are */
	int64_t ahead; /* of the monotonic clock: the wall clock, when it was last looked at */
	int64_t held_told; /* when options.held was called last, or 0 */
};

/* ---- peer.c ---- */
struct peer *peer_new(struct spool_server *s, int fd, enum spool_peer role); /* takes FD */
void peers_drop_broken(struct spool_server *s);
void peers_free(struct spool_server *s);
const char *peer_name(const struct peer *p); /* of its account or source, or NULL; for logs */

/* ---- fetchers.c: the peers of sources ---- */
void fetcher_add(struct spool_server *s, int fd, enum spool_peer role, const char *source); /* takes FD */
void fetcher_left(struct peer *p); /* it is gone, and all that it asked is done */
void fetchers_free(struct spool_server *s);

/* ---- server.c ---- */
void server_start_timer(struct event *e, int ms);
void server_queue(struct spool_server *s, struct op *op);
void server_fail(struct spool_server *s, struct op *op, enum spool_answer answer,
		 const char *text); /* answers and frees */
void server_fatal(struct spool_server *s, const char *why);
struct account *server_account(struct spool_server *s, const char *name); /* made when it is not there */
bool server_has_room(struct spool_server *s);
void server_busy_ended(struct spool_server *s); /* something that a stop waits for has ended */
void op_reply(struct op *op, const struct reply *reply);
void op_free(struct op *op);

/* ---- ops_reply.c ---- */
/* Earlier messages that one message's recipients may be known from; more are not looked at. */
enum { EARLIER_MAX = 16 };

struct earlier {
	int64_t messages[EARLIER_MAX];
	size_t n;
	size_t known;			       /* recipients */
	int64_t tickets[SPOOL_RECIPIENTS_MAX]; /* by which each is known, or -1 */
};

/* Which of M's recipients are known from a client that may not have read our reply. 0 or -1. */
int reply_find(struct spool_server *s, const struct spool_message *m, struct earlier *earlier);

/* From now on TICKET stands for the replies to all recipients of OP's message; those that were not known yet got it as
 * MESSAGE. 0 or -1. */
int reply_know(struct spool_server *s, struct op *op, const struct earlier *earlier, int64_t message, int64_t ticket);

/* ---- ops_store.c: what several verbs of a store share ---- */
struct op_list {
	void *all;
	size_t n;
};
int op_decode_ask(struct op *op, struct slice fields, struct err *e);
/* One record of T at least, SPOOL_BATCH_MAX at most. */
int op_decode_list(struct op *op, const struct wire_table *t, struct slice fields, struct err *e);
enum op_result op_done(struct op *op); /* answers: it is done */

/* ---- effects.c ---- */
void effect_add(struct spool_server *s, struct effect e);
void effects_commit(struct spool_server *s);
void effects_undo(struct spool_server *s, size_t mark);
bool account_has_taken(const struct account *a, int64_t number);
void account_take(struct spool_server *s, struct account *a, int64_t number); /* undone if the batch fails */
void account_untake(struct account *a, int64_t number);

/* ---- delivery.c ---- */
struct delivery_row {
	int64_t number, message;
	char *id, *account, *folder, *note, *floor_mailbox; /* of the pool given */
	enum delivery_state state;
	int64_t due, since, doubt;
	uint32_t floor_uidvalidity, floor_uidnext;
	int attempts;
};
int delivery_load(struct spool_server *s, int64_t number, struct delivery_row *row,
		  struct pool *a); /* 1, 0 not there, -1 */

struct delivery_change {
	enum delivery_state to;
	int64_t due, doubt;
	const char *reason; /* NULL: as it was */
	bool sent;	    /* one attempt more */
	bool unsent;	    /* it was in flight by the record only */
	const char *words;  /* for the history; NULL: the reason */
};
/* The one way to change a state. 1; 0 when ACTOR may not do that; -1. */
int delivery_enter(struct spool_server *s, const struct delivery_row *row, enum state_actor actor,
		   const struct delivery_change *change);

/* After deliveries of MESSAGE became final: if all are, its body goes. */
int message_settled(struct spool_server *s, int64_t message);

/* The numbers of deliveries of MESSAGE that the statement WHICH tells; how many, or -1. */
int delivery_numbers(struct spool_server *s, enum sql which, int64_t message, int64_t numbers[SPOOL_DELIVERIES_MAX]);

/* The body of MESSAGE can't be had: sets aside what would need it. */
int message_set_aside(struct spool_server *s, int64_t message, const char *reason, struct pool *a);

const char *folder_normal(const char *folder); /* INBOX in any case is INBOX */

/* Is it what goes out, and not a mailbox? Its folders are recipients, and there is no way to look for them. */
bool account_is_relay(const char *name);

/* ---- ops_memory.c ---- */
/* May M be taken in, by what it is to remember? 1; 0: somebody remembered meanwhile what was to be remembered once; -1. */
int memory_check(struct spool_server *s, const struct spool_message *m, const struct earlier *earlier);
/* Remembers it. 0 or -1. */
int memory_add(struct spool_server *s, const struct spool_message *m, const struct earlier *earlier);

/* ---- quota.c ---- */
/* 1 unless all that M is about is to tell of its refusal, and that is too much for today: 0. Or -1. */
int quota_tells(struct spool_server *s, const struct spool_message *m);

/* Counts N recipients outside of F, a message that rules cause. 1; 0: they have sent so much today; 2: so F, which tells
 * of a refusal, is none; -1. */
int quota_take_rules(struct spool_server *s, const struct spool_message *f, int64_t n);

/* Counts the recipients outside of M, if they may go out today. 1; 0: they are too many, and *LEFT may go; 2: M may not
 * send to others at all; -1. */
int quota_take(struct spool_server *s, const struct spool_message *m, int64_t *left);

/* ---- history.c ---- */
/* Notes that ROW becomes what CHANGE says, unless it goes the normal way. 0 or -1. */
int history_note(struct spool_server *s, const struct delivery_row *row, enum state_actor actor,
		 const struct delivery_change *change);
/* Writes what is known of the deliveries of MESSAGE to the reply. 0 or -1. */
int history_put(struct spool_server *s, struct op *op, int64_t message);

/* ---- origin.c ---- */
/* The row that ST stands at; strings live until its next step. */
void origin_read(sqlite3_stmt *st, struct spool_origin *o);

/* Whose FOLDER is: 1 of SOURCE, 0 of nobody (any more), 2 of another source, -1. */
int origin_owner(struct spool_server *s, int64_t folder, const char *source);

/* The row that an origin given by SOURCE means, which may be none: ROW's number is 0 then. Strings are of A. 1, 0 when
 * its folder is not there (any more), 2 when it is another source's, -1. */
int origin_known(struct spool_server *s, const char *source, const struct spool_origin *o, struct spool_origin *row,
		 struct pool *a);

struct slice origin_head(const struct spool_origin *o); /* SLICE_NONE when it is not known */

/* Adds O as a row, or writes it over the row NUMBER. 0 or -1. */
int origin_write(struct spool_server *s, int64_t number, const struct spool_origin *o);

/* What became of MESSAGE as a whole, for the original it was fetched from; nothing for a message that was not. */
int origin_settle(struct spool_server *s, int64_t message);
/* Removes some origins of a folder that was dropped; *N: how many rows. 0 or -1. */
int origin_sweep(struct spool_server *s, size_t *n);

/* ---- ops_source.c ---- */
/* The folder of SOURCE with F's name and uidvalidity, added when it is not there. *FULL: there are too many. 0 or -1. */
int origin_folder_make(struct spool_server *s, const char *source, const struct origin_folder *f, int64_t *number, bool *full);
const char *op_source(const struct op *op);			/* whose memory it is about */
enum op_result op_not_its(struct op *op, int64_t number);	/* it names what is another source's: it is put out */
enum op_result op_end_page(struct op *op);			/* answers, with what stands in the reply already */

/* ---- ops_origin.c ---- */
void source_run_read(sqlite3_stmt *st, struct source_run *r); /* a row of sources; strings live until the next step */

/* ---- ops_facts.c ---- */
void facts_news(struct spool_server *s, const struct account *a); /* tells those who take mail in */

/* ---- upload.c ---- */
struct upload {
	struct upload *next, *next_job;
	struct spool_server *server;
	struct peer *peer; /* whose list it is in; NULL once it is being published */
	int64_t number;	   /* as the peer calls it */
	char name[17];	   /* of the file, in tmp and then in body */
	int fd;
	uint64_t flushed; /* write-back was started up to here */
	bool published;	  /* stands in body */
	struct op *op;	  /* waits for it … */
	size_t place;	  /* … as the body with that index */
	pid_t child;
	int pipe;
	struct event *done;
};
enum op_result upload_open(struct spool_server *s, struct op *op);
enum op_result upload_drop(struct spool_server *s, struct op *op);
struct upload *upload_take(struct peer *p, int64_t number);  /* out of its list; NULL when there is none */
void upload_close(struct spool_server *s, struct upload *u); /* removes its file and frees it */
void upload_keep(struct upload **u);			     /* its file belongs to a row now */
/* For each of OP's bodies: syncs, renames and syncs the directory. Then queues OP, or answers it. */
void upload_publish(struct spool_server *s, struct op *op);
void upload_drop_bodies(struct op *op); /* that are left */
void upload_give_back(struct op *op);	 /* the body of the message is the peer's again, and may be named once more */
/* The message of an ACCEPT that has that body. */
const struct spool_message *op_message(const struct op *op, size_t place);
void upload_flush_all(struct spool_server *s);
void uploads_free(struct spool_server *s);
char *body_path(const struct spool_server *s, const char *file);
char *upload_path(const struct spool_server *s, const char *file);
int upload_create(struct spool_server *s, char name[17]);		/* a new file in tmp, and its name; -1, and it is logged */
void upload_remove(struct spool_server *s, const char *file);	/* from tmp */
int upload_sync_and_rename(int fd, const char *from, const char *to, const char *dir); /* 0 or an errno */

/* ---- bundle.c ---- */
struct bundle {
	struct bundle *next;
	struct spool_server *server;
	struct peer *peer; /* who writes; NULL: nobody any more */
	int64_t number;	   /* as the peer calls it */
	char name[17];	   /* of the file, in tmp and then in body */
	int fd;
	uint64_t end;	 /* behind the last body that was announced */
	uint64_t synced; /* up to here a sync was tried */
	int failed;	 /* the errno of a sync that failed */
	bool published;	 /* stands in body */
	size_t ops;	 /* requests that name it */
};
enum op_result bundle_open(struct spool_server *s, struct op *op);
struct bundle *bundle_find(struct spool_server *s, const struct peer *p, int64_t number);
/* OP's message M stands in it, from now on and until bundle_unref. -1: that can't be. */
int bundle_add(struct bundle *b, struct op *op, const struct spool_message *m);
void bundle_unref(struct op *op);
void bundle_leave(struct bundle *b); /* its peer writes no more; the file goes when no message needs it */
int bundle_sync(struct spool_server *s, struct bundle *b); /* before a commit: 0 or an errno */
void bundle_sweep(struct spool_server *s, const char *file); /* removes it, if no message needs it and nobody writes */
/* A message is finished: its part of FILE is given back. */
void bundle_release(struct spool_server *s, const char *file, int64_t at, int64_t size);
/* Was some of that part given back? Not every file system tells. */
bool bundle_has_hole(int fd, int64_t at, int64_t size);
/* A part of the file FROM as a file of its own in memory: its descriptor, at offset 0, or -1. */
int bundle_copy(int from, int64_t at, int64_t size, struct err *e);
void bundles_free(struct spool_server *s);

/* ---- sweep.c ---- */
int sweep_dirs(struct spool_server *s, struct err *e); /* makes the directories, checks the file system */
/* Refuses to begin with an empty database where there was mail. */
int sweep_check_database(struct spool_server *s, const char *path, struct err *e);
int sweep_start(struct spool_server *s, struct err *e); /* after the database is open */
bool sweep_old(struct spool_server *s); /* a batch of records past their retention; true when there may be more */

/* ---- orphan.c ---- */
/* Deliveries that wait, and whose message has no row: a repaired database has lost it. They would stand in the way of all
 * that is for their account, and no list would show them. Gives each message a row. 0 or -1. */
int orphans_adopt(struct spool_server *s);
int orphans_any(struct spool_server *s); /* are there such? 1, 0, or -1 */

/* ---- setback.c ---- */
/* Within the transaction of the start: the clock may have been set back since the spool was last open. 0 or -1. */
int setback_start(struct spool_server *s);
/* Between transactions: has it been set back meanwhile? */
void setback_check(struct spool_server *s);

/* ---- due.c ---- */
int due_load(struct spool_server *s);
void due_check(struct spool_server *s); /* tells what is due, sets the timer for the rest */
void due_forget_told(struct spool_server *s);
int due_of(struct spool_server *s, struct account *a,
	   int64_t *due); /* without what is taken and with its hold; 0 or -1 */

#endif
