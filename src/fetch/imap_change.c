/* What becomes of originals: \Deleted and UID EXPUNGE, \Seen. Never EXPUNGE or CLOSE, which remove others' mail too. */
#include <stdlib.h>

#include "base/mem.h"
#include "fetch/imap_change.h"
#include "imap/uid_set.h"

enum { REFUSED_WORDS = 300 };

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t *imap_source_uids(const struct source_item *items, size_t *n)
{
	uint32_t *uids = mem_array(*n + 1, sizeof *uids);
	size_t k = 0;

	for (size_t i = 0; i < *n; i++)
		uids[i] = items[i].number;
	qsort(uids, *n, sizeof *uids, by_number);
	for (size_t i = 0; i < *n; i++)
		if (uids[i] != 0 && (k == 0 || uids[k - 1] != uids[i]))
			uids[k++] = uids[i];
	*n = k;
	return uids;
}

int imap_source_note(const struct source_session *s, const char *verb, const struct imap_reply *r, struct buf *refused,
		     struct err *e)
{
	if (r->status == IMAP_BAD)
		return imap_source_refused(s, verb, r, e);
	if (r->status == IMAP_NO && refused != NULL && refused->n == 0)
		(void)buf_addf(refused, "%s refuses %s: %.*s", s->login.source->server.host, verb, REFUSED_WORDS,
			       r->text);
	return 0;
}

bool imap_source_has_uidplus(const struct source_session *s)
{
	return imap_has(s->imap, "UIDPLUS") || imap_has(s->imap, "IMAP4rev2");
}

int imap_source_to_write(struct source_session *s, struct buf *refused, struct err *e)
{
	if (imap_source_open(s, true, e) != 0)
		return -1;
	if (!s->told.read_only)
		return 1;
	if (refused != NULL)
		(void)buf_addf(refused, "%s opens the folder only for reading, nothing in it can be changed",
			       s->login.source->server.host);
	return 0;
}

int imap_source_store(struct source_session *s, const char *set, const char *flag, bool expunge, struct buf *refused,
		      struct err *e)
{
	struct imap_reply r;
	uint32_t store = dialog_tag(s->imap), gone = 0;

	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (dialog_putf(s->imap, e, "%lu UID STORE %s +FLAGS.SILENT (%s)\r\n", (unsigned long)store, set, flag) != 0)
		return imap_source_failed(s, e);
	if (imap_source_reply(s, store, &r, e) != 0 || imap_source_note(s, "UID STORE", &r, refused, e) != 0)
		return -1;
	if (!expunge || r.status != IMAP_OK)
		return 0;
	gone = dialog_tag(s->imap);
	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (dialog_putf(s->imap, e, "%lu UID EXPUNGE %s\r\n", (unsigned long)gone, set) != 0)
		return imap_source_failed(s, e);
	return imap_source_reply(s, gone, &r, e) != 0 ? -1 : imap_source_note(s, "UID EXPUNGE", &r, refused, e);
}

static int store_all(struct source_session *s, const struct source_item *items, size_t n, const char *flag, bool expunge,
		     struct buf *refused, struct err *e)
{
	int ret = imap_source_to_write(s, refused, e);
	uint32_t *uids;
	struct buf set;

	if (ret != 1)
		return ret;
	uids = imap_source_uids(items, &n);
	buf_init(&set, UID_SET_OCTETS + 1);
	ret = 0;
	for (size_t i = 0; ret == 0 && i < n;) {
		buf_clear(&set);
		i += uid_set_write(uids + i, n - i, &set);
		ret = imap_source_store(s, buf_str(&set), flag, expunge, refused, e);
	}
	buf_free(&set);
	free(uids);
	return ret;
}

int imap_source_remove(struct source_session *s, const struct source_item *items, size_t n, bool *marked,
		       struct buf *refused, struct err *e)
{
	bool expunge = imap_source_has_uidplus(s);

	if (marked != NULL)
		*marked = !expunge;
	return store_all(s, items, n, "\\Deleted", expunge, refused, e);
}

int imap_source_mark(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused,
		     struct err *e)
{
	return store_all(s, items, n, "\\Seen", false, refused, e);
}
