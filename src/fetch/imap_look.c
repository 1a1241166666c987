#include "fetch/imap_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imap/uid_set.h"
#include "msg/header.h"

enum { ID_OCTETS = 200, HEAD_OCTETS = 4096, HITS_MAX = 20 };

struct seen {
	uint32_t uid;
	bool told, copy;
	char id[ID_OCTETS + 1]; /* Message-ID, "" when there is none that can be searched for */
	uint64_t size;
	int64_t internal_ms;
	uint32_t hits[HITS_MAX]; /* UIDs in the target that may be it, the newest */
	size_t nhits;
};

struct look {
	struct source_session *s;
	struct seen *all;
	size_t n;
	size_t at; /* whose SEARCH is answered next */
	uint32_t first_tag;
	struct buf head; /* of the message that comes */
};

/* ---- the messages here ---- */

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	struct look *l = arg;

	(void)r;
	(void)octets;
	(void)e;
	buf_clear(&l->head);
	return 0;
}

static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	struct look *l = arg;

	(void)e;
	if (l->head.n + bytes.n <= HEAD_OCTETS)
		(void)buf_add_slice(&l->head, bytes);
	return 0;
}

/* What stands in angle brackets in the field, if it can stand in a quoted string. */
static void take_id(struct slice head, char out[ID_OCTETS + 1])
{
	size_t from = slice_find(head, '<'), n = 0;
	struct slice id = slice_skip(head, from);

	out[0] = '\0';
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
		if (r->whole)
			take_id(buf_slice(&l->head), m->id);
	}
	buf_clear(&l->head);
	return 0;
}

static int read_here(struct look *l, const uint32_t *uids, struct err *e)
{
	struct buf set;
	struct imap_reply r;
	int ret = 0;

	buf_init(&set, UID_SET_OCTETS + 1);
	l->s->wants =
	    (struct imap_wants){ .fetch = { .begin = on_begin, .piece = on_piece, .done = on_here, .arg = l },
				 .section = "BODY[HEADER.FIELDS (MESSAGE-ID)]" };
	for (size_t i = 0; ret == 0 && i < l->n;) {
		buf_clear(&set);
		i += uid_set_write(uids + i, l->n - i, &set);
		ret = dialog_run(l->s->imap, &r, e,
				 "UID FETCH %s (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])",
				 buf_str(&set));
		if (ret == 0 && r.status == IMAP_BAD)
			ret = imap_source_refused(l->s, "UID FETCH", &r, e);
	}
	l->s->wants = (struct imap_wants){ .section = NULL };
	buf_free(&set);
	return ret == 0 ? 0 : imap_source_failed(l->s, e);
}

/* ---- the target ---- */

static void on_hits(void *arg, struct slice numbers)
{
	struct look *l = arg;
	struct seen *m = &l->all[l->at < l->n ? l->at : 0];

	while (l->at < l->n && numbers.n > 0) {
		size_t end = slice_find(numbers, ' ');
		uint64_t n;

		if (slice_number(slice_of(numbers.p, end), UINT32_MAX, &n) == 0 && n > 0) {
			if (m->nhits == HITS_MAX)
				memmove(m->hits, m->hits + 1, (--m->nhits) * sizeof m->hits[0]);
			m->hits[m->nhits++] = (uint32_t)n;
		}
		numbers = slice_skip(numbers, end < numbers.n ? end + 1 : end);
	}
}

static int on_searched(void *arg, const struct filter_reply *r, struct err *e)
{
	struct look *l = arg;

	(void)r;
	(void)e;
	l->at++;
	return 0;
}

static int search(struct look *l, struct err *e)
{
	struct imap_reply r;
	int ret = 0;

	l->at = 0;
	l->first_tag = 0;
	l->s->wants = (struct imap_wants){ .search = on_hits, .tagged = on_searched, .arg = l };
	dialog_deadline(l->s->imap, l->s->login.source->server.timeout);
	for (size_t i = 0; ret == 0 && i < l->n; i++) {
		const struct seen *m = &l->all[i];
		uint32_t tag = dialog_tag(l->s->imap);

		l->first_tag = i == 0 ? tag : l->first_tag;
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
		ret = imap_source_reply(l->s, l->first_tag + (uint32_t)i, &r, e);
		/* Not to know whether it is there is no reason to copy. */
		if (ret == 0 && r.status != IMAP_OK)
			ret = imap_source_refused(l->s, "UID SEARCH in the folder of `move_to'", &r, e);
	}
	l->s->wants = (struct imap_wants){ .section = NULL };
	return ret == 0 ? 0 : imap_source_failed(l->s, e);
}

static int on_candidate(void *arg, const struct fetch_response *r, struct err *e)
{
	struct look *l = arg;
	struct seen *m = &l->all[l->at];

	(void)e;
	for (size_t i = 0; i < m->nhits; i++)
		if (m->hits[i] == r->uid && r->has_size && r->size == m->size &&
		    (r->internal_ms == m->internal_ms || r->internal_ms == 0 || m->internal_ms == 0))
			m->copy = true;
	return 0;
}

/* COPY keeps size and date (RFC 9051, 6.4.7): another message with the same Message-ID is no copy of it. */
static int compare(struct look *l, struct err *e)
{
	struct imap_reply r;
	struct buf set;
	int ret = 0;

	buf_init(&set, UID_SET_OCTETS + 1);
	l->s->wants = (struct imap_wants){ .fetch = { .done = on_candidate, .arg = l } };
	for (l->at = 0; ret == 0 && l->at < l->n; l->at++) {
		struct seen *m = &l->all[l->at];

		if (!m->told || m->nhits == 0)
			continue;
		buf_clear(&set);
		for (size_t i = 0; i < m->nhits; i++)
			(void)buf_addf(&set, "%s%lu", i > 0 ? "," : "", (unsigned long)m->hits[i]);
		ret = dialog_run(l->s->imap, &r, e, "UID FETCH %s (UID RFC822.SIZE INTERNALDATE)", buf_str(&set));
		if (ret == 0 && r.status != IMAP_OK)
			ret = imap_source_refused(l->s, "UID FETCH in the folder of `move_to'", &r, e);
	}
	l->s->wants = (struct imap_wants){ .section = NULL };
	buf_free(&set);
	return ret == 0 ? 0 : imap_source_failed(l->s, e);
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

	buf_init(&l.head, HEAD_OCTETS);
	for (size_t i = 0; i < n; i++)
		l.all[i].uid = uids[i];
	ret = read_here(&l, uids, e);
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
	buf_free(&l.head);
	free(l.all);
	return ret;
}
