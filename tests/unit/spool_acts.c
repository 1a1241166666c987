#include "spool_tools.h"

#include <event2/event.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

void message_make(struct test_message *m, unsigned n, const char *account, const char *folder)
{
	memset(m, 0, sizeof *m);
	(void)snprintf(m->id, sizeof m->id, "m%015u", n);
	(void)snprintf(m->body, sizeof m->body, "Subject: number %u\r\n\r\nThis is message %u.\r\n", n, n);
	m->r[0] = (struct spool_recipient){ .address = "a@office.example", .account = account, .verdict = "keep" };
	(void)snprintf((char *)m->r[0].fingerprint, SPOOL_FINGERPRINT_SIZE, "print %u", n);
	for (unsigned i = 0; i < 8; i++) {
		(void)snprintf(m->ids[i], sizeof m->ids[i], "d%u%014u", i, n);
		m->d[i] = (struct spool_delivery){ .id = m->ids[i],
						   .account = account,
						   .folder = folder,
						   .flags = "\\Seen",
						   .rule = "office.sieve:3",
						   .prefix = SLICE_LIT("Received: from x by y; now\r\n") };
	}
	m->m = (struct spool_message){ .id = m->id,
				       .session = "s1",
				       .protocol = "smtp",
				       .client = "192.0.2.9",
				       .sender = "sender@example.org",
				       .message_id = "<1@example.org>",
				       .from = "Sender",
				       .subject = "Rechnung f\xc3\xbcr M\xc3\xa4rz",
				       .received_ms = clock_wall_ms(),
				       .internal_ms = clock_wall_ms(),
				       .size = strlen(m->body),
				       .body = slice_str(m->body),
				       .recipients = m->r,
				       .nrecipients = 1,
				       .deliveries = m->d,
				       .ndeliveries = 1 };
}

void answer_put(void *arg, enum spool_answer answer, const struct spool_taken *taken)
{
	struct test_answer *a = arg;

	assert_false(a->came);
	*a = (struct test_answer){ .came = true, .answer = answer };
	if (taken == NULL)
		return;
	a->number = taken->number;
	a->ticket = taken->ticket;
	(void)snprintf(a->id, sizeof a->id, "%s", taken->id == NULL ? "" : taken->id);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void spool_wait(struct test_spool *t, const bool *flag)
{
	struct timeval tv = { .tv_sec = 120 };
	bool late = false;
	struct event *timer = evtimer_new(t->base, on_late, &late);

	(void)evtimer_add(timer, &tv);
	while (!*flag && !late)
		(void)event_base_loop(t->base, EVLOOP_ONCE);
	event_free(timer);
	assert_true(*flag);
}

struct test_answer accept_by(struct test_spool *t, struct spool_intake *by, const struct spool_message *m)
{
	struct test_answer a = { 0 };

	(void)spool_accept(by, m, answer_put, &a);
	assert_false(a.came);
	spool_wait(t, &a.came);
	return a;
}

struct test_answer accept_now(struct test_spool *t, const struct spool_message *m)
{
	return accept_by(t, t->intake, m);
}

static void on_fetcher_lost(void *arg)
{
	(void)arg;
}

void fetcher_start(struct test_spool *t, struct test_fetcher *f, const char *source)
{
	f->door = spool_intake_new(t->base, spool_peer(t, SPOOL_PEER_FETCH, source), on_fetcher_lost, NULL);
	f->memory = spool_source_new(spool_peer(t, SPOOL_PEER_MEMORY, source));
}

void fetcher_end(struct test_fetcher *f)
{
	spool_intake_free(&f->door);
	spool_source_free(&f->memory);
}

void message_fetched(struct test_message *m, struct spool_origin *o, int64_t folder, uint32_t uid, const char *name)
{
	*o = (struct spool_origin){ .folder = folder, .uid = uid, .name = name, .size = 100, .fate = ORIGIN_TAKEN };
	memset(o->head, 7, sizeof o->head);
	m->m.origin = o;
}

int64_t fetcher_folder(struct test_fetcher *f, const char *name, uint32_t uidvalidity)
{
	struct origin_folder folder = { .name = name, .uidvalidity = uidvalidity };
	struct err e;

	if (spool_source_folder_put(f->memory, &folder, &e) != 0)
		fail_msg("folder: %s", e.text);
	return folder.number;
}

struct test_upload {
	bool came;
	int fd;
	uint64_t upload;
};

static void on_upload(void *arg, int fd, uint64_t upload, enum spool_answer answer)
{
	struct test_upload *u = arg;

	assert_int_equal(fd >= 0, answer == SPOOL_ACCEPTED);
	*u = (struct test_upload){ true, fd, upload };
}

uint64_t upload_now(struct test_spool *t, size_t n)
{
	static char bytes[100 * 1000];
	struct test_upload u = { 0 };
	struct err e;

	(void)spool_upload_open(t->intake, on_upload, &u);
	spool_wait(t, &u.came);
	if (u.fd < 0)
		return 0;
	memset(bytes, 'x', sizeof bytes);
	while (n > 0) {
		size_t some = n < sizeof bytes ? n : sizeof bytes;

		assert_int_equal(file_write_all(u.fd, bytes, some, &e), 0);
		n -= some;
	}
	(void)close(u.fd);
	return u.upload;
}

struct found_state {
	const char *id;
	enum delivery_state state;
};

static int find_state(void *arg, const struct spool_record *r)
{
	struct found_state *f = arg;

	for (size_t i = 0; i < r->ndeliveries; i++)
		if (strcmp(r->deliveries[i].id, f->id) == 0)
			f->state = r->deliveries[i].state;
	return 0;
}

enum delivery_state state_of(struct test_spool *t, const char *id)
{
	struct spool_admin *a = spool_admin_new(spool_peer(t, SPOOL_PEER_ADMIN, ""));
	struct spool_query q = { .id = id };
	struct found_state f = { .id = id };
	struct err e;

	if (spool_admin_find(a, &q, find_state, &f, &e) != 0)
		fail_msg("find: %s", e.text);
	spool_admin_free(&a);
	return f.state;
}

int64_t count_in_database(struct test_spool *t, const char *sql)
{
	char *path = mem_printf("%s/spool.db", t->dir);
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
	free(path);
	return n;
}

void spool_make_older(struct test_spool *t, int version)
{
	static const struct {
		int version; /* that has it */
		const char *undo;
	} rows[] = {
		{ 8, "DROP TABLE memory" },
		{ 8, "DROP INDEX reply_asked" },
		{ 8, "ALTER TABLE reply DROP COLUMN asked" },
		{ 8, "CREATE INDEX reply_nameless ON reply (message) WHERE fate <> 1" },
		{ 8, "DROP INDEX message_parent" },
		{ 8, "ALTER TABLE message DROP COLUMN parent" },
		{ 8, "ALTER TABLE message DROP COLUMN apart" },
		{ 7, "DROP TABLE quota" },
		{ 6, "DROP INDEX message_body" },
		{ 6, "ALTER TABLE message DROP COLUMN place" },
		{ 6, "CREATE UNIQUE INDEX message_file ON message (file) WHERE file IS NOT NULL" },
		{ 5, "DROP TABLE reply" },
		{ 5, "CREATE TABLE unconfirmed (fingerprint BLOB PRIMARY KEY, message INTEGER NOT NULL, peer INTEGER NOT NULL,"
		     " at INTEGER NOT NULL) WITHOUT ROWID" },
		{ 4, "DROP TABLE origin" },
		{ 4, "DROP TABLE origin_folder" },
		{ 4, "DROP TABLE source" },
		{ 4, "DROP INDEX delivery_id" },
		{ 3, "DROP TABLE facts" },
		{ 2, "DROP TABLE history" },
		{ 2, "ALTER TABLE account DROP COLUMN person" },
	};
	char *pragma = mem_printf("PRAGMA user_version = %d", version);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].version > version)
			(void)count_in_database(t, rows[i].undo);
	(void)count_in_database(t, pragma);
	free(pragma);
}

static int files;

static int count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)path;
	(void)st;
	(void)at;
	files += kind == FTW_F;
	return 0;
}

int files_in(struct test_spool *t, const char *sub)
{
	char *path = mem_printf("%s/%s", t->dir, sub);

	files = 0;
	(void)nftw(path, count_file, 20, FTW_PHYS);
	free(path);
	return files;
}

struct spool_store *store_of(struct test_spool *t, const char *account)
{
	return spool_store_new(spool_peer(t, SPOOL_PEER_STORE, account));
}

size_t work_of(struct spool_store *s, struct spool_work **w, int64_t *due)
{
	struct err e = { 0 };
	size_t n;

	if (spool_next(s, 100, 1 << 30, w, &n, due, &e) != 0)
		fail_msg("next: %s", e.text);
	return n;
}
