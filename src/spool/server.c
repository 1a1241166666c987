#include "spool/server.h"

#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "spool/batch.h"
#include "spool/inside.h"

enum { IDLE_MS = 1000, SOON_MS = 200, MINUTE_MS = 60 * 1000 };

void server_start_timer(struct event *e, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	(void)evtimer_add(e, &tv);
}

/* ---- the loop ---- */

/* Of the spool's disk; a bold guess when it does not say. */
static int64_t free_octets(const struct spool_server *s)
{
	struct statvfs fs;

	return fstatvfs(s->lock, &fs) == 0 ? (int64_t)(fs.f_bavail * fs.f_frsize) : INT64_MAX;
}

bool server_has_room(struct spool_server *s)
{
	bool low = free_octets(s) < s->options.reserve;

	if (low != s->low)
		log_warning(low ? "disk-nearly-full" : "disk-has-room-again", LOG_STR("directory", s->options.dir),
			    LOG_NUM("reserve", s->options.reserve));
	s->low = low;
	return !low;
}

static void on_batch(evutil_socket_t fd, short what, void *arg)
{
	struct spool_server *s = arg;

	(void)fd;
	(void)what;
	if (s->dead)
		return;
	setback_check(s);
	batch_run(s);
	if (s->dead)
		return;
	peers_drop_broken(s);
	due_check(s);
	if (db_wal_is_large(&s->db))
		db_checkpoint(&s->db);
	if (s->first != NULL)
		event_active(s->soon, EV_TIMEOUT, 0);
	server_start_timer(s->idle_timer, IDLE_MS);
	server_busy_ended(s);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	setback_check(arg);
	due_check(arg);
}

static void on_minute(evutil_socket_t fd, short what, void *arg)
{
	struct spool_server *s = arg;
	bool more;

	(void)fd;
	(void)what;
	if (s->dead || s->stopping)
		return;
	setback_check(s);
	s->now = clock_wall_ms();
	due_forget_told(s);
	due_check(s);
	more = sweep_old(s);
	db_shrink(&s->db);
	server_start_timer(s->minute_timer, more ? SOON_MS : MINUTE_MS);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct spool_server *s = arg;

	(void)fd;
	(void)what;
	if (!s->dead && s->db.wal_frames > 0)
		db_checkpoint(&s->db);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	upload_flush_all(arg);
}

void server_fatal(struct spool_server *s, const char *why)
{
	if (s->dead)
		return;
	s->dead = true;
	log_error("spool-stops", LOG_STR("reason", why));
	s->options.fatal(s->options.arg);
}

void server_busy_ended(struct spool_server *s)
{
	if (!s->stopping || s->dead || s->first != NULL || s->children > 0 || s->jobs != NULL)
		return;
	bundles_free(s);
	db_checkpoint(&s->db);
	s->dead = true;
	s->options.stopped(s->options.arg);
}

void spool_server_lift(struct spool_server *s, const char *account)
{
	int r = -1;

	if (s->dead || s->stopping)
		return;
	if (db_run(&s->db, SQL_BEGIN, "") == 0 && db_run(&s->db, SQL_HOLDS_LIFT, "t", account) == 0)
		r = db_commit(&s->db);
	if (r == -2) {
		server_fatal(s, "a commit failed, and so did taking it back");
		return;
	}
	if (r != 0) {
		log_warning("holds-not-lifted", LOG_STR("reason", db_error(&s->db)));
		if (db_in_transaction(&s->db))
			(void)db_run(&s->db, SQL_ROLLBACK, "");
		return;
	}
	for (struct account *a = s->accounts; a != NULL; a = a->next)
		a->dirty = true;
	due_forget_told(s);
	due_check(s);
}

void spool_server_stop(struct spool_server *s)
{
	s->stopping = true;
	/* After what has arrived by now was read. */
	event_active(s->soon, EV_TIMEOUT, 0);
}

/* ---- beginning and end ---- */

static int take_lock(struct spool_server *s, struct err *e)
{
	char *path = mem_printf("%s/lock", s->options.dir);
	int r = -1;

	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0) {
		(void)err_sys(e, errno, "open %s", path);
		free(path);
		return -1;
	}
	/* A child of the server before may still be finishing a sync: it holds the lock until it has. */
	for (int i = 0; i < 30 && r != 0; i++) {
		r = flock(s->lock, LOCK_EX | LOCK_NB);
		if (r != 0)
			(void)usleep(100 * 1000);
	}
	if (r != 0)
		(void)err_set(e, ERR_CONFIG, 0, "another mailferry uses the spool %s (lock: %s)", s->options.dir, path);
	free(path);
	return r;
}

static struct event *new_event(struct spool_server *s, event_callback_fn fn, int priority)
{
	struct event *e = event_new(s->base, -1, 0, fn, s);

	if (e == NULL)
		abort();
	(void)event_priority_set(e, priority);
	return e;
}

static int open_all(struct spool_server *s, struct err *e)
{
	char *path;
	bool made;
	int r;

	if (sweep_dirs(s, e) != 0 || take_lock(s, e) != 0)
		return -1;
	path = mem_printf("%s/spool.db", s->options.dir);
	r = sweep_check_database(s, path, e);
	if (r == 0)
		r = db_open(&s->db, path, s->options.vfs, free_octets(s), &made, e);
	if (r == 0 && made)
		r = file_sync_dir(s->options.dir, e);
	free(path);
	if (r != 0)
		return -1;
	if (sweep_start(s, e) != 0)
		return -1;
	if (due_load(s) != 0)
		return err_set(e, ERR_SYSTEM, 0, "spool: %s", db_error(&s->db));
	return 0;
}

struct spool_server *spool_server_new(struct event_base *base, const struct spool_options *options, struct err *e)
{
	enum { HIGH, MIDDLE, LOW, PRIORITIES };
	struct spool_server *s = mem_alloc(sizeof *s);

	(void)event_base_priority_init(base, PRIORITIES);
	s->base = base;
	s->options = *options;
	s->lock = -1;
	s->last = &s->first;
	s->jobs_last = &s->jobs;
	s->now = clock_wall_ms();
	random_bytes(&s->last_serial, sizeof s->last_serial);
	s->last_serial &= INT32_MAX;
	/* Requests that can be read come before a batch, so that it takes all that wait; a full batch comes before
	 * them. */
	s->soon = new_event(s, on_batch, LOW);
	s->now_event = new_event(s, on_batch, HIGH);
	s->lazy = new_event(s, on_batch, LOW);
	s->due_timer = new_event(s, on_due, LOW);
	s->minute_timer = new_event(s, on_minute, LOW);
	s->idle_timer = new_event(s, on_idle, LOW);
	s->flush_timer = new_event(s, on_flush, MIDDLE);
	if (open_all(s, e) != 0) {
		spool_server_free(&s);
		return NULL;
	}
	(void)server_has_room(s);
	server_start_timer(s->due_timer, 0);
	server_start_timer(s->minute_timer, SOON_MS);
	return s;
}

void spool_server_free(struct spool_server **sp)
{
	struct spool_server *s = *sp;
	struct event **events[] = { &s->soon,	      &s->now_event,  &s->lazy,	      &s->due_timer,
				    &s->minute_timer, &s->idle_timer, &s->flush_timer };

	if (s == NULL)
		return;
	*sp = NULL;
	s->dead = true;
	while (s->first != NULL) {
		struct op *op = s->first;

		s->first = op->next;
		op_free(op);
	}
	uploads_free(s);
	bundles_free(s);
	peers_free(s);
	fetchers_free(s);
	while (s->accounts != NULL) {
		struct account *a = s->accounts;

		s->accounts = a->next;
		file_close(&a->waiting);
		free(a->taken);
		free(a->name);
		free(a);
	}
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		event_free(*events[i]);
	effects_undo(s, 0);
	free(s->effects);
	db_close(&s->db);
	file_close(&s->lock);
	free(s->tmp_dir);
	free(s->body_dir);
	free(s);
}
