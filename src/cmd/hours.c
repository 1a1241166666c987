#include "cmd/hours.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/slice.h"
#include "config/value.h"

struct hours *hours_new(char *const *texts, size_t n)
{
	struct hours *h = mem_alloc(sizeof *h);
	char hint[VALUE_HINT_SIZE];

	h->at = mem_array(n + 1, sizeof *h->at);
	for (size_t i = 0; i < n; i++)
		if (schedule_parse(slice_str(texts[i]), &h->at[h->n], hint) == 0)
			h->n++;
	return h;
}

void hours_free(struct hours **hp)
{
	if (*hp == NULL)
		return;
	free((*hp)->at);
	free(*hp);
	*hp = NULL;
}

static void close_until_next(struct hours *h, int64_t after_ms)
{
	h->open = false;
	h->opens_ms = schedule_next(h->at, h->n, after_ms);
}

void hours_begin(struct hours *h, int64_t since_ms, int64_t now_ms)
{
	h->known = true;
	if (!h->open)
		close_until_next(h, since_ms > 0 && since_ms < now_ms ? since_ms : now_ms);
}

void hours_mail(struct hours *h, int64_t now_ms)
{
	if (h->known && !h->open && h->opens_ms <= now_ms)
		close_until_next(h, now_ms);
}

int64_t hours_wait(struct hours *h, int64_t now_ms)
{
	int64_t next;

	if (h->open && h->opened_ms > now_ms)
		h->opened_ms = now_ms;
	if (h->open && now_ms - h->opened_ms < HOURS_OPEN_MS)
		return 0;
	/* No store came, or its trouble lasts: a try that comes late is none of this time's. */
	if (h->open)
		close_until_next(h, now_ms);
	if (!h->known)
		return INT64_MAX;
	/* The clock was set back: times that were passed by come again. */
	next = schedule_next(h->at, h->n, now_ms);
	if (h->opens_ms > next)
		h->opens_ms = next;
	if (h->opens_ms > now_ms)
		return h->opens_ms;
	hours_open(h, now_ms);
	return 0;
}

void hours_open(struct hours *h, int64_t now_ms)
{
	h->open = true;
	h->opened_ms = now_ms;
}

void hours_left(struct hours *h, bool more_due, int64_t now_ms)
{
	if (!h->open)
		return;
	if (more_due && now_ms >= h->opened_ms && now_ms - h->opened_ms < HOURS_OPEN_MS)
		return;
	close_until_next(h, now_ms);
}

int64_t hours_next(const struct hours *h)
{
	return h->opens_ms;
}
