/*
 * Bodies that are too large for a row and too small for a file each: the peer
 * writes them one behind the other into a file that we made for it, and a commit
 * that takes messages of it in is preceded by one sync of it, whatever their
 * number. The first sync also gives the file its place. A file whose sync failed
 * takes nothing in any more: the kernel reports a lost write once, and a second
 * sync would call it safe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "spool/inside.h"

enum { BUNDLES_MAX = 8, COPY_OCTETS = 64 * 1024 };

/* ---- while a peer writes ---- */

enum op_result bundle_open(struct spool_server *s, struct op *op)
{
	struct peer *p = op->peer;
	struct reply reply = { .answer = SPOOL_FULL };
	struct bundle *b;
	size_t n = 0;

	for (b = s->bundles; b != NULL; b = b->next)
		n += b->peer == p;
	if (p->channel != NULL && n < BUNDLES_MAX && server_has_room(s)) {
		b = mem_alloc(sizeof *b);
		b->server = s;
		b->fd = upload_create(s, b->name);
		op->reply_fd = b->fd < 0 ? -1 : fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
		b->number = (int64_t)(++p->last_upload & INT32_MAX);
		b->peer = p;
		b->next = s->bundles;
		s->bundles = b;
		if (op->reply_fd < 0) {
			bundle_leave(b);
		} else {
			reply.answer = SPOOL_ACCEPTED;
			reply.number = b->number;
		}
	}
	op_reply(op, &reply);
	return OP_DONE;
}

struct bundle *bundle_find(struct spool_server *s, const struct peer *p, int64_t number)
{
	struct bundle *b = s->bundles;

	while (b != NULL && (b->peer != p || b->number != number))
		b = b->next;
	return b;
}

int bundle_add(struct bundle *b, struct op *op, const struct spool_message *m)
{
	/* Behind all that was taken in before: who writes can't mean another message's bytes. */
	if (m->at < b->end || m->size > BUNDLE_MAX || m->at > BUNDLE_MAX - m->size)
		return -1;
	b->end = m->at + m->size;
	b->ops++;
	op->bundle = b;
	return 0;
}

/* ---- its end ---- */

static void end(struct bundle *b)
{
	struct spool_server *s = b->server;
	struct bundle **at = &s->bundles;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	file_close(&b->fd);
	/* A server that gave up leaves all files: the next start knows which have a row. */
	if (!s->dead && !b->published)
		upload_remove(s, b->name);
	if (!s->dead && (b->published || b->failed != 0))
		bundle_sweep(s, b->name);
	free(b);
}

void bundle_leave(struct bundle *b)
{
	b->peer = NULL;
	if (b->ops == 0)
		end(b);
}

void bundle_unref(struct op *op)
{
	struct bundle *b = op->bundle;

	op->bundle = NULL;
	if (--b->ops == 0 && b->peer == NULL)
		end(b);
}

static struct bundle *bundle_named(const struct spool_server *s, const char *file)
{
	struct bundle *b = s->bundles;

	while (b != NULL && strcmp(b->name, file) != 0)
		b = b->next;
	return b;
}

void bundle_sweep(struct spool_server *s, const char *file)
{
	int64_t one;
	char *path;

	if (bundle_named(s, file) != NULL || db_number(&s->db, &one, SQL_FILE_KNOWN, "t", file) != 0)
		return;
	path = body_path(s, file);
	step("spool: before a body file is removed");
	/* Of several messages that ended in one commit the first has removed it. */
	if (unlink(path) != 0 && errno != ENOENT)
		log_warning("body-not-removed", LOG_STR("file", path));
	step("spool: after a body file was removed");
	free(path);
}

void bundle_release(struct spool_server *s, const char *file, int64_t at, int64_t size)
{
	struct bundle *b = bundle_named(s, file);
	char *path = body_path(s, file);
	int fd;

	bundle_sweep(s, file);
	/* Others' bodies keep the file: what this one took is given back. Not every file system can, which costs room only. */
	fd = b != NULL ? b->fd : open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size);
	if (b == NULL)
		file_close(&fd);
	free(path);
}

bool bundle_has_hole(int fd, int64_t at, int64_t size)
{
	const off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);

	return hole >= 0 && hole < (off_t)(at + size);
}

void bundles_free(struct spool_server *s)
{
	while (s->bundles != NULL) {
		s->bundles->ops = 0;
		end(s->bundles);
	}
}

/* ---- syncing ---- */

static int publish(struct spool_server *s, struct bundle *b)
{
	char *from = upload_path(s, b->name), *to = body_path(s, b->name);
	char *dir = mem_printf("%s/%c", s->body_dir, b->name[0]);
	int r = upload_sync_and_rename(b->fd, from, to, dir);

	/* Renamed or not: a failed one is looked for in both places. */
	b->published = r == 0;
	free(from);
	free(to);
	free(dir);
	return r;
}

int bundle_sync(struct spool_server *s, struct bundle *b)
{
	struct stat st;
	int r = 0;

	if (b->failed != 0 || b->synced >= b->end)
		return b->failed;
	if (fstat(b->fd, &st) != 0 || (uint64_t)st.st_size < b->end) {
		log_warning("upload-refused", LOG_STR("reason", "the file is shorter than was announced"));
		r = EIO;
	} else if (!b->published) {
		r = publish(s, b);
	} else {
		step("spool: before a body file is synced again");
		r = fdatasync(b->fd) == 0 ? 0 : errno;
		step("spool: after a body file was synced again");
	}
	b->synced = b->end;
	b->failed = r;
	if (r != 0)
		log_error("upload-failed", LOG_STR("file", b->name), LOG_STR("reason", strerror(r)));
	return r;
}

/* ---- reading ---- */

int bundle_copy(int from, int64_t at, int64_t size, struct err *e)
{
	static char piece[COPY_OCTETS];
	int fd = memfd_create("body", MFD_CLOEXEC);
	int64_t done = 0;

	if (fd < 0)
		return err_sys(e, errno, "make a memory file");
	while (done < size) {
		size_t want = size - done < COPY_OCTETS ? (size_t)(size - done) : COPY_OCTETS;
		ssize_t n = pread(from, piece, want, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || pwrite(fd, piece, (size_t)n, (off_t)done) != n) {
			(void)err_sys(e, n == 0 ? EIO : errno, "read a body");
			file_close(&fd);
			return -1;
		}
		done += n;
	}
	return fd;
}
