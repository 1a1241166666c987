#include "spool_tools.h"

#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"

enum { TAG_ROLE = 1, TAG_ACCOUNT };

/* ---- the server's process ---- */

struct program {
	struct event_base *base;
	struct spool_server *server;
	struct channel *control;
	int tell;
};

static void on_due(void *arg, const char *account)
{
	struct program *p = arg;

	(void)!write(p->tell, account, strlen(account));
	(void)!write(p->tell, "\n", 1);
}

static void on_fatal(void *arg)
{
	(void)arg;
	_exit(70);
}

static void on_stopped(void *arg)
{
	struct program *p = arg;

	(void)event_base_loopbreak(p->base);
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct program *p = arg;
	char *account;

	if (nfds == 0) {
		spool_server_stop(p->server);
		return 0;
	}
	account = ipc_get_str(in->rest, TAG_ACCOUNT, 100);
	spool_server_peer(p->server, fds[0], (enum spool_peer)ipc_get_number(in->rest, TAG_ROLE, 0), account);
	fds[0] = -1;
	free(account);
	return 0;
}

static void on_closed(void *arg, const struct err *e)
{
	(void)arg;
	(void)e;
	_exit(0);
}

static _Noreturn void serve(struct test_spool *t, int control, int tell)
{
	static const struct channel_handler handler = { on_message, on_closed };
	struct program p = { .base = event_base_new(), .tell = tell };
	struct spool_options options = { .dir = t->dir,
					 .reserve = t->reserve,
					 .retention = t->retention,
					 .restored = t->restored,
					 .due = on_due,
					 .fatal = on_fatal,
					 .stopped = on_stopped,
					 .arg = &p,
					 .vfs = t->vfs };
	struct err e = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_open("spool", getenv("SPOOL_TEST_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	if (getenv("SPOOL_TEST_LOG") == NULL) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDERR_FILENO);
	}
	if (t->prepare != NULL)
		t->prepare();
	p.server = spool_server_new(p.base, &options, &e);
	(void)!write(tell, p.server == NULL ? e.text : "ready", p.server == NULL ? strlen(e.text) : 5);
	(void)!write(tell, "\n", 1);
	if (p.server == NULL)
		_exit(78);
	p.control = channel_new(p.base, control, &handler, &p);
	(void)event_base_dispatch(p.base);
	spool_server_free(&p.server);
	channel_free(&p.control);
	event_base_free(p.base);
	exit(0);
}

/* ---- from this side ---- */

static size_t read_line(int fd, char *line, size_t size, int ms)
{
	int64_t end = clock_mono_ms() + ms;
	size_t n = 0;

	while (n < size - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int left = (int)(end - clock_mono_ms());

		if (left < 0 || poll(&p, 1, left) <= 0 || read(fd, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return n;
}

void spool_make(struct test_spool *t)
{
	*t = (struct test_spool){ .pid = -1, .control = -1, .told = -1, .retention = 3600 * 1000 };
	(void)snprintf(t->dir, sizeof t->dir, "/tmp/mailferry-spool-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	t->base = event_base_new();
}

static void on_lost(void *arg)
{
	struct test_spool *t = arg;

	t->lost = true;
}

bool spool_try_start(struct test_spool *t, char *why, size_t size)
{
	int pair[2], tell[2], status;
	struct err e;

	assert_int_equal(ipc_pair(pair, &e), 0);
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (t->pid == 0) {
		(void)close(pair[0]);
		(void)close(tell[0]);
		serve(t, pair[1], tell[1]);
	}
	(void)close(pair[1]);
	(void)close(tell[1]);
	t->control = pair[0];
	t->told = tell[0];
	(void)read_line(t->told, why, size, 20000);
	if (strcmp(why, "ready") == 0)
		return true;
	(void)waitpid(t->pid, &status, 0);
	t->pid = -1;
	file_close(&t->control);
	file_close(&t->told);
	return false;
}

void spool_start(struct test_spool *t)
{
	char why[600];

	if (!spool_try_start(t, why, sizeof why))
		fail_msg("the spool did not start: %s", why);
	t->lost = false;
	if (t->intake == NULL)
		t->intake = spool_intake_new(t->base, spool_peer(t, SPOOL_PEER_INTAKE, ""), on_lost, t);
	else
		spool_intake_replace(t->intake, spool_peer(t, SPOOL_PEER_INTAKE, ""));
}

int spool_end(struct test_spool *t, int signal)
{
	int status = 0;

	if (t->pid < 0)
		return 0;
	if (signal == 0) {
		struct ipc_out out;
		struct err e;

		ipc_out_init(&out);
		ipc_begin(&out, 2, 0);
		(void)ipc_send(t->control, &out, NULL, 0, &e);
		ipc_out_free(&out);
	} else {
		(void)kill(t->pid, signal);
	}
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = -1;
	file_close(&t->control);
	file_close(&t->told);
	return status;
}

void spool_reopen(struct test_spool *t, int signal)
{
	(void)spool_end(t, signal);
	spool_start(t);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void spool_remove(struct test_spool *t)
{
	spool_intake_free(&t->intake);
	(void)spool_end(t, SIGKILL);
	event_base_free(t->base);
	(void)nftw(t->dir, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

int spool_peer(struct test_spool *t, enum spool_peer role, const char *account)
{
	struct ipc_out out;
	struct err e;
	int pair[2];

	assert_int_equal(ipc_pair(pair, &e), 0);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 0);
	ipc_put_number(&out, TAG_ROLE, role);
	ipc_put_str(&out, TAG_ACCOUNT, account);
	/* A server that was killed has not taken it: then the other end is simply closed. */
	(void)ipc_send(t->control, &out, &pair[1], 1, &e);
	ipc_out_free(&out);
	(void)close(pair[1]);
	return pair[0];
}

bool spool_was_due(struct test_spool *t, const char *account, int ms)
{
	int64_t end = clock_mono_ms() + ms;
	char line[300];

	do {
		if (read_line(t->told, line, sizeof line, (int)(end - clock_mono_ms())) > 0 &&
		    strcmp(line, account) == 0)
			return true;
	} while (clock_mono_ms() < end);
	return false;
}

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

void answer_put(void *arg, enum spool_answer answer, int64_t number)
{
	struct test_answer *a = arg;

	assert_false(a->came);
	*a = (struct test_answer){ true, answer, number };
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

void spool_wait(struct test_spool *t, const bool *flag)
{
	struct timeval tv = { .tv_sec = 30 };
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
