/*
 * The supervisor: keeps the roles running, hands each what it needs, passes
 * wake-ups on. It trusts no role: what one sends can end that role, not the
 * supervisor.
 *
 * A slot is a place where a role should run: one for the spool, one for the
 * connector, one for access tokens where an account or a source needs them, one
 * for each receiver process, one for each account's store, one for the relay,
 * one for each source's fetcher (cmd/fetcher.h). A worker is a process that runs in it. At most one
 * worker stands in a slot, and a store's or fetcher's slot is free only when the
 * old process was reaped; receivers and connectors that a reload replaced live
 * on without a slot until they are done.
 */
#ifndef MAILFERRY_CMD_SUPERVISOR_H
#define MAILFERRY_CMD_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "cmd/backoff.h"
#include "cmd/process.h"
#include "cmd/setup.h"
#include "cmd/watch.h"
#include "ipc/channel.h"
#include "net/tls_server.h"

struct event;
struct event_base;
struct supervisor;
struct control_server;
struct fetcher;
struct hours;
struct spool_ask;
struct sync_job;
struct waiting_notice;

enum { SUPERVISOR_PART_MAX = 16 * 1024 * 1024 }; /* octets of a role's part of the configuration */

/* In the order in which they are stopped. */
enum slot_kind { SLOT_RECEIVER, SLOT_FETCH, SLOT_STORE, SLOT_RELAY, SLOT_TOKEN, SLOT_CONNECT, SLOT_SPOOL, SLOT_KINDS };

/* Does one of KIND take mail of an account when it is due? The relay is a store in all that is done here: its account
 * is CONFIG_RELAY. */
static inline bool slot_kind_files(enum slot_kind kind)
{
	return kind == SLOT_STORE || kind == SLOT_RELAY;
}

enum worker_state {
	WORKER_STARTING, /* was told everything, has not said that it is ready */
	WORKER_READY,
	WORKER_DRAINING, /* a receiver that ends with its last session */
	WORKER_LEAVING,	 /* was told to stop, or closed its socket */
	WORKER_KILLED	 /* SIGKILL is on its way */
};

struct slot {
	struct slot *next;
	struct supervisor *sup;
	enum slot_kind kind;
	char *account;	       /* owned; or source; "" but for stores and fetchers */
	struct worker *worker; /* NULL: none runs */
	struct backoff backoff;
	unsigned failed_starts;	 /* in a row */
	int64_t not_before;	 /* monotonic */
	int64_t due;		 /* wall clock; stores: when there is work; INT64_MAX: not known of any */
	int64_t noticed;	 /* monotonic; when the operator was last told of the account or source */
	struct fetcher *fetcher; /* owned; of a source, else NULL */
	struct hours *hours;	 /* owned; of an account with `at', else NULL */
	struct event *timer;
	bool gone; /* the configuration names it no longer: freed when it is empty */
};

struct worker {
	struct worker *next;
	struct supervisor *sup;
	struct slot *slot; /* NULL: replaced, or the slot is gone */
	enum slot_kind kind;
	char *account; /* owned */
	pid_t pid;
	struct channel *channel; /* NULL: closed */
	enum worker_state state;
	int64_t started;      /* monotonic */
	int64_t stop_timeout; /* ms; of a receiver, by its part of the configuration */
	bool ready_once, told_to_end;
	bool reaped; /* its process id may be another one's by now */
	unsigned place; /* of a receiver: in the memory of smtp/tally.h; TALLY_PLACES: none */
	bool copies; /* a fetcher for RUN_COPY: its memory in the spool is another one */
	bool idle;   /* a store said ROLE_IDLE …, a fetcher how its run went */
	int64_t idle_until;
	int64_t woken;		/* monotonic; when a store was last told of due mail */
	struct event *deadline; /* of the state */
};

enum supervisor_stage { STAGE_RUNNING, STAGE_STOPPING };

/* The keys of TLS tickets, which all receivers share and which live as long as we do; nothing of them is on a disk. */
struct tickets {
	unsigned char keys[TLS_TICKET_KEYS_MAX][TLS_TICKET_KEY_SIZE]; /* the newest first */
	size_t n;
	int64_t made; /* monotonic; of the newest */
};

struct supervisor {
	struct event_base *base;
	const char *file; /* of the configuration */
	struct setup *setup;
	struct identity identity;
	struct programs *programs;
	struct buf spool_part; /* of the configuration, as the running spool has it */
	struct slot *slots;
	struct worker *workers;
	size_t stores; /* of the workers: bounded */
	struct control_server *control;
	struct spool_ask *ask; /* NULL while the spool is away */
	struct sync_job *jobs;
	struct waiting_notice *notices; /* owned; in order, until there is a receiver */
	bool sync_only;	   /* for one sync: nothing listens, nothing runs that was not asked for */
	int sync_status;   /* of that */
	int64_t wall_lead; /* ms of the wall clock before the monotonic one, a minute ago */
	struct tickets tickets;
	struct watch watch;	   /* files that are taken up when they change */
	int64_t certificates_look; /* monotonic; when their dates were looked at */
	struct event *signals[4], *minute, *stop_deadline, *watchdog;
	struct notify *manager;
	int steps, killer; /* descriptors of base/step.h, or -1 */
	int meter; /* of the memory in which receivers count clients (smtp/meter.h), or -1 */
	int tally; /* of that in which they tell each other of them (smtp/tally.h), or -1 */
	bool restored;
	bool announced; /* event=ready was logged */
	bool reloading; /* the service manager waits for the end of a reload */
	bool wrong;	/* the configuration was, at the last reload */
	bool warned;	/* of mail without an account, in this minute */
	enum log_level level;
	enum supervisor_stage stage;
	enum slot_kind stopping; /* which kind is being stopped now */
};

extern const char *const slot_kind_names[SLOT_KINDS + 1]; /* "receiver", …; NULL ends them */

/* Runs until it was told to stop. SETUP is loaded, not yet bound. Exit status. */
int supervisor_run(const char *file, struct setup *setup, bool restored);

/* For sync_alone (cmd/sync.h): BEGIN orders what is to be done; -1 when that can't be. Without listeners and control
 * socket; another daemon on the same spool is an error. */
int supervisor_run_sync(const char *file, struct setup *setup, int (*begin)(struct supervisor *sup, void *arg),
			void *arg);

/* ---- supervisor_sandbox.c ---- */
/* Does the kernel have what SETUP's `sandbox' asks for? Says once in the log what it lacks. 0, or -1 and E. */
int supervisor_sandbox(const struct setup *setup, struct err *e);

/* ---- supervisor_slot.c ---- */
struct slot *slot_new(struct supervisor *sup, enum slot_kind kind, const char *account);
void slot_free(struct slot *s); /* takes it out of the list, leaves its worker without a slot */
struct slot *slot_of_account(struct supervisor *sup, struct slice account);
struct slot *slot_of_name(struct supervisor *sup, struct slice name); /* of an account or a source */
void slot_consider(struct slot *s); /* starts a worker if one should run now; sets the timer if later */
void slot_consider_all(struct supervisor *sup);
void slot_due(struct slot *s, int64_t wall_ms);
void slots_learn_hours(struct supervisor *sup); /* asks the spool since when mail waits for those with `at' */
void slot_file_now(struct slot *s);		/* a store's: what waits need not wait for its time */
bool slot_waits_for_token(const struct slot *s);
void slot_ended(struct slot *s, const struct worker *w,
		bool clean); /* its worker was reaped: decides when the next starts */

/* ---- supervisor_match.c ---- */
void slot_match(struct supervisor *sup); /* makes and drops slots as the configuration has it */

/* ---- supervisor_worker.c ---- */
int worker_start(struct slot *s, struct err *e);
void worker_enter(struct worker *w, enum worker_state state);
void worker_stop(struct worker *w);
void worker_lift(struct worker *w, const char *account); /* the spool: ACCOUNT (NULL: every one) is held no longer */
void worker_wake(struct worker *w);			 /* a store that waits for more mail: there is some */
void worker_kill(struct worker *w, const char *why);
void worker_reaped(struct worker *w, int status);
struct worker *worker_of_kind(struct supervisor *sup,
			      enum slot_kind kind);		      /* the one in a slot that is ready, or NULL */
int worker_send(struct worker *w, const struct ipc_out *out, int fd); /* kills W when it can't be told */

/* ---- supervisor_pair.c ---- */
/* A socket to SERVER, which takes its other end for ROLE's, of NAME. The caller's, non-blocking. -1 and E. */
int worker_peer(struct worker *server, const char *role, const char *name, struct err *e);
/* Such a socket for CLIENT, which is handed it as TYPE. */
int worker_pair(struct worker *server, struct worker *client, uint16_t type, struct err *e);
void worker_hand_out(struct worker *server); /* started again: who had the old one gets a socket to it */
void worker_ask(struct worker *spool);	     /* it is ready: the supervisor has questions of its own */

/* ---- supervisor_start.c: what a new worker is told ---- */
int worker_tell(struct worker *w, struct err *e);

/* ---- supervisor.c ---- */
void supervisor_announce(struct supervisor *sup);
void supervisor_stop(struct supervisor *sup);
void supervisor_stop_advance(struct supervisor *sup);
void supervisor_log_lines(const char *event, enum log_level level, const struct buf *lines); /* each line of text */
void supervisor_set_level(struct supervisor *sup);		       /* of the log, as the configuration has it */

/* ---- supervisor_hand.c: as control_hand_fn ---- */
int supervisor_hand(void *sup, const char *want, struct slice fields, int fd, struct err *e);

/* ---- supervisor_notice.c ---- */
/* Something that only a person can mend was found, about the account or source of S (NULL: nobody is told). KIND is
 * enum notice_kind. */
void supervisor_notice(struct supervisor *sup, struct slot *s, int64_t kind, const char *text);
void supervisor_notices_say(struct supervisor *sup); /* a receiver is ready: those that waited for one */
void supervisor_notices_free(struct supervisor *sup);

/* As that, of NAME, which is no account or source. */
void supervisor_tell(struct supervisor *sup, const char *name, int64_t kind, const char *text);

/* The spool says that it holds what rules send: the fields of its ROLE_NOTICE. 0. */
int supervisor_held(struct supervisor *sup, struct slice fields);

/* ---- supervisor_tls.c ---- */
void tickets_put(struct supervisor *sup, struct ipc_out *out); /* appends the keys to a ROLE_TICKETS */
void supervisor_tls_minute(struct supervisor *sup); /* makes new keys in time, and looks at the certificates' dates */

/* ---- supervisor_reload.c ---- */
void supervisor_reload(struct supervisor *sup);
void supervisor_look_at_files(struct supervisor *sup); /* the same, if a file that the configuration names has changed */

#endif
