#include "relay/parcel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { PIECE = 64 * 1024 };

struct parcel *parcel_new(const struct spool_work *const *all, size_t n)
{
	struct parcel *p = mem_alloc(sizeof *p);
	const struct spool_work *first = all[0];

	p->fd = -1;
	p->work = mem_array(n, sizeof(struct spool_work *));
	p->t.all = mem_array(n, sizeof *p->t.all);
	p->t.n = n;
	p->asked = mem_array(n, sizeof *p->asked);
	/* All recipients of one message are of one action. */
	p->t.asked = p->asked;
	p->t.now = clock_wall_ms() / 1000;
	p->t.sender = first->sender;
	p->t.id = first->id;
	p->t.size = first->size + first->prefix_len;
	p->t.arg = p;
	for (size_t i = 0; i < n; i++) {
		p->work[i] = all[i];
		p->t.all[i].address = all[i]->folder;
		relay_asked_read(all[i]->flags, &p->asked[i]);
		p->t.all[i].notify = p->asked[i].notify;
		p->t.all[i].orcpt = p->asked[i].orcpt;
	}
	return p;
}

void parcel_free(struct parcel **pp)
{
	struct parcel *p = *pp;

	if (p == NULL)
		return;
	file_close(&p->fd);
	free(p->bytes);
	free(p->piece);
	free(p->t.all);
	free(p->asked);
	free((void *)p->work);
	free(p);
	*pp = NULL;
}

static bool has_eightbit(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* 1, or 0 at the end, or -1. AT counts from the body's beginning. */
static int file_piece(struct parcel *p, uint64_t at, struct slice *piece)
{
	ssize_t n;

	if (p->piece == NULL)
		p->piece = mem_alloc(PIECE);
	do
		n = pread(p->fd, p->piece, PIECE, (off_t)at);
	while (n < 0 && errno == EINTR);
	*piece = slice_of(p->piece, n > 0 ? (size_t)n : 0);
	return n < 0 ? -1 : n > 0;
}

int parcel_load(struct parcel *p, struct spool_store *spool, struct err *e)
{
	const struct spool_work *w = p->work[0];
	struct slice piece;
	int r = 0;

	if (spool_body(spool, w->message, &p->bytes, &p->len, &p->fd, e) != 0)
		return -1;
	p->t.eightbit = has_eightbit(slice_of(w->prefix, w->prefix_len));
	if (p->bytes != NULL)
		p->t.eightbit = p->t.eightbit || has_eightbit(slice_of(p->bytes, p->len));
	for (uint64_t at = 0; p->bytes == NULL && !p->t.eightbit && (r = file_piece(p, at, &piece)) == 1; at += piece.n)
		p->t.eightbit = has_eightbit(piece);
	return r >= 0 ? 0 : err_set(e, ERR_TEMP, 0, "%s", strerror(errno));
}

int parcel_read(struct parcel *p, struct slice *piece, bool *last)
{
	const struct spool_work *w = p->work[0];
	uint64_t at;

	*last = false;
	if (p->at < w->prefix_len) {
		*piece = slice_of(w->prefix, w->prefix_len);
		p->at = w->prefix_len;
		*last = w->size == 0;
		return 0;
	}
	at = p->at - w->prefix_len;
	if (p->bytes != NULL) {
		size_t left = p->len - (size_t)at;

		*piece = slice_of(p->bytes + at, left < PIECE ? left : PIECE);
	} else if (file_piece(p, at, piece) != 1 && w->size > at) {
		log_error("body-not-read", LOG_STR("delivery", w->id), LOG_NUM("at", at));
		return -1;
	}
	p->at += piece->n;
	*last = p->at >= w->size + w->prefix_len;
	return 0;
}
