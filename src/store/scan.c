#include "store/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/received.h"

enum {
	WINDOW = 100,		/* messages in one FETCH */
	UIDS_MAX = 1000 * 1000, /* beyond it the look is incomplete */
	PROBES_MAX = 1000
};

static int by_id(const void *a, const void *b)
{
	const struct job *const *x = a, *const *y = b;

	return strcmp((*x)->work->id, (*y)->work->id);
}

static int by_uid(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void scan_init(struct scan *s, struct job **jobs, size_t n)
{
	*s = (struct scan){ .jobs = jobs, .n = n };
	if (n > 0)
		qsort(jobs, n, sizeof *jobs, by_id);
	for (size_t i = 0; i < n; i++) {
		jobs[i]->found = 0;
		jobs[i]->copies = 0;
	}
}

void scan_free(struct scan *s)
{
	free(s->headers);
	s->headers = NULL;
}

static int compare_id(const void *key, const void *element)
{
	const struct slice *id = key;
	const struct job *const *j = element;

	return slice_cmp(*id, slice_str((*j)->work->id));
}

static void see(void *arg, uint32_t uid, const struct slice *received)
{
	struct scan *s = arg;
	struct slice rest, id;

	if (received == NULL)
		return;
	if (s->nheaders < UIDS_MAX) {
		if (s->nheaders == s->room)
			s->headers = mem_resize(s->headers, s->room = s->room * 2 + 64, sizeof *s->headers);
		s->headers[s->nheaders++] = uid;
	}
	rest = *received;
	while (received_ids_next(&rest, SLICE_NONE, &id)) {
		struct job **at = s->n == 0 ? NULL : bsearch(&id, s->jobs, s->n, sizeof *s->jobs, compare_id);

		if (at == NULL)
			continue;
		/* Several deliveries never share an id, but one message could show it twice. */
		if ((*at)->found == 0 || uid < (*at)->found) {
			(*at)->copies += (*at)->found != uid;
			(*at)->found = uid;
		} else if (uid != (*at)->found) {
			(*at)->copies++;
		}
	}
}

static void tidy(struct scan *s)
{
	size_t n = 0;

	if (s->nheaders == 0)
		return;
	qsort(s->headers, s->nheaders, sizeof *s->headers, by_uid);
	for (size_t i = 0; i < s->nheaders; i++) {
		if (n == 0 || s->headers[n - 1] != s->headers[i])
			s->headers[n++] = s->headers[i];
	}
	s->nheaders = n;
}

int scan_run(struct scan *s, struct imap *session, uint32_t floor, uint32_t uidnext, struct err *e)
{
	struct imap_reply r = { 0 };
	uint32_t from = floor == 0 ? 1 : floor;
	bool end = false;

	s->complete = true;
	while (from < uidnext && s->nheaders < UIDS_MAX) {
		uint32_t to = uidnext - from > WINDOW ? from + WINDOW - 1 : uidnext - 1;

		if (mailbox_fetch_received(session, from, to, see, s, &r, e) != 0)
			return -1;
		s->complete = s->complete && r.status == IMAP_OK;
		from = to + 1;
	}
	/* What lies behind a UIDNEXT that was stale or not told. "from:*" always answers with the last message, too. */
	for (unsigned i = 0; i < PROBES_MAX && !end; i++) {
		uint32_t highest = 0;

		if (mailbox_fetch_received(session, from, 0, see, s, &r, e) != 0)
			return -1;
		s->complete = s->complete && r.status == IMAP_OK;
		for (size_t k = 0; k < s->nheaders; k++)
			highest = s->headers[k] > highest ? s->headers[k] : highest;
		end = highest < from || highest == UINT32_MAX;
		if (!end)
			from = highest + 1;
	}
	s->end = from;
	tidy(s);
	/* A store that has one more each time has others, too. */
	s->complete = s->complete && end && s->nheaders < UIDS_MAX;
	return 0;
}

int scan_verify(struct imap *session, struct job *j, const uint32_t *uids, size_t n, struct err *e)
{
	struct scan s;
	struct imap_reply r;
	int ret = 0;

	scan_init(&s, &j, 1);
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = mailbox_fetch_received(session, uids[i], uids[i], see, &s, &r, e);
	scan_free(&s);
	return ret;
}
