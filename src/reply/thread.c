#include "reply/thread.h"

enum { ID_MAX = 500 }; /* octets of one */

/* The next "<…>" in *REST that is ASCII without blanks and controls. */
static bool next_id(struct slice *rest, struct slice *id)
{
	while (rest->n > 0) {
		size_t open = slice_find(*rest, '<'), n = 1;
		struct slice s = slice_skip(*rest, open);

		while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != '<' && s.p[n] != '>')
			n++;
		n = n < s.n ? n : s.n;
		*rest = slice_skip(s, n);
		if (s.n > n && s.p[n] == '>' && n > 1 && n < ID_MAX) {
			*id = slice_of(s.p, n + 1);
			return true;
		}
	}
	return false;
}

static struct slice field(const struct header *h, struct slice name)
{
	size_t at = 0;
	const struct header_field *f = header_find(h, name, &at);

	return f == NULL ? SLICE_NONE : f->value;
}

struct slice thread_id(const struct header *h)
{
	struct slice rest = field(h, SLICE_LIT("Message-ID")), id;

	return next_id(&rest, &id) ? id : SLICE_NONE;
}

/* The ids of VALUE: the first one and the last ones. How many there were in ALL. */
static size_t collect(struct slice value, struct slice ids[THREAD_IDS_MAX], size_t *n)
{
	size_t all = 0;
	struct slice id;

	for (*n = 0; next_id(&value, &id); all++) {
		if (*n == THREAD_IDS_MAX - 1) {
			memmove(&ids[1], &ids[2], (*n - 2) * sizeof ids[0]);
			(*n)--;
		}
		ids[(*n)++] = id;
	}
	return all;
}

void thread_fields(struct buf *out, const struct header *h, bool in_reply)
{
	struct slice ids[THREAD_IDS_MAX], id = thread_id(h);
	size_t n, all;

	if (id.n == 0)
		return;
	if (in_reply)
		(void)buf_addf(out, "In-Reply-To: %.*s\r\n", (int)id.n, id.p);
	all = collect(field(h, SLICE_LIT("References")), ids, &n);
	/* Without References, In-Reply-To takes their place if it holds just one. */
	if (all == 0 && collect(field(h, SLICE_LIT("In-Reply-To")), ids, &n) != 1)
		n = 0;
	(void)buf_add_str(out, "References:");
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, " %.*s\r\n", (int)ids[i].n, ids[i].p);
	(void)buf_addf(out, " %.*s\r\n", (int)id.n, id.p);
}
