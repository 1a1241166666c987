#include "fetch_fake_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct source_session {
	struct fake_folder *folder;
	struct fake_message *snapshot; /* POP3: owned; what was there when it began */
	size_t n;
	bool *deleted; /* owned */
	bool writes;
};

static struct source_session *fake_open(const struct source_login *login, struct err *e)
{
	struct fake_folder *f = &the->folders[0];
	struct source_session *s;
	bool happens;

	(void)login;
	if (!fake_lives(the, &happens)) {
		(void)fake_gone(e);
		return NULL;
	}
	s = mem_alloc(sizeof *s);
	if (the->imap)
		return s;
	s->folder = f;
	s->n = the->shows_nothing ? 0 : the->shows_half ? f->n / 2 : f->n;
	s->snapshot = mem_array(s->n + 1, sizeof *s->snapshot);
	if (s->n > 0)
		memcpy(s->snapshot, f->all, s->n * sizeof *f->all);
	s->deleted = mem_array(s->n + 1, sizeof *s->deleted);
	return s;
}

static void session_free(struct source_session **s)
{
	free((*s)->snapshot);
	free((*s)->deleted);
	free(*s);
	*s = NULL;
}

static int fake_folders(struct source_session *s, struct source_folder **folders, size_t *n, struct err *e)
{
	bool happens;

	(void)s;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
	*folders = mem_array(FAKE_FOLDERS, sizeof **folders);
	*n = 0;
	for (size_t i = 0; i < FAKE_FOLDERS; i++)
		if (the->folders[i].there)
			(*folders)[(*n)++] =
			    (struct source_folder){ .name = mem_strdup(the->imap ? the->folders[i].name : ""),
						    .separator = '/' };
	return 0;
}

static size_t visible(const struct source_session *s)
{
	if (!the->imap)
		return s->n;
	return the->shows_nothing ? 0 : the->shows_half ? s->folder->n / 2 : s->folder->n;
}

static int fake_enter(struct source_session *s, const struct source_folder *folder, bool write,
		      const struct source_mark *before, struct source_mark *now, bool *same, struct err *e)
{
	bool happens;

	the->enters++;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
	s->writes = write;
	*same = false;
	if (!the->imap) {
		*now = (struct source_mark){ .exists = (uint32_t)s->n };
		return 0;
	}
	for (size_t i = 0; i < FAKE_FOLDERS; i++)
		if (the->folders[i].there && strcmp(the->folders[i].name, folder->name) == 0)
			s->folder = &the->folders[i];
	if (s->folder->closed)
		return err_set(e, ERR_PERM, 0, "the server does not open %s", s->folder->name);
	*now = (struct source_mark){ s->folder->uidvalidity, s->folder->uidnext, the->condstore ? s->folder->modseq : 0,
				     (uint32_t)visible(s) };
	*same = before != NULL && the->condstore && memcmp(before, now, sizeof *now) == 0;
	the->sames += *same;
	return 0;
}

static const struct fake_message *message_at(const struct source_session *s, size_t i)
{
	return the->imap ? &s->folder->all[i] : &s->snapshot[i];
}

static int tell_all(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete)
{
	for (size_t i = 0; i < visible(s); i++) {
		const struct fake_message *m = message_at(s, i);
		const struct source_item item = { .number = the->imap ? m->uid : (uint32_t)i + 1,
						  .name = m->name,
						  .size = m->size,
						  .flags = m->flags,
						  .internal_ms = m->internal_ms };

		if ((the->imap && m->uid < from) || (the->gaps && i % 2 == 1))
			continue;
		if (fn(arg, &item) != 0)
			return 0;
	}
	*complete = !the->gaps;
	return 0;
}

static int fake_list(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete,
		     struct err *e)
{
	bool happens;

	the->lists++;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
	return tell_all(s, from, fn, arg, complete);
}

static int fake_list_present(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e)
{
	bool happens;

	the->presents++;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
	return tell_all(s, 1, fn, arg, complete);
}

static struct fake_message *find(struct source_session *s, const struct source_item *item)
{
	if (!the->imap)
		return item->number == 0 || item->number > s->n ? NULL : &s->snapshot[item->number - 1];
	for (size_t i = 0; i < s->folder->n; i++)
		if (s->folder->all[i].uid == item->number)
			return &s->folder->all[i];
	return NULL;
}

/* Gives N octets at P in pieces of odd sizes. */
static int give(const struct source_handler *h, const char *p, size_t n)
{
	size_t at = 0, step = 7;

	while (at < n) {
		const size_t some = n - at < step ? n - at : step;

		if (h->piece(h->arg, slice_of(p + at, some)) != 0)
			return -1;
		at += some;
		step = step * 3 > 16384 ? 16384 : step * 3;
	}
	return 0;
}

static int give_one(struct source_session *s, const struct source_item *item, const struct source_handler *h, bool head,
		    struct err *e)
{
	const struct fake_message *m = find(s, item);
	struct fake_content *c = m == NULL ? NULL : &the->contents[m->content];
	const size_t n = m == NULL ? 0 : head ? c->head : c->n;
	bool happens;

	if (!fake_lives(the, &happens))
		return fake_gone(e);
	if (getenv("FAKE_TRACE") != NULL)
		fprintf(stderr, "    %s %u %s: content %d\n", head ? "head" : "body", item->number, item->name,
			m == NULL ? -1 : (int)m->content);
	if (m == NULL)
		return h->end(h->arg, item, SOURCE_GOT_VANISHED, NULL);
	if (m->refused && !head)
		return h->end(h->arg, item, SOURCE_GOT_REFUSED, "NO it is damaged");
	if (head)
		c->headed++, the->heads++;
	else
		c->fetched++, the->bodies++;
	if (h->begin(h->arg, item) != 0)
		return -1;
	if (the->grows && give(h, "Status: RO\r\nX-UIDL: abc\r\n", 25) != 0)
		return -1;
	if (m->hangs_up && !head)
		return err_set(e, ERR_TEMP, 0, "the server has closed the connection");
	if (give(h, c->bytes, m->breaks && !head ? n / 2 : n) != 0)
		return -1;
	if (!m->breaks || head)
		return h->end(h->arg, item, SOURCE_GOT_WHOLE, NULL);
	if (h->end(h->arg, item, SOURCE_GOT_REFUSED, "it ends in another place than it said") != 0)
		return -1;
	return err_set(e, ERR_PROTOCOL, 0, "a literal ended in another place than it said");
}

static int give_all(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		    bool head, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const size_t at = the->disordered ? (i % 2 == 0 && i + 1 < n ? i + 1 : i % 2 == 1 ? i - 1 : i) : i;

		if (give_one(s, &items[at], h, head, e) != 0)
			return e->class != ERR_NONE ? -1 : err_set(e, ERR_LIMIT, 0, "the handler wanted no more");
	}
	return 0;
}

static int fake_heads(struct source_session *s, const struct source_item *items, size_t n,
		      const struct source_handler *h, struct err *e)
{
	if (!the->imap && !the->top)
		return err_set(e, ERR_PERM, 0, "this server has no TOP");
	return give_all(s, items, n, h, true, e);
}

static int fake_fetch(struct source_session *s, const struct source_item *items, size_t n,
		      const struct source_handler *h, struct err *e)
{
	return give_all(s, items, n, h, false, e);
}

static void run_removes(struct fake_folder *f, const struct fake_message *m)
{
	for (size_t i = 0; i < f->n; i++) {
		const bool it = the->imap ? f->all[i].uid == m->uid
					  : strcmp(f->all[i].name, m->name) == 0 && f->all[i].content == m->content;

		if (!it)
			continue;
		the->contents[f->all[i].content].removed++;
		fake_take_out(f, i);
		return;
	}
}

static int fake_remove(struct source_session *s, const struct source_item *items, size_t n, bool *marked,
		       struct buf *refused, struct err *e)
{
	(void)refused;
	if (!s->writes)
		return err_set(e, ERR_PROTOCOL, 0, "the folder is read-only");
	for (size_t i = 0; i < n; i++) {
		struct fake_message *m = find(s, &items[i]), copy;
		bool happens, alive = fake_lives(the, &happens);

		if (happens && m != NULL && the->imap && the->uidplus) {
			copy = *m;
			run_removes(s->folder, &copy);
		} else if (happens && m != NULL && the->imap) {
			m->marked_deleted = true;
			*marked = true;
		} else if (happens && m != NULL) {
			s->deleted[items[i].number - 1] = true;
		}
		if (!alive)
			return fake_gone(e);
	}
	return 0;
}

static int fake_move(struct source_session *s, const struct source_item *items, size_t n, const char *folder,
		     bool *marked, struct buf *refused, struct err *e)
{
	(void)folder;
	return fake_remove(s, items, n, marked, refused, e);
}

static int fake_mark(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused,
		     struct err *e)
{
	(void)refused;
	for (size_t i = 0; i < n; i++) {
		struct fake_message *m = find(s, &items[i]);
		bool happens, alive = fake_lives(the, &happens);

		if (happens && m != NULL) {
			m->seen = true;
			s->folder->modseq++;
		}
		if (!alive)
			return fake_gone(e);
	}
	return 0;
}

static int fake_wait(struct source_session *s, int64_t until, bool *news, struct err *e)
{
	(void)s;
	(void)until;
	(void)e;
	*news = false;
	return 0;
}

static int fake_leave(struct source_session **s, struct err *e)
{
	bool happens, alive = fake_lives(the, &happens);

	if (happens && !the->imap && !the->quit_fails && !the->quit_lies)
		for (size_t i = 0; i < (*s)->n; i++)
			if ((*s)->deleted[i])
				run_removes(&the->folders[0], &(*s)->snapshot[i]);
	session_free(s);
	if (!alive)
		return fake_gone(e);
	return the->quit_fails && !the->imap ? err_set(e, ERR_TEMP, 0, "-ERR some deleted messages not removed") : 0;
}

static void fake_abort(struct source_session **s)
{
	if (*s != NULL)
		session_free(s);
}

const struct source_driver fake_pop3 = {
	.protocol = "pop3",
	.open = fake_open,
	.folders = fake_folders,
	.enter = fake_enter,
	.list = fake_list,
	.present = fake_list_present,
	.heads = fake_heads,
	.fetch = fake_fetch,
	.remove = fake_remove,
	.leave = fake_leave,
	.abort = fake_abort,
};

const struct source_driver fake_imap = {
	.protocol = "imap",
	.open = fake_open,
	.folders = fake_folders,
	.enter = fake_enter,
	.list = fake_list,
	.present = fake_list_present,
	.heads = fake_heads,
	.fetch = fake_fetch,
	.remove = fake_remove,
	.move = fake_move,
	.mark = fake_mark,
	.wait = fake_wait,
	.leave = fake_leave,
	.abort = fake_abort,
};
