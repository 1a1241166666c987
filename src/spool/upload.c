/*
 * Bodies that are too large to be carried inline. The peer writes a file that
 * we made for it; what it wrote counts once we have synced it, given it its
 * place and synced that. A child does this, so that a slow disk stops only the
 * message it belongs to. A file whose sync failed is thrown away: the kernel
 * reports a lost write once, and a second sync would call it safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "spool/inside.h"

enum { UPLOADS_MAX = 512, CHILDREN_MAX = 16, FLUSH_OCTETS = 1024 * 1024, FLUSH_EVERY_MS = 100 };

char *body_path(const struct spool_server *s, const char *file)
{
	return mem_printf("%s/%c/%s", s->body_dir, file[0], file);
}

char *upload_path(const struct spool_server *s, const char *file)
{
	return mem_printf("%s/%s", s->tmp_dir, file);
}

/* ---- opening ---- */

int upload_create(struct spool_server *s, char name[17])
{
	char *path;
	int fd;

	random_id(name);
	path = upload_path(s, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		log_error("upload-failed", LOG_STR("file", path), LOG_STR("reason", strerror(errno)));
	free(path);
	return fd;
}

void upload_remove(struct spool_server *s, const char *file)
{
	char *path = upload_path(s, file);

	if (unlink(path) != 0 && errno != ENOENT)
		log_warning("upload-not-removed", LOG_STR("file", path), LOG_STR("reason", strerror(errno)));
	free(path);
}

/* Puts U into the list of its peer. */
static void attach(struct upload *u, struct peer *p)
{
	u->peer = p;
	u->next = p->uploads;
	p->uploads = u;
	p->nuploads++;
}

enum op_result upload_open(struct spool_server *s, struct op *op)
{
	struct peer *p = op->peer;
	struct reply reply = { .answer = SPOOL_FULL };
	struct upload *u;

	if (p->channel != NULL && p->nuploads < UPLOADS_MAX && server_has_room(s)) {
		u = mem_alloc(sizeof *u);
		u->server = s;
		u->pipe = -1;
		u->fd = upload_create(s, u->name);
		if (u->fd >= 0) {
			struct timeval tv = { .tv_usec = FLUSH_EVERY_MS * 1000 };

			u->number = (int64_t)(++p->last_upload & INT32_MAX);
			attach(u, p);
			reply.answer = SPOOL_ACCEPTED;
			reply.number = u->number;
			op->reply_fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 0);
			if (!evtimer_pending(s->flush_timer, NULL))
				(void)evtimer_add(s->flush_timer, &tv);
		} else {
			free(u);
		}
		if (reply.answer == SPOOL_ACCEPTED && op->reply_fd < 0) {
			upload_close(s, u);
			reply.answer = SPOOL_FULL;
		}
	}
	op_reply(op, &reply);
	return OP_DONE;
}

static struct upload *find(struct peer *p, int64_t number)
{
	for (struct upload *u = p->uploads; u != NULL; u = u->next)
		if (u->number == number)
			return u;
	return NULL;
}

/* Takes U out of its peer's list. */
static void detach(struct upload *u)
{
	struct upload **at;

	if (u->peer == NULL)
		return;
	for (at = &u->peer->uploads; *at != u; at = &(*at)->next)
		;
	*at = u->next;
	u->peer->nuploads--;
	u->peer = NULL;
}

struct upload *upload_take(struct peer *p, int64_t number)
{
	struct upload *u = find(p, number);

	if (u != NULL)
		detach(u);
	return u;
}

enum op_result upload_drop(struct spool_server *s, struct op *op)
{
	const struct ask *ask = op->request;
	struct upload *u = find(op->peer, ask->number);
	struct bundle *b = bundle_find(s, op->peer, ask->number);

	if (u != NULL)
		upload_close(s, u);
	if (b != NULL)
		bundle_leave(b);
	return OP_DONE;
}

/* ---- ending ---- */

static void release(struct upload *u)
{
	detach(u);
	file_close(&u->fd);
	free(u);
}

void upload_close(struct spool_server *s, struct upload *u)
{
	/* A server that gave up leaves all files: the next start knows which have a row. */
	if (!s->dead) {
		char *path = u->published ? body_path(s, u->name) : upload_path(s, u->name);

		if (unlink(path) != 0 && errno != ENOENT)
			log_warning("upload-not-removed", LOG_STR("file", path), LOG_STR("reason", strerror(errno)));
		free(path);
	}
	release(u);
}

void upload_keep(struct upload **u)
{
	release(*u);
	*u = NULL;
}

/* ---- publishing ---- */

int upload_sync_and_rename(int fd, const char *from, const char *to, const char *dir)
{
	int d, r = 0;

	if (fdatasync(fd) != 0)
		return errno;
	step("spool: after a body file was synced");
	if (rename(from, to) != 0)
		return errno;
	step("spool: after a body file was renamed");
	d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d < 0)
		return errno;
	if (fsync(d) != 0)
		r = errno;
	file_close(&d);
	step("spool: after the directory of a body file was synced");
	return r;
}

static void start_jobs(struct spool_server *s);

static void finish(struct spool_server *s, struct upload *u, int error)
{
	struct op *op = u->op;

	u->op = NULL;
	/* Renamed or not: a failed one is looked for in both places. */
	u->published = true;
	if (error != 0) {
		char *path = upload_path(s, u->name);

		log_error("upload-failed", LOG_STR("file", path), LOG_STR("reason", strerror(error)));
		if (!s->dead)
			(void)unlink(path);
		free(path);
		upload_close(s, u);
		server_fail(s, op, error == ENOSPC || error == EDQUOT ? SPOOL_FULL : SPOOL_FAILED, strerror(error));
	} else {
		op->bodies[u->place].upload = u;
		op->bodies[u->place].synced = true;
		upload_publish(s, op);
	}
	start_jobs(s);
	server_busy_ended(s);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct upload *u = arg;
	struct spool_server *s = u->server;
	int error = EIO;
	ssize_t n = read(u->pipe, &error, sizeof error);

	(void)fd;
	(void)what;
	/* A child that was killed wrote nothing: whether the file is safe is not known. */
	if (n != (ssize_t)sizeof error)
		error = EIO;
	event_free(u->done);
	u->done = NULL;
	file_close(&u->pipe);
	while (waitpid(u->child, NULL, 0) < 0 && errno == EINTR)
		;
	s->children--;
	finish(s, u, error);
}

static int run_child(struct spool_server *s, struct upload *u, const char *from, const char *to, const char *dir)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		int error = upload_sync_and_rename(u->fd, from, to, dir);

		(void)!write(ends[1], &error, sizeof error);
		_exit(0);
	}
	file_close(&ends[1]);
	if (child < 0) {
		file_close(&ends[0]);
		return -1;
	}
	u->child = child;
	u->pipe = ends[0];
	u->done = event_new(s->base, u->pipe, EV_READ, on_done, u);
	if (u->done == NULL || event_add(u->done, NULL) != 0)
		abort();
	s->children++;
	return 0;
}

static void start_jobs(struct spool_server *s)
{
	while (s->jobs != NULL && s->children < CHILDREN_MAX) {
		struct upload *u = s->jobs;
		/* One that was given back has its place already. */
		char *from = u->published ? body_path(s, u->name) : upload_path(s, u->name);
		char *to = body_path(s, u->name);
		char *dir = mem_printf("%s/%c", s->body_dir, u->name[0]);
		int error = -1;

		s->jobs = u->next_job;
		if (s->jobs == NULL)
			s->jobs_last = &s->jobs;
		/* Without processes to be had, others must wait for this sync. */
		if (run_child(s, u, from, to, dir) != 0)
			error = upload_sync_and_rename(u->fd, from, to, dir);
		free(from);
		free(to);
		free(dir);
		if (error >= 0) {
			finish(s, u, error);
			return; /* it has called us again */
		}
	}
}

static void publish_one(struct spool_server *s, struct op *op, size_t place)
{
	const struct spool_message *m = op_message(op, place);
	struct upload *u = op->bodies[place].upload;
	struct stat st;

	op->bodies[place].upload = NULL;

	if (fstat(u->fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != m->size) {
		log_warning("upload-refused", LOG_STR("reason", "the file has not the size that was announced"),
			    LOG_NUM("size", st.st_size), LOG_NUM("announced", m->size));
		upload_close(s, u);
		server_fail(s, op, SPOOL_FAILED, "the file has not the size that was announced");
		return;
	}
	u->op = op;
	u->place = place;
	u->next_job = NULL;
	*s->jobs_last = u;
	s->jobs_last = &u->next_job;
	start_jobs(s);
}

void upload_publish(struct spool_server *s, struct op *op)
{
	for (size_t i = 0; i < op->nbodies; i++)
		if (op->bodies[i].upload != NULL && !op->bodies[i].synced) {
			publish_one(s, op, i);
			return;
		}
	server_queue(s, op);
}

void upload_drop_bodies(struct op *op)
{
	for (size_t i = 0; i < op->nbodies; i++)
		if (op->bodies[i].upload != NULL) {
			upload_close(op->peer->server, op->bodies[i].upload);
			op->bodies[i].upload = NULL;
		}
}

void upload_give_back(struct op *op)
{
	struct upload *u = op->nbodies == 0 ? NULL : op->bodies[0].upload;

	if (u == NULL || op->peer->channel == NULL)
		return;
	op->bodies[0].upload = NULL;
	attach(u, op->peer);
}

/* ---- writing back while it streams, so that the sync at the end is short ---- */

void upload_flush_all(struct spool_server *s)
{
	struct timeval tv = { .tv_usec = FLUSH_EVERY_MS * 1000 };
	bool some = false;

	for (struct peer *p = s->peers; p != NULL; p = p->next)
		for (struct upload *u = p->uploads; u != NULL; u = u->next) {
			struct stat st;

			some = true;
			if (fstat(u->fd, &st) != 0 || st.st_size < (off_t)u->flushed + FLUSH_OCTETS)
				continue;
			(void)sync_file_range(u->fd, (off_t)u->flushed, st.st_size - (off_t)u->flushed,
					      SYNC_FILE_RANGE_WRITE);
			u->flushed = (uint64_t)st.st_size;
		}
	if (some)
		(void)evtimer_add(s->flush_timer, &tv);
}

void uploads_free(struct spool_server *s)
{
	/* Children finish by themselves; their files are swept at the next start. */
	while (s->jobs != NULL) {
		struct upload *u = s->jobs;

		s->jobs = u->next_job;
		op_free(u->op);
		release(u);
	}
}
