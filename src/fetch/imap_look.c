#include "fetch/imap_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imap/uid_set.h"

enum { ID_OCTETS = 200, HEAD_OCTETS = 64 * 1024, HITS_MAX = 2000, HEADS = 50 /* at once */ };

struct seen {
	uint32_t uid;
	bool told, copy;
	char id[ID_OCTETS + 1]; /* Message-ID, "" when there is none that can be searched for */
	uint64_t size, head; /* octets; a hash over the header block */
	int64_t internal_ms;
};

struct look {
	struct source_session *s;
	struct seen *all;
	size_t n;
	uint32_t *hits; /* UIDs in the target that may be a copy of one */
	size_t nhits;
	struct buf head; /* the front of the header block that comes */
	uint64_t hash;	 /* over all of it */
};

/* ---- the messages here ---- */

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	struct look *l = arg;

	(void)r;
	(void)octets;
	(void)e;
	buf_clear(&l->head);
	l->hash = 14695981039346656037u;
	return 0;
}

/* FNV-1a: who would deceive it deceives himself about a copy of his own mail. */
static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	struct look *l = arg;

	(void)e;
	for (size_t i = 0; i < bytes.n; i++)
		l->hash = (l->hash ^ (unsigned char)bytes.p[i]) * 1099511628211u;
	if (l->head.n + bytes.n <= HEAD_OCTETS)
		(void)buf_add_slice(&l->head, bytes);
	return 0;
}

/* What stands in angle brackets in the field Message-ID, if it can stand in a quoted string. */
static void take_id(struct slice head, char out[ID_OCTETS + 1])
{
	static const struct slice name = SLICE_LIT("Message-ID:");
	struct slice id;
	size_t n;

	out[0] = '\0';
	while (head.n > 0 && !slice_starts_nocase(head, name)) {
		n = slice_find(head, '\n');
		head = slice_skip(head, n < head.n ? n + 1 : n);
	}
	id = slice_skip(head, slice_find(head, '<'));
	n = slice_find(id, '>');
	if (n == id.n || n + 1 > ID_OCTETS)
		return;
	for (size_t i = 0; i <= n; i++)
		if (id.p[i] <= ' ' || id.p[i] >= 0x7f || id.p[i] == '"' || id.p[i] == '\\')
			return;
	memcpy(out, id.p, n + 1);
	out[n + 1] = '\0';
}

static int on_here(void *arg, const struct fetch_response *r, struct err *e)
{
	struct look *l = arg;

	(void)e;
	for (size_t i = 0; i < l->n; i++) {
		struct seen *m = &l->all[i];

		if (m->uid != r->uid || m->told || !r->has_size)
			continue;
		m->told = true;
		m->size = r->size;
		m->internal_ms = r->internal_ms;
		m->head = r->whole ? l->hash : 0;
		take_id(r->whole ? buf_slice(&l->head) : SLICE_NONE, m->id);
	}
	buf_clear(&l->head);
	return 0;
}

typedef int response_fn(void *arg, const struct fetch_response *r, struct err *e);

static int read_heads(struct look *l, const uint32_t *uids, size_t n, response_fn *fn, struct err *e)
{
	uint64_t most = imap_source_max(l->s);
	struct buf set;
	struct imap_reply r;
	int ret = 0;

	buf_init(&set, UID_SET_OCTETS + 1);
	l->s->wants = (struct imap_wants){ .fetch = { .begin = on_begin, .piece = on_piece, .done = fn, .arg = l },
					   .section = "BODY[HEADER]" };
	for (size_t i = 0; ret == 0 && i < n;) {
		uint32_t tag = dialog_tag(l->s->imap);

		buf_clear(&set);
		i += uid_set_write(uids + i, n - i < HEADS ? n - i : HEADS, &set);
		/* A header block may be as large as a message. */
		dialog_allow(l->s->imap, l->s->login.source->server.timeout, most, most + DIALOG_TOTAL_MAX);
		ret = dialog_putf(l->s->imap, e, "%lu UID FETCH %s (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER])\r\n",
				  (unsigned long)tag, buf_str(&set));
		if (ret == 0)
			ret = imap_source_reply(l->s, tag, &r, e);
		if (ret == 0 && r.status == IMAP_BAD)
			ret = imap_source_refused(l->s, "UID FETCH", &r, e);
	}
	buf_free(&set);
	return ret == 0 ? 0 : imap_source_failed(l->s, e);
}

/* ---- the target ---- */

/* Whose SEARCH it answers does not matter: all that comes is compared. */
static void on_hits(void *arg, struct slice numbers)
{
	struct look *l = arg;

	while (numbers.n > 0) {
		size_t end = slice_find(numbers, ' ');
		uint64_t n;

		if (slice_number(slice_of(numbers.p, end), UINT32_MAX, &n) == 0 && n > 0 && l->nhits < HITS_MAX)
			l->hits[l->nhits++] = (uint32_t)n;
		numbers = slice_skip(numbers, end < numbers.n ? end + 1 : end);
	}
}

static int search(struct look *l, struct err *e)
{
	struct imap_reply r;
	uint32_t first = 0;
	int ret = 0;

	l->s->wants = (struct imap_wants){ .search = on_hits, .arg = l };
	dialog_deadline(l->s->imap, l->s->login.source->server.timeout);
	for (size_t i = 0; ret == 0 && i < l->n; i++) {
		const struct seen *m = &l->all[i];
		uint32_t tag = dialog_tag(l->s->imap);

		first = i == 0 ? tag : first;
		if (m->id[0] != '\0')
			ret = dialog_putf(l->s->imap, e, "%lu UID SEARCH HEADER Message-ID \"%s\"\r\n",
					  (unsigned long)tag, m->id);
		else
			ret = dialog_putf(l->s->imap, e, "%lu UID SEARCH SMALLER %llu LARGER %llu\r\n",
					  (unsigned long)tag, (unsigned long long)m->size + 1,
					  (unsigned long long)(m->size > 0 ? m->size - 1 : 0));
	}
	for (size_t i = 0; ret == 0 && i < l->n; i++) {
		dialog_deadline(l->s->imap, l->s->login.source->server.timeout);
		ret = imap_source_reply(l->s, first + (uint32_t)i, &r, e);
		/* Not to know whether it is there is no reason to copy. */
		if (ret == 0 && r.status != IMAP_OK)
			ret = imap_source_refused(l->s, "UID SEARCH in the folder of `move_to'", &r, e);
	}
	return ret == 0 ? 0 : imap_source_failed(l->s, e);
}

/* COPY keeps size and date (RFC 9051, 6.4.7): another message with the same header is no copy of it. */
static int on_candidate(void *arg, const struct fetch_response *r, struct err *e)
{
	struct look *l = arg;

	(void)e;
	for (size_t i = 0; i < l->n && r->has_size && r->whole; i++) {
		struct seen *m = &l->all[i];

		if (m->told && r->size == m->size && l->hash == m->head &&
		    (r->internal_ms == m->internal_ms || r->internal_ms == 0 || m->internal_ms == 0))
			m->copy = true;
	}
	buf_clear(&l->head);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int compare(struct look *l, struct err *e)
{
	size_t k = 0;

	qsort(l->hits, l->nhits, sizeof *l->hits, by_number);
	for (size_t i = 0; i < l->nhits; i++)
		if (k == 0 || l->hits[k - 1] != l->hits[i])
			l->hits[k++] = l->hits[i];
	return k == 0 ? 0 : read_heads(l, l->hits, k, on_candidate, e);
}

/* Has the target anything? 1, 0 (it may not be there), or -1. */
static int open_target(struct source_session *s, const char *target, struct err *e)
{
	struct source_mark here = s->told.mark;
	bool there;

	if (imap_source_examine(s, target, &there, e) != 0)
		return -1;
	there = there && s->told.mark.exists > 0;
	/* imap_source_open compares the folder that was entered with this. */
	s->told.mark = here;
	s->open = false;
	return there;
}

int imap_look(struct source_session *s, uint32_t *uids, size_t n, const char *target, size_t *fresh, struct err *e)
{
	struct look l = { .s = s, .all = mem_array(n + 1, sizeof *l.all), .n = n };
	size_t k = 0, old = n;
	int ret;

	l.hits = mem_array(HITS_MAX, sizeof *l.hits);
	buf_init(&l.head, HEAD_OCTETS);
	for (size_t i = 0; i < n; i++)
		l.all[i].uid = uids[i];
	ret = read_heads(&l, uids, n, on_here, e);
	if (ret == 0)
		ret = open_target(s, target, e);
	if (ret == 1)
		ret = search(&l, e) == 0 && compare(&l, e) == 0 ? 0 : -1;
	for (size_t i = 0; i < n; i++)
		if (!l.all[i].copy)
			uids[k++] = l.all[i].uid;
	*fresh = k;
	for (size_t i = n; i > 0; i--)
		if (l.all[i - 1].copy)
			uids[--old] = l.all[i - 1].uid;
	s->wants = (struct imap_wants){ .section = NULL };
	buf_free(&l.head);
	free(l.hits);
	free(l.all);
	return ret;
}
