/* A spool under test: its server in a process of its own, this process at the other ends. */
#ifndef MAILFERRY_TESTS_SPOOL_TOOLS_H
#define MAILFERRY_TESTS_SPOOL_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "spool/admin.h"
#include "spool/client.h"
#include "spool/server.h"
#include "spool/source.h"

struct event_base;

struct test_spool {
	char dir[64];
	pid_t pid;
	int control; /* descriptors for the server go here */
	int told;    /* names of accounts that are due come from here, a line each */
	int64_t reserve, retention, rules_daily;
	size_t memory_max;
	bool restored;
	const char *vfs;
	void (*prepare)(void); /* runs in the server's process before it opens */
	struct event_base *base;
	struct spool_intake *intake;
	bool lost;
};

void spool_make(struct test_spool *t);				    /* a fresh directory; starts nothing */
void spool_start(struct test_spool *t);				    /* and connects t->intake */
bool spool_try_start(struct test_spool *t, char *why, size_t size); /* false: the server refused, and why */
int spool_end(struct test_spool *t, int signal);		    /* 0: asks it to stop. The wait status */
void spool_reopen(struct test_spool *t, int signal);
void spool_remove(struct test_spool *t); /* ends it and removes the directory */

/* A socket to the server, as that role; "" for no account. */
int spool_peer(struct test_spool *t, enum spool_peer role, const char *account);

/* Waits until account was told to be due, at most MS; "(held)": until it was told that what rules send is held. */
bool spool_was_due(struct test_spool *t, const char *account, int ms);

/* ---- spool_acts.c: what is asked of it ---- */

/* A message to one recipient a@office.example of ACCOUNT, one delivery into FOLDER. N makes ids and content its own. */
struct test_message {
	struct spool_message m;
	struct spool_recipient r[8];
	struct spool_delivery d[8];
	char id[17], ids[8][17];
	char body[64 * 1024];
};
void message_make(struct test_message *m, unsigned n, const char *account, const char *folder);

struct test_answer {
	bool came;
	enum spool_answer answer;
	int64_t number, ticket;
	char id[17];
};
void answer_put(void *arg, enum spool_answer answer,
		const struct spool_taken *taken); /* a spool_answer_fn; ARG is a struct test_answer */
struct test_answer accept_now(struct test_spool *t, const struct spool_message *m);
void spool_wait(struct test_spool *t, const bool *flag); /* runs the loop until *FLAG */

struct test_answer accept_by(struct test_spool *t, struct spool_intake *by, const struct spool_message *m);

/* A fetcher's two sockets for SOURCE. */
struct test_fetcher {
	struct spool_intake *door;
	struct spool_source *memory;
};
void fetcher_start(struct test_spool *t, struct test_fetcher *f, const char *source);
void fetcher_end(struct test_fetcher *f);

/* M as fetched from UID (or, with 0, NAME) of FOLDER: sets M's origin to O. */
void message_fetched(struct test_message *m, struct spool_origin *o, int64_t folder, uint32_t uid, const char *name);

/* Its folder of that name and UIDVALIDITY. */
int64_t fetcher_folder(struct test_fetcher *f, const char *name, uint32_t uidvalidity);

/* A body of N octets by upload: its handle, 0 when there was none to be had. */
uint64_t upload_now(struct test_spool *t, size_t n);

/* The state of the delivery with that id, 0 when there is none; asked from the server. */
enum delivery_state state_of(struct test_spool *t, const char *id);

int64_t count_in_database(struct test_spool *t, const char *sql); /* of a stopped spool */
void spool_make_older(struct test_spool *t, int version);	  /* a stopped spool: as that version had it */
int files_in(struct test_spool *t, const char *sub);		  /* under DIR/SUB, in all depths */

/* A store of ACCOUNT, and all work that is due for it. */
struct spool_store *store_of(struct test_spool *t, const char *account);
size_t work_of(struct spool_store *s, struct spool_work **w, int64_t *due);

#endif
