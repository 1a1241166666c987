#include "fetch/pop3_list.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"

enum { FIRST = 256 };

/* ---- the table ---- */

void pop3_listing_free(struct pop3_listing *l)
{
	free(l->all);
	buf_free(&l->names);
	*l = (struct pop3_listing){ 0 };
}

int pop3_listing_add(struct pop3_listing *l, uint32_t number, uint64_t size)
{
	if (l->n == POP3_MESSAGES_MAX)
		return -1;
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? FIRST : l->cap * 2;
		l->all = mem_resize(l->all, l->cap, sizeof l->all[0]);
	}
	l->all[l->n++] = (struct pop3_message){ .number = number, .size = size };
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct pop3_message *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

void pop3_listing_sort(struct pop3_listing *l)
{
	bool sorted = true;
	size_t kept = 0;

	for (size_t i = 1; i < l->n && sorted; i++)
		sorted = l->all[i - 1].number < l->all[i].number;
	if (sorted)
		return;
	qsort(l->all, l->n, sizeof l->all[0], by_number);
	for (size_t i = 0; i < l->n; i++) {
		if (kept > 0 && l->all[kept - 1].number == l->all[i].number) {
			/* Which of two sizes is right nobody knows. */
			if (l->all[kept - 1].size != l->all[i].size)
				l->all[kept - 1].size = 0;
			l->strange++;
			continue;
		}
		l->all[kept++] = l->all[i];
	}
	l->n = kept;
}

struct pop3_message *pop3_listing_find(const struct pop3_listing *l, uint32_t number, size_t hint)
{
	struct pop3_message key = { .number = number };

	if (hint < l->n && l->all[hint].number == number)
		return &l->all[hint];
	return l->n == 0 ? NULL : bsearch(&key, l->all, l->n, sizeof l->all[0], by_number);
}

int pop3_listing_name(struct pop3_listing *l, struct slice line, size_t hint)
{
	struct pop3_message *m;
	size_t at = l->names.n;
	uint32_t number;

	if (pop3_read_uidl(line, &number, &l->names) != 0) {
		l->strange++;
		return buf_failed(&l->names) ? -1 : 0;
	}
	m = pop3_listing_find(l, number, hint);
	if (m == NULL || m->name != 0 || l->names.n == at) {
		buf_truncate(&l->names, at);
		l->strange++;
		return 0;
	}
	m->name = (uint32_t)at;
	return buf_add_char(&l->names, '\0');
}

void pop3_listing_judge(struct pop3_listing *l, bool named)
{
	for (size_t i = 0; named && i < l->n; i++)
		l->strange += l->all[i].name == 0;
	l->complete = l->strange == 0 && l->n >= l->stat && (l->n == 0 || l->all[l->n - 1].number == l->n);
}

const char *pop3_listing_name_of(const struct pop3_listing *l, const struct pop3_message *m)
{
	return m->name == 0 ? "" : l->names.p + m->name;
}

/* ---- from the server ---- */

typedef int line_fn(struct source_session *s, struct slice line, size_t index);

static int add_size(struct source_session *s, struct slice line, size_t index)
{
	uint32_t number;
	uint64_t size;

	(void)index;
	if (pop3_read_list(line, &number, &size) == 0)
		return pop3_listing_add(&s->listing, number, size);
	s->listing.strange++;
	return 0;
}

static int add_name(struct source_session *s, struct slice line, size_t index)
{
	return pop3_listing_name(&s->listing, line, index);
}

/* The lines behind an OK, up to the dot. */
static int read_lines(struct source_session *s, line_fn *fn, struct err *e)
{
	for (size_t index = 0;; index++) {
		struct slice line;
		size_t used;
		bool cut;
		int ret = 0;

		if (pop3_list_line(s, &line, &used, &cut, e) != 0)
			return -1;
		if (!cut && slice_eq(line, SLICE_LIT("."))) {
			pop3_take(s, used);
			return 0;
		}
		if (cut)
			s->listing.strange++;
		else
			ret = fn(s, line, index);
		pop3_take(s, used);
		if (ret != 0 || index > 2 * POP3_MESSAGES_MAX)
			return err_set(e, ERR_PROTOCOL, 0, "%s lists more messages than can be (%d)", s->server->host,
				       POP3_MESSAGES_MAX);
	}
}

/* ---- the three replies ---- */

static int read_stat(struct source_session *s, struct err *e)
{
	struct slice line;
	struct pop3_reply r;
	size_t used;

	if (pop3_line(s, &line, &used, e) != 0)
		return -1;
	pop3_reply_of(s, line, &r);
	if (r.status == POP3_OK)
		(void)pop3_read_stat(line, &s->listing.stat);
	pop3_take(s, used);
	if (r.status == POP3_JUNK || r.status == POP3_CONTINUE)
		return pop3_out_of_step(s, r.text, e);
	/* The count is only a check: LIST says what there is. */
	return r.status == POP3_OK ? 0 : pop3_refused(s, &r, "does not tell what is in the mailbox", e);
}

static int read_sizes(struct source_session *s, struct err *e)
{
	struct pop3_reply r;

	if (pop3_reply(s, &r, e) != 0)
		return -1;
	if (r.status == POP3_ERR)
		return pop3_refused(s, &r, "does not list the messages", e);
	if (read_lines(s, add_size, e) != 0)
		return -1;
	pop3_listing_sort(&s->listing);
	return 0;
}

static int read_names(struct source_session *s, struct err *e)
{
	struct pop3_reply r;

	if (pop3_reply(s, &r, e) != 0)
		return -1;
	if (r.status == POP3_OK)
		return read_lines(s, add_name, e);
	/* All would look new if names failed for once. */
	if ((s->can & POP3_CAN_UIDL) != 0 || pop3_mean(&r, false).said)
		return pop3_refused(s, &r, "does not tell the UIDLs of the messages", e);
	s->no_uidl = true;
	return 0;
}

typedef int read_fn(struct source_session *s, struct err *e);

static const struct {
	const char *command;
	read_fn *read;
} steps[] = {
	{ "CAPA", pop3_read_capa },
	{ "STAT", read_stat },
	{ "LIST", read_sizes },
	{ "UIDL", read_names },
};
enum { STEPS = sizeof steps / sizeof steps[0] };

static int put_steps(struct source_session *s, size_t from, size_t to, struct err *e)
{
	for (size_t i = from; i < to; i++) {
		if (pop3_put(s, e, "%s", steps[i].command) != 0)
			return -1;
	}
	return 0;
}

int pop3_list_all(struct source_session *s, struct err *e)
{
	struct pop3_listing *l = &s->listing;
	size_t first = s->capa ? 0 : 1; /* they may differ from before the login (RFC 2449, 5) */
	bool together = (s->can & POP3_CAN_PIPELINING) != 0 && s->source->window > 1;

	if (s->listed)
		return 0;
	buf_init(&l->names, POP3_NAMES_MAX);
	(void)buf_add_char(&l->names, '\0');
	if (together && (pop3_quiet(s, e) != 0 || put_steps(s, first, STEPS, e) != 0))
		return -1;
	for (size_t i = first; i < STEPS; i++) {
		if (!together && (pop3_quiet(s, e) != 0 || put_steps(s, i, i + 1, e) != 0))
			return -1;
		pop3_deadline(s);
		if (steps[i].read(s, e) != 0)
			return -1;
	}
	pop3_note_delay(s, NULL);
	pop3_listing_judge(l, !s->no_uidl);
	s->listed = true;
	if (l->strange > 0 || l->n < l->stat)
		log_warning("listing-strange", LOG_STR("source", s->source->name), LOG_NUM("messages", l->n),
			    LOG_NUM("stat", l->stat), LOG_NUM("strange", l->strange));
	return 0;
}
