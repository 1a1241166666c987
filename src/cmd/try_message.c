#include "cmd/try_message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "msg/address.h"
#include "msg/newline.h"

/* Small messages stay in memory; of large ones this much, which is more than any header. */
enum { TRY_HEAD = 1024 * 1024, TRY_CHUNK = 64 * 1024, TRY_ADDRESS_MAX = 1024 };
/* More than message_size may be; and what never ends must not fill the disk. */
static const uint64_t try_size_max = UINT64_C(1) << 30;
_Static_assert((int)TRY_HEAD > (int)HEADER_MAX_BYTES, "the head holds the whole header");

/* Where a large message is kept; one at a time. */
static int scratch = -1;
static struct err scratch_why;

void try_message_prepare(void)
{
	const char *dir = getenv("TMPDIR");
	char *name = mem_printf("%s/mailferry-try-XXXXXX", dir != NULL && dir[0] == '/' ? dir : "/tmp");

	scratch = mkostemp(name, O_CLOEXEC);
	if (scratch < 0)
		(void)err_sys(&scratch_why, errno, "%s", name);
	else
		(void)unlink(name);
	free(name);
}

static int open_unnamed(struct err *e)
{
	int fd;

	if (scratch < 0) {
		*e = scratch_why;
		return -1;
	}
	fd = fcntl(scratch, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	(void)err_sys(e, errno, "empty a temporary file");
	file_close(&fd);
	return -1;
}

/* CHUNK, converted, to the head while that has room, and to the file once it has not. */
static int keep(struct try_message *m, struct slice chunk, struct err *e)
{
	m->message.size += chunk.n;
	if (m->message.size > try_size_max)
		return err_set(e, ERR_LIMIT, 0, "it has more than 1 GB; mailferry takes no message as large as that");
	if (m->fd < 0 && m->head.n + chunk.n <= TRY_HEAD)
		return buf_add_slice(&m->head, chunk) == 0 ? 0 : err_set(e, ERR_SYSTEM, ENOMEM, "not enough memory");
	if (m->fd < 0) {
		m->fd = open_unnamed(e);
		if (m->fd < 0 || file_write_all(m->fd, m->head.p, m->head.n, e) != 0)
			return -1;
	}
	return file_write_all(m->fd, chunk.p, chunk.n, e);
}

static int read_all(struct try_message *m, int fd, const char *path, struct err *e)
{
	struct newline lines = { 0 };
	char in[TRY_CHUNK];
	struct buf out;
	ssize_t got;
	int ret = 0;

	buf_init(&out, 2 * TRY_CHUNK + 8);
	do {
		got = read(fd, in, sizeof in);
		if (got < 0 && errno == EINTR)
			continue;
		buf_clear(&out);
		if (got < 0)
			ret = err_sys(e, errno, "%s", path);
		else if ((got > 0 ? newline_feed(&lines, slice_of(in, (size_t)got), &out)
				  : newline_finish(&lines, true, &out)) != 0)
			ret = err_set(e, ERR_SYSTEM, ENOMEM, "%s: not enough memory", path);
		else
			ret = keep(m, buf_slice(&out), e);
	} while (ret == 0 && got != 0);
	buf_free(&out);
	return ret;
}

/* The first address in a field called NAME; false when there is none. "<>" counts, as "". */
static bool guess(const struct header *h, const char *name, struct buf *out)
{
	size_t at = 0;
	const struct header_field *f;

	while ((f = header_find(h, slice_str(name), &at)) != NULL) {
		struct address_list list;
		bool found = slice_eq(slice_trim(f->value), SLICE_LIT("<>"));

		address_list_parse(f->value, &list, NULL);
		if (list.n > 0)
			found = address_format(&list.all[0], out) == 0;
		address_list_free(&list);
		if (found)
			return true;
		buf_clear(out);
	}
	return false;
}

static void guess_envelope(struct try_message *m)
{
	static const char *const from[] = { "Return-Path", "Sender", "From" };
	static const char *const to[] = { "Delivered-To", "X-Original-To", "To" };

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
		if (guess(&m->message.header, from[i], &m->from))
			break;
	for (size_t i = 0; i < sizeof to / sizeof to[0]; i++)
		if (guess(&m->message.header, to[i], &m->to))
			break;
}

int try_message_read(struct try_message *m, const char *path, struct err *e)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int ret;

	*m = (struct try_message){ .fd = -1 };
	buf_init(&m->head, TRY_HEAD);
	buf_init(&m->from, TRY_ADDRESS_MAX);
	buf_init(&m->to, TRY_ADDRESS_MAX);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	ret = read_all(m, fd, standard ? "standard input" : path, e);
	if (!standard)
		file_close(&fd);
	if (ret != 0)
		return -1;
	message_init(&m->message, buf_slice(&m->head), m->message.size, m->fd);
	guess_envelope(m);
	return 0;
}

void try_message_free(struct try_message *m)
{
	message_free(&m->message);
	file_close(&m->fd);
	buf_free(&m->head);
	buf_free(&m->from);
	buf_free(&m->to);
}
