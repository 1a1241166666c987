/*
 * The bodies of further messages, pieced together from text of the rules' own and
 * ranges of the message: small ones in memory, large ones in a file of the
 * spool's each, a piece a turn of the event loop.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/step.h"
#include "intake/derived.h"
#include "ipc/message.h"

enum {
	INLINE_ALL = 1024 * 1024, /* octets in one request */
	COPY_PIECE = 256 * 1024	      /* octets copied a turn */
};

/* Up to N octets of the message as it came from AT on: how many; -1 when they can't be had. */
static ssize_t read_message(const struct intake_message *m, uint64_t at, char *p, size_t n)
{
	ssize_t got;

	if (at > m->size || n > m->size - at)
		return -1;
	if (m->fd < 0) {
		if (at + n > m->data.n)
			return -1;
		memcpy(p, m->data.p + at, n);
		return (ssize_t)n;
	}
	do {
		got = pread(m->fd, p, n, (off_t)at);
	} while (got < 0 && errno == EINTR);
	return got > 0 ? got : -1;
}

/* The next octets of C, N at most: how many; 0 behind its end; -1. */
static ssize_t next(struct intake_derivation *f, const struct intake_message *m, const struct plan_content *c, char *p,
		    size_t n)
{
	const struct plan_piece *piece;
	ssize_t got;

	while (f->piece < c->n && f->at >= c->pieces[f->piece].n) {
		f->piece++;
		f->at = 0;
	}
	if (f->piece == c->n)
		return 0;
	piece = &c->pieces[f->piece];
	n = n < piece->n - f->at ? n : (size_t)(piece->n - f->at);
	if (piece->text != NULL) {
		memcpy(p, piece->text + f->at, n);
		got = (ssize_t)n;
	} else {
		got = read_message(m, piece->at + f->at, p, n);
	}
	f->at += got > 0 ? (uint64_t)got : 0;
	return got;
}

static int fail(struct intake_message *m, const char *why)
{
	log_error("further-message", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
		  LOG_STR("error", why));
	intake_refuse(m, INTAKE_FAILED);
	return -1;
}

static void begin(struct intake_derivation *f)
{
	f->piece = 0;
	f->at = 0;
}

static int in_memory(struct intake_message *m, struct intake_derivation *f, struct intake_derived *x)
{
	ssize_t n = 1;

	begin(f);
	while (n > 0) {
		char *p = buf_reserve(&x->body, INTAKE_PIECE_MAX);

		if (p == NULL)
			return fail(m, "there is no memory for it");
		n = next(f, m, x->content, p, INTAKE_PIECE_MAX);
		if (n > 0)
			buf_commit(&x->body, (size_t)n);
	}
	if (n < 0 || x->body.n != x->content->size)
		return fail(m, "the message has other octets than rules told");
	f->inlined += x->body.n;
	return 0;
}

/* Copies octets into the file of X. 1: all are there. 0: there are more. -1: M is refused. */
static int copy_piece(struct intake_message *m, struct intake_derivation *f, struct intake_derived *x)
{
	static char piece[COPY_PIECE];
	const ssize_t n = next(f, m, x->content, piece, sizeof piece);

	if (n < 0 || x->done + (uint64_t)n > x->content->size || (n == 0 && x->done != x->content->size))
		return fail(m, "the message has other octets than rules told");
	if (n == 0) {
		file_close(&x->fd);
		return 1;
	}
	return intake_write(m, x->fd, slice_of(piece, (size_t)n), &x->done, &x->done_back) == 0 ? 0 : -1;
}

/* Another turn. True: results are there. */
static bool copy_some(struct intake_message *m, bool whole)
{
	struct intake_derivation *f = &m->sending->further;
	int r;

	do {
		r = copy_piece(m, f, f->all[f->ready]);
	} while (r == 0 && whole);
	if (r == 0) {
		intake_copying_add(m);
		return false;
	}
	if (r < 0)
		return true;
	intake_copying_end(m);
	f->ready++;
	return intake_go_on(m, INTAKE_SEND);
}

bool intake_derive_turn(struct intake_message *m)
{
	return copy_some(m, false);
}

static void opened(void *arg, int fd, uint64_t upload, enum spool_answer answer)
{
	struct intake_message *m = arg;
	struct intake_derivation *f = &m->sending->further;
	bool over = true;

	f->opening = 0;
	if (fd < 0) {
		intake_refuse(m, answer == SPOOL_FULL ? INTAKE_FULL : INTAKE_FAILED);
	} else {
		f->all[f->ready]->fd = fd;
		f->all[f->ready]->upload = upload;
		begin(f);
		over = copy_some(m, m->in->ask_turn == NULL);
	}
	if (over)
		m->events.done(m->arg);
}

/* What is made of all messages counts as what is on its way in, besides what others send: it is no more than that may be,
 * unless it is of one alone. */
static int count(struct intake_message *m, struct intake_derivation *f)
{
	uint64_t octets = 0;

	if (f->ready > 0 || f->counted > 0)
		return 0;
	for (size_t i = 0; i < f->n; i++)
		octets += f->all[i]->content->size;
	if (m->in->making > 0 && m->in->making + octets > (uint64_t)m->in->config->limits.unaccepted) {
		log_warning("too-much-at-once", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			    LOG_NUM("octets", (int64_t)octets), LOG_STR("effect", "it is to come later"));
		intake_refuse(m, INTAKE_FULL);
		return -1;
	}
	m->in->making += octets;
	f->counted = octets;
	return 0;
}

int intake_derive_bodies(struct intake_message *m)
{
	struct intake_derivation *f = &m->sending->further;

	/* There is no body, and nobody who would read it. */
	if (m->env.fetched != NULL && m->env.fetched->head_only)
		return 1;
	if (count(m, f) != 0)
		return -1;
	for (; f->ready < f->n; f->ready++) {
		struct intake_derived *x = f->all[f->ready];

		if (x->content->size <= IPC_INLINE_MAX && f->inlined + x->content->size <= INLINE_ALL) {
			if (in_memory(m, f, x) != 0)
				return -1;
			continue;
		}
		step("intake: before a further message is written");
		f->opening = m->in->functions->upload_open(m->in->spool, opened, m);
		return 0;
	}
	return 1;
}
