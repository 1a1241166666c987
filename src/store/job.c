#include "store/job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "msg/flag.h"

enum { FLAGS_MAX_BYTES = 4096, REASON_MAX_BYTES = 1500, RAW_HEADER_MAX = 1024 * 1024 };

/* The flags of FLAGS that may be sent, KEYWORDS among them or not. */
static char *clean_flags(const char *flags, bool keywords, bool *has_keywords)
{
	struct slice s = slice_str(flags);
	struct buf out;
	char *ret;

	*has_keywords = false;
	buf_init(&out, FLAGS_MAX_BYTES);
	while (s.n > 0) {
		size_t n = slice_find(s, ' ');
		struct slice flag = slice_of(s.p, n);

		n += n < s.n ? 1 : 0;
		s.p += n;
		s.n -= n;
		if (flag_system(flag).n == 0) {
			/* What would end the list or the command must never get into it. */
			if (!keywords || !flag_is_keyword(flag))
				continue;
			*has_keywords = true;
		}
		if (out.n + flag.n + 1 > FLAGS_MAX_BYTES)
			break;
		(void)buf_add_str(&out, out.n > 0 ? " " : "");
		(void)buf_add_slice(&out, flag);
	}
	ret = mem_strdup(buf_str(&out));
	buf_free(&out);
	return ret;
}

void job_init(struct job *j, const struct spool_work *work)
{
	*j = (struct job){ .work = work, .fd = -1 };
	j->flags = clean_flags(work->flags, true, &j->keywords);
	j->resend = work->floor_uidnext != 0;
	j->size = work->prefix_len + work->size;
	j->outcome.number = work->number;
}

void job_drop_keywords(struct job *j)
{
	char *flags = clean_flags(j->work->flags, false, &j->keywords);

	free(j->flags);
	j->flags = flags;
	j->note = "without its keywords, which the store did not take";
}

void job_unload(struct job *j)
{
	free(j->bytes);
	j->bytes = NULL;
	file_close(&j->fd);
}

void job_free(struct job *j)
{
	job_unload(j);
	free(j->mailbox);
	free(j->flags);
	free(j->reason);
	free(j->folder);
	free(j->wrap_note);
	wrap_free(&j->wrap);
	*j = (struct job){ .fd = -1 };
}

bool job_spool_lost(const struct err *e)
{
	return e->class == ERR_PROTOCOL || (e->class == ERR_SYSTEM && e->code != 0) || e->code == ETIMEDOUT;
}

int job_load(struct job *j, struct spool_store *spool, int64_t again, struct err *e)
{
	size_t len = 0;
	struct stat st;
	uint64_t have;

	if (j->bytes != NULL)
		return 0;
	if (spool_body(spool, j->work->message, &j->bytes, &len, &j->fd, e) != 0) {
		if (job_spool_lost(e))
			return -1;
		/* A failing or full disk says nothing about this message. */
		if (e->class == ERR_TEMP)
			job_settle(j, OUTCOME_RETRY, again, false, "its body could not be read: %s", e->text);
		else
			job_settle(j, OUTCOME_REFUSED, 0, false, "its body can't be read, so it was not sent: %s",
				   e->text);
		return 1;
	}
	have = len;
	if (j->fd >= 0)
		have = fstat(j->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	if (have == j->work->size)
		return 0;
	job_settle(j, OUTCOME_REFUSED, 0, false,
		   "its body in the spool has %llu octets instead of %llu, so it was not sent",
		   (unsigned long long)have, (unsigned long long)j->work->size);
	return 1;
}

static ssize_t read_body(struct job *j, uint64_t at, char *p, size_t size, struct err *e)
{
	ssize_t n;

	if (size > j->work->size - at)
		size = (size_t)(j->work->size - at);
	if (j->fd < 0) {
		memcpy(p, j->bytes + at, size);
		return (ssize_t)size;
	}
	do
		n = pread(j->fd, p, size, (off_t)at);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n == 0)
		return err_set(e, ERR_PERM, 0, "the body in the spool became shorter");
	return err_sys(e, errno, "read the body from the spool");
}

static int read_whole(void *arg, uint64_t at, char *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t got = read_body(arg, at, p, n, e);

		if (got <= 0)
			return -1;
		at += (uint64_t)got;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

ssize_t job_read(struct job *j, uint64_t at, char *p, size_t size, struct err *e)
{
	size_t prefix = j->work->prefix_len;

	if (at >= j->size)
		return 0;
	if (at < prefix) {
		size_t left = prefix - (size_t)at;

		if (left > size)
			left = size;
		memcpy(p, j->work->prefix + at, left);
		return (ssize_t)left;
	}
	at -= prefix;
	return j->wrap != NULL ? wrap_read(j->wrap, at, p, size, read_whole, j, e) : read_body(j, at, p, size, e);
}

int job_wrap(struct job *j, struct spool_store *spool, const char *why, int64_t again, struct err *e)
{
	size_t n = j->work->size < WRAP_FRONT_MAX ? (size_t)j->work->size : WRAP_FRONT_MAX;
	char *front;
	int ret;

	job_unload(j);
	ret = job_load(j, spool, again, e);
	if (ret != 0)
		return ret;
	front = mem_alloc(n + 1);
	ret = read_whole(j, 0, front, n, e);
	if (ret == 0) {
		j->wrap = wrap_new(why, slice_of(front, n), j->work->size, j->work->id,
				   (time_t)(j->work->internal_ms / 1000));
		j->size = j->work->prefix_len + wrap_size(j->wrap);
		free(j->wrap_note);
		j->wrap_note = mem_printf("as the attachment of a message that says why: the store refused it as it "
					  "came (%.300s)",
					  why);
		j->note = j->wrap_note;
	}
	free(front);
	job_unload(j);
	return ret;
}

bool job_has_raw_header(struct job *j)
{
	char chunk[8 * 1024];
	char before = '\n'; /* CRs do not count */
	uint64_t at = 0;
	struct err e;

	while (at < RAW_HEADER_MAX) {
		ssize_t n = job_read(j, at, chunk, sizeof chunk, &e);

		if (n <= 0)
			return false; /* who sends it will notice */
		for (ssize_t i = 0; i < n; i++) {
			if ((unsigned char)chunk[i] >= 0x80)
				return true;
			if (chunk[i] == '\r')
				continue;
			if (before == '\n' && chunk[i] == '\n')
				return false;
			before = chunk[i];
		}
		at += (uint64_t)n;
	}
	return false;
}

void job_settle(struct job *j, enum outcome_kind kind, int64_t due_ms, bool sent, const char *fmt, ...)
{
	char text[REASON_MAX_BYTES];
	va_list ap;

	j->state = JOB_ANSWERED;
	j->outcome = (struct spool_outcome){ .number = j->work->number, .kind = kind, .due_ms = due_ms, .sent = sent };
	/* The old reason may be a part of the new one. */
	if (fmt != NULL) {
		va_start(ap, fmt);
		(void)vsnprintf(text, sizeof text, fmt, ap);
		va_end(ap);
	}
	free(j->reason);
	j->reason = fmt == NULL ? NULL : mem_strdup(text);
	j->outcome.reason = j->reason;
}

void job_unsent(struct job *j)
{
	job_settle(j, OUTCOME_RETRY, 0, false, NULL);
	/* Unless an earlier attempt left the floor. What was denied was never in doubt. */
	j->outcome.unsent = !j->resend && (!j->retried || j->denied);
}

void job_found(struct job *j, uint32_t uidvalidity, const char *folder)
{
	job_done(j, uidvalidity, j->found, folder);
	/* Most were counted when they came in doubt. */
	j->outcome.sent = j->work->attempts == 0;
}

void job_done(struct job *j, uint32_t uidvalidity, uint32_t uid, const char *folder)
{
	if (j->note != NULL)
		job_settle(j, OUTCOME_DONE, 0, true, "%s", j->note);
	else
		job_settle(j, OUTCOME_DONE, 0, true, NULL);
	j->outcome.uidvalidity = uidvalidity;
	j->outcome.uid = uid;
	free(j->folder);
	j->folder = mem_strdup(folder);
	j->outcome.folder = j->folder;
}

void job_elsewhere(struct job *j, const char *folder, const char *reason)
{
	job_settle(j, OUTCOME_ELSEWHERE, 0, false, "%s", reason);
	free(j->folder);
	j->folder = mem_strdup(folder);
	j->outcome.folder = j->folder;
}

size_t jobs_gather(struct job **jobs, size_t n)
{
	size_t k = 1;

	for (size_t i = 1; i < n; i++) {
		if (strcmp(jobs[i]->mailbox, jobs[0]->mailbox) == 0) {
			struct job *j = jobs[i];

			jobs[i] = jobs[k];
			jobs[k++] = j;
		}
	}
	return k;
}
