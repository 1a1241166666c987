#include "fetch_fake.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"
#include "fetch/head.h"

/* Everything in one process: the memory's names bear no world. */
static struct fake_world *the;

/* One step. False: the world has ended. *HAPPENS: what is asked is done nevertheless. */
static bool lives(struct fake_world *w, bool *happens)
{
	*happens = true;
	if (w->ended)
		return *happens = false;
	w->steps++;
	if (w->end_at == 0 || w->steps < w->end_at)
		return true;
	w->ended = true;
	*happens = w->applied;
	return false;
}

static int gone(struct err *e)
{
	return err_set(e, ERR_TEMP, 0, "the world has ended");
}

/* Tens of thousands of runs fail on purpose: what they log is nobody's concern. */
void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
	if (getenv("FAKE_LOG") == NULL)
		return;
	fprintf(stderr, "%d %s", (int)level, event);
	for (; fields->key != NULL; fields++)
		if (fields->kind == LOG_NUMBER)
			fprintf(stderr, " %s=%lld", fields->key, (long long)fields->number);
		else
			fprintf(stderr, " %s=%.*s", fields->key, (int)fields->text.n, fields->text.p);
	fprintf(stderr, "\n");
}

/* ---- contents ---- */
unsigned fake_content_of(struct fake_world *w, const char *text)
{
	struct fake_content *c = &w->contents[w->ncontents];
	const char *end = strstr(text, "\r\n\r\n");

	if (w->ncontents == FAKE_CONTENTS)
		abort();
	c->bytes = mem_strdup(text);
	c->n = strlen(text);
	c->head = end == NULL ? c->n : (size_t)(end - text) + 4;
	return w->ncontents++;
}

unsigned fake_content(struct fake_world *w, bool named, size_t body)
{
	const unsigned id = w->ncontents;
	struct buf b;
	unsigned r;

	buf_init(&b, body + 2000);
	(void)buf_addf(&b, "From: a@example.org\r\nTo: office@office.example\r\nSubject: message %u\r\n", named ? id : 0);
	if (named)
		(void)buf_addf(&b, "Message-ID: <%u@example.org>\r\n", id);
	else /* what the alarm panel's server wrote: not all are told apart by it */
		(void)buf_addf(&b, "X-Panel: %u\r\n", id);
	(void)buf_addf(&b, "\r\nbody of content %u\r\n", id);
	while (b.n < body)
		(void)buf_add_str(&b, "0123456789012345678901234567890123456789012345678901234567890\r\n");
	r = fake_content_of(w, buf_str(&b));
	buf_free(&b);
	return r;
}

static unsigned content_of(const struct fake_world *w, struct slice bytes)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		if (slice_eq(slice_of(w->contents[i].bytes, w->contents[i].n), bytes))
			return i;
	return UINT32_MAX;
}

/* ---- the mailbox ---- */
static void new_name(struct fake_world *w, struct fake_message *m)
{
	if (w->imap || w->no_names)
		m->name[0] = '\0';
	else if (w->content_names)
		(void)snprintf(m->name, sizeof m->name, "content-%u-%u", w->folders[0].uidvalidity, m->content);
	else
		(void)snprintf(m->name, sizeof m->name, "%08x", ++w->serial);
}

struct fake_message *fake_arrive(struct fake_world *w, size_t folder, unsigned content)
{
	struct fake_folder *f = &w->folders[folder];
	struct fake_message *m;

	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->all = mem_resize(f->all, f->cap, sizeof *f->all);
	}
	m = &f->all[f->n++];
	*m = (struct fake_message){ .content = content,
				    .uid = f->uidnext++,
				    .size = w->contents[content].n,
				    .internal_ms = w->imap ? clock_wall_ms() : 0,
				    .flags = "" };
	new_name(w, m);
	f->modseq++;
	w->contents[content].arrived++;
	return m;
}

static void take_out(struct fake_folder *f, size_t i)
{
	memmove(&f->all[i], &f->all[i + 1], (f->n - i - 1) * sizeof *f->all);
	f->n--;
	f->modseq++;
}

void fake_lose(struct fake_world *w, size_t folder, size_t i)
{
	w->contents[w->folders[folder].all[i].content].lost++;
	take_out(&w->folders[folder], i);
}

void fake_shift(struct fake_world *w, size_t folder, size_t i, size_t to)
{
	const struct fake_message m = w->folders[folder].all[i];
	struct fake_message *new;

	take_out(&w->folders[folder], i);
	new = fake_arrive(w, to, m.content);
	w->contents[m.content].arrived--;
	new->size = m.size;
}

void fake_rename_all(struct fake_world *w, size_t folder)
{
	struct fake_folder *f = &w->folders[folder];

	f->uidvalidity++;
	f->modseq = 1;
	for (size_t i = 0; i < f->n; i++) {
		f->all[i].uid = (uint32_t)(i + 1) * 2;
		new_name(w, &f->all[i]);
	}
	f->uidnext = (uint32_t)(f->n + 1) * 2;
}

void fake_pass(struct fake_world *w, int64_t ms)
{
	for (size_t i = 0; i < w->nrows; i++) {
		struct spool_origin *o = &w->rows[i].o;

		o->taken_ms -= ms;
		o->tried_ms -= ms;
		o->absent_ms -= o->absent_ms == 0 ? 0 : ms;
	}
	for (size_t i = 0; i < w->ngens; i++)
		w->gens[i].f.listed_ms -= w->gens[i].f.listed_ms == 0 ? 0 : ms;
	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			w->folders[k].all[i].internal_ms -= w->folders[k].all[i].internal_ms == 0 ? 0 : ms;
}

void fake_settle(struct fake_world *w, bool stuck)
{
	for (size_t i = 0; i < w->nrows; i++) {
		struct fake_row *r = &w->rows[i];

		if (r->o.fate != ORIGIN_TAKEN || r->o.settled != ORIGIN_WAITS)
			continue;
		r->o.settled = stuck ? ORIGIN_STUCK : ORIGIN_DELIVERED;
		if (stuck)
			w->contents[r->content].stuck++;
		else
			w->contents[r->content].settled++;
	}
}

size_t fake_present(const struct fake_world *w, unsigned content)
{
	size_t n = 0;

	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			n += w->folders[k].all[i].content == content;
	return n;
}

size_t fake_rows_of(const struct fake_world *w, enum origin_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nrows; i++)
		n += w->rows[i].o.fate == fate;
	return n;
}

/* ---- the driver ---- */
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
	if (!lives(the, &happens)) {
		(void)gone(e);
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
	if (!lives(the, &happens))
		return gone(e);
	*folders = mem_array(FAKE_FOLDERS, sizeof **folders);
	*n = 0;
	for (size_t i = 0; i < FAKE_FOLDERS; i++)
		if (the->folders[i].there)
			(*folders)[(*n)++] = (struct source_folder){ .name = mem_strdup(the->imap ? the->folders[i].name : ""),
								     .separator = '/' };
	return 0;
}

static size_t visible(const struct source_session *s)
{
	if (!the->imap)
		return s->n;
	return the->shows_nothing ? 0 : the->shows_half ? s->folder->n / 2 : s->folder->n;
}

static int fake_enter(struct source_session *s, const struct source_folder *folder, bool write, const struct source_mark *before,
		      struct source_mark *now, bool *same, struct err *e)
{
	bool happens;

	the->enters++;
	if (!lives(the, &happens))
		return gone(e);
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

		if (the->imap && m->uid < from)
			continue;
		if (fn(arg, &item) != 0)
			return 0;
	}
	*complete = from <= 1;
	return 0;
}

static int fake_list(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete, struct err *e)
{
	bool happens;

	the->lists++;
	if (!lives(the, &happens))
		return gone(e);
	return tell_all(s, from, fn, arg, complete);
}

static int fake_list_present(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e)
{
	bool happens;

	the->presents++;
	if (!lives(the, &happens))
		return gone(e);
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

	if (!lives(the, &happens))
		return gone(e);
	if (getenv("FAKE_TRACE") != NULL)
		fprintf(stderr, "    %s %u %s: content %d\n", head ? "head" : "body", item->number, item->name, m == NULL ? -1 : (int)m->content);
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

static int fake_heads(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e)
{
	if (!the->imap && !the->top)
		return err_set(e, ERR_PERM, 0, "this server has no TOP");
	return give_all(s, items, n, h, true, e);
}

static int fake_fetch(struct source_session *s, const struct source_item *items, size_t n, const struct source_handler *h,
		      struct err *e)
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
		take_out(f, i);
		return;
	}
}

static int fake_remove(struct source_session *s, const struct source_item *items, size_t n, bool *marked, struct buf *refused,
		       struct err *e)
{
	(void)refused;
	if (!s->writes)
		return err_set(e, ERR_PROTOCOL, 0, "the folder is read-only");
	for (size_t i = 0; i < n; i++) {
		struct fake_message *m = find(s, &items[i]), copy;
		bool happens, alive = lives(the, &happens);

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
			return gone(e);
	}
	return 0;
}

static int fake_move(struct source_session *s, const struct source_item *items, size_t n, const char *folder, bool *marked,
		     struct buf *refused, struct err *e)
{
	(void)folder;
	return fake_remove(s, items, n, marked, refused, e);
}

static int fake_mark(struct source_session *s, const struct source_item *items, size_t n, struct buf *refused, struct err *e)
{
	(void)refused;
	for (size_t i = 0; i < n; i++) {
		struct fake_message *m = find(s, &items[i]);
		bool happens, alive = lives(the, &happens);

		if (happens && m != NULL) {
			m->seen = true;
			s->folder->modseq++;
		}
		if (!alive)
			return gone(e);
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
	bool happens, alive = lives(the, &happens);

	if (happens && !the->imap && !the->quit_fails && !the->quit_lies)
		for (size_t i = 0; i < (*s)->n; i++)
			if ((*s)->deleted[i])
				run_removes(&the->folders[0], &(*s)->snapshot[i]);
	session_free(s);
	if (!alive)
		return gone(e);
	return the->quit_fails && !the->imap ? err_set(e, ERR_TEMP, 0, "-ERR some deleted messages not removed") : 0;
}

static void fake_abort(struct source_session **s)
{
	if (*s != NULL)
		session_free(s);
}

static const struct source_driver fake_pop3 = {
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

static const struct source_driver fake_imap = {
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

/* ---- the memory ---- */
struct spool_source *spool_source_new(int fd)
{
	(void)fd;
	return NULL;
}

void spool_source_free(struct spool_source **s)
{
	*s = NULL;
}

int spool_source_folders(struct spool_source *s, spool_folder_fn *fn, void *arg, struct err *e)
{
	bool happens;

	(void)s;
	if (!lives(the, &happens))
		return gone(e);
	for (size_t i = 0; i < the->ngens; i++) {
		the->gens[i].f.name = the->gens[i].name;
		the->gens[i].f.mailbox = the->gens[i].mailbox;
		if (fn(arg, &the->gens[i].f) != 0)
			break;
	}
	return 0;
}

int spool_source_folder_put(struct spool_source *s, struct origin_folder *f, struct err *e)
{
	bool happens, alive = lives(the, &happens);
	size_t i = 0;

	(void)s;
	if (!happens)
		return gone(e);
	the->puts++;
	while (i < the->ngens && (f->number != 0 ? the->gens[i].f.number != f->number
						 : strcmp(the->gens[i].name, f->name) != 0 ||
						       the->gens[i].f.uidvalidity != f->uidvalidity ||
						       (the->gens[i].mailbox[0] != '\0' && f->mailbox != NULL &&
							strcmp(the->gens[i].mailbox, f->mailbox) != 0)))
		i++;
	if (i == the->ngens) {
		if (f->number != 0)
			return alive ? 0 : gone(e);
		if (the->ngens == sizeof the->gens / sizeof the->gens[0])
			abort(); /* old generations are not dropped */
		f->number = ++the->last_gen;
		(void)snprintf(the->gens[i].name, sizeof the->gens[i].name, "%s", f->name);
		the->gens[i].mailbox[0] = '\0';
		the->ngens++;
	}
	f->number = f->number == 0 ? the->gens[i].f.number : f->number;
	the->gens[i].f = *f;
	the->gens[i].f.name = the->gens[i].name;
	if (the->gens[i].mailbox[0] == '\0' && f->mailbox != NULL)
		(void)snprintf(the->gens[i].mailbox, sizeof the->gens[i].mailbox, "%s", f->mailbox);
	return alive ? 0 : gone(e);
}

static void drop_row(size_t i)
{
	memmove(&the->rows[i], &the->rows[i + 1], (the->nrows - i - 1) * sizeof *the->rows);
	the->nrows--;
}

int spool_source_folder_drop(struct spool_source *s, int64_t folder, struct err *e)
{
	bool happens, alive = lives(the, &happens);

	(void)s;
	for (size_t i = 0; happens && i < the->nrows;)
		if (the->rows[i].o.folder == folder)
			drop_row(i);
		else
			i++;
	for (size_t i = 0; happens && i < the->ngens; i++)
		if (the->gens[i].f.number == folder) {
			memmove(&the->gens[i], &the->gens[i + 1], (the->ngens - i - 1) * sizeof *the->gens);
			the->ngens--;
			break;
		}
	return alive ? 0 : gone(e);
}

static void point(struct fake_row *r)
{
	r->o.name = r->name;
	r->o.reason = r->reason[0] == '\0' ? NULL : r->reason;
}

static int by_uid(const void *a, const void *b)
{
	const struct fake_row *x = *(struct fake_row *const *)a, *y = *(struct fake_row *const *)b;

	if (x->o.uid != y->o.uid)
		return x->o.uid < y->o.uid ? -1 : 1;
	return x->o.number < y->o.number ? -1 : x->o.number > y->o.number;
}

int spool_source_origins(struct spool_source *s, int64_t folder, uint32_t from, spool_origin_fn *fn, void *arg, struct err *e)
{
	struct fake_row **sorted;
	size_t n = 0;
	bool happens;

	(void)s;
	if (!lives(the, &happens))
		return gone(e);
	sorted = mem_array(the->nrows + 1, sizeof *sorted);
	for (size_t i = 0; i < the->nrows; i++)
		if (the->rows[i].o.folder == folder && the->rows[i].o.uid >= from)
			sorted[n++] = &the->rows[i];
	qsort(sorted, n, sizeof *sorted, by_uid);
	for (size_t i = 0; i < n; i++) {
		point(sorted[i]);
		if (fn(arg, &sorted[i]->o) != 0)
			break;
	}
	free(sorted);
	return 0;
}

int spool_source_pending(struct spool_source *s, const struct origin_want *want, spool_origin_fn *fn, void *arg, struct err *e)
{
	bool happens;

	(void)s;
	if (!lives(the, &happens))
		return gone(e);
	for (size_t i = 0; i < the->nrows; i++) {
		struct spool_origin *o = &the->rows[i].o;

		point(&the->rows[i]);
		if (o->removal && o->absent > 0)
			continue;
		if ((want->fates & 1U << o->fate) == 0 || (want->settled & 1U << o->settled) == 0 ||
		    o->taken_ms > want->before_ms || (o->handled && !want->handled) ||
		    (want->absent && o->absent == 0))
			continue;
		if (fn(arg, o) != 0)
			break;
	}
	return 0;
}

static size_t row_at(int64_t number)
{
	size_t low = 0, high = the->nrows; /* by number: rows are added at the end */

	while (low < high) {
		const size_t at = low + (high - low) / 2;

		if (the->rows[at].o.number < number)
			low = at + 1;
		else
			high = at;
	}
	return low < the->nrows && the->rows[low].o.number == number ? low : the->nrows;
}

static size_t row_of_uid(const struct spool_origin *o)
{
	for (size_t i = 0; the->imap && i < the->nrows; i++)
		if (the->rows[i].o.folder == o->folder && the->rows[i].o.uid == o->uid)
			return i;
	return the->nrows;
}

static void write_row(struct fake_row *r, const struct spool_origin *o)
{
	(void)snprintf(r->name, sizeof r->name, "%s", o->name == NULL ? "" : o->name);
	(void)snprintf(r->reason, sizeof r->reason, "%s", o->reason == NULL ? "" : o->reason);
	r->o.folder = o->folder;
	r->o.uid = o->uid;
	r->o.size = o->size;
	memcpy(r->o.head, o->head, sizeof o->head);
	r->o.fate = o->fate;
	r->o.tries = o->tries;
	r->o.tried_ms = o->tried_ms;
	point(r);
}

static struct fake_row *new_row(const struct spool_origin *o)
{
	struct fake_row *r;

	if (the->nrows == the->caprows) {
		the->caprows = the->caprows == 0 ? 64 : the->caprows * 2;
		the->rows = mem_resize(the->rows, the->caprows, sizeof *the->rows);
	}
	r = &the->rows[the->nrows++];
	*r = (struct fake_row){ .o.number = ++the->last_row, .o.settled = o->settled };
	write_row(r, o);
	r->o.taken_ms = o->taken_ms != 0 ? o->taken_ms : clock_wall_ms();
	return r;
}

static void add_origin(const struct spool_origin *o)
{
	size_t i = o->number != 0 ? row_at(o->number) : row_of_uid(o);

	if (o->fate == ORIGIN_TAKEN)
		abort();
	if (i < the->nrows && the->rows[i].o.fate == ORIGIN_TAKEN)
		return;
	if (i < the->nrows)
		write_row(&the->rows[i], o);
	else
		(void)new_row(o);
}

static void rename_origin(const struct spool_origin *o)
{
	size_t i = row_at(o->number), other = row_of_uid(o);
	struct fake_row *r;

	if (i == the->nrows)
		return;
	if (other != the->nrows && other != i) {
		const bool taken = the->rows[other].o.fate == ORIGIN_TAKEN;

		drop_row(taken ? i : other);
		if (taken)
			return;
		i = row_at(o->number);
	}
	r = &the->rows[i];
	r->o.folder = o->folder;
	r->o.uid = o->uid;
	r->o.size = o->size;
	(void)snprintf(r->name, sizeof r->name, "%s", o->name == NULL ? "" : o->name);
	r->o.absent = 0;
	r->o.absent_ms = 0;
}

static void change(const struct origin_change *c)
{
	const size_t i = row_at(c->o.number);
	if (getenv("FAKE_TRACE") != NULL)
		fprintf(stderr, "    change %d row %lld folder %lld uid %u %s\n", (int)c->act, (long long)c->o.number, (long long)c->o.folder, c->o.uid, c->o.name == NULL ? "" : c->o.name);
	struct spool_origin *o = i == the->nrows ? NULL : &the->rows[i].o;

	if (c->act == ORIGIN_ADD) {
		add_origin(&c->o);
		return;
	}
	if (c->act == ORIGIN_RENAME) {
		rename_origin(&c->o);
		return;
	}
	if (o == NULL)
		return;
	switch (c->act) {
	case ORIGIN_PRESENT:
		o->absent = 0;
		o->absent_ms = 0;
		o->removal = false;
		break;
	case ORIGIN_ABSENT:
		o->absent++;
		o->absent_ms = o->absent_ms == 0 ? clock_wall_ms() : o->absent_ms;
		break;
	case ORIGIN_REMOVAL:
		o->removal = true;
		break;
	case ORIGIN_HANDLED:
		o->handled = true;
		break;
	case ORIGIN_TRIED:
		if (o->fate == ORIGIN_TAKEN)
			break;
		o->fate = c->o.fate;
		(void)snprintf(the->rows[i].reason, sizeof the->rows[i].reason, "%s",
			       c->o.reason == NULL ? "" : c->o.reason);
		o->tries++;
		o->tried_ms = clock_wall_ms();
		break;
	case ORIGIN_FORGET:
		drop_row(i);
		break;
	default:
		abort();
	}
}

int spool_source_change(struct spool_source *s, const struct origin_change *changes, size_t n, struct err *e)
{
	bool happens, alive = lives(the, &happens);

	(void)s;
	if (n > ORIGIN_BATCH_MAX)
		abort();
	the->changes += happens ? n : 0;
	for (size_t i = 0; happens && i < n; i++)
		change(&changes[i]);
	return alive ? 0 : gone(e);
}

int spool_source_mine(struct spool_source *s, const char *const *ids, size_t n, bool *mine, struct err *e)
{
	bool happens;

	(void)s;
	if (!lives(the, &happens))
		return gone(e);
	for (size_t i = 0; i < n; i++)
		mine[i] = strcmp(ids[i], the->mine) == 0;
	return 0;
}

int spool_source_ran(struct spool_source *s, const struct source_run *run, struct err *e)
{
	(void)s;
	(void)run;
	(void)e;
	return 0;
}

int spool_source_last(struct spool_source *s, struct source_run *run, struct err *e)
{
	(void)s;
	(void)e;
	*run = (struct source_run){ 0 };
	return 0;
}

/* ---- the spool ---- */
struct fake_answer {
	struct fake_answer *next;
	struct event *event;
	spool_answer_fn *fn;
	spool_upload_fn *upload;
	void *arg;
	enum spool_answer answer;
	int fd;
	int64_t number;
	uint64_t handle;
};

static void answer(evutil_socket_t fd, short what, void *arg)
{
	struct fake_answer *a = arg, **at = &the->answers;

	(void)fd;
	(void)what;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	event_free(a->event);
	if (a->fn != NULL)
		a->fn(a->arg, a->answer, a->number);
	else if (a->upload != NULL)
		a->upload(a->arg, a->fd, a->handle, a->answer);
	free(a);
}

static struct fake_answer *answer_soon(struct fake_world *w)
{
	static uint64_t handles;
	struct fake_answer *a = mem_alloc(sizeof *a);
	struct fake_answer **last = &w->answers;

	while (*last != NULL)
		last = &(*last)->next;
	*last = a;
	a->handle = ++handles;
	a->fd = -1;
	a->event = evtimer_new(w->base, answer, a);
	event_active(a->event, EV_TIMEOUT, 0);
	return a;
}

static int upload_fd = -1;

static struct slice body_of(const struct spool_message *m, char **copy)
{
	*copy = NULL;
	if (m->upload == 0)
		return m->body;
	*copy = mem_alloc(m->size + 1);
	if (pread(upload_fd, *copy, m->size, 0) != (ssize_t)m->size)
		abort();
	return slice_of(*copy, m->size);
}

/* What the real one does with an origin; spool/source.h. */
static enum spool_answer commit(struct fake_world *w, const struct spool_message *m)
{
	const struct spool_origin *o = m->origin;
	size_t i = o->number != 0 ? row_at(o->number) : row_of_uid(o);
	struct fake_row *r;
	struct slice body;
	char *copy;
	unsigned content;

	if (i < w->nrows && (w->rows[i].o.fate == ORIGIN_TAKEN || w->rows[i].o.fate == ORIGIN_OWN ||
			     w->rows[i].o.fate == ORIGIN_KNOWN))
		return SPOOL_DUPLICATE;
	body = body_of(m, &copy);
	if (w->grows && body.n > 25 && memcmp(body.p, "Status:", 7) == 0)
		body = slice_skip(body, 25);
	content = o->fate == ORIGIN_TAKEN ? content_of(w, body) : 0;
	r = i < w->nrows ? &w->rows[i] : new_row(o);
	write_row(r, o);
	r->o.message = ++w->last_message;
	w->spool_messages++;
	if (o->fate == ORIGIN_TAKEN) {
		if (content == UINT32_MAX)
			fail_msg("the spool got a message that was never sent: %.*s", (int)(body.n > 300 ? 300 : body.n), body.p);
		r->content = content;
		w->contents[content].taken++;
	}
	buf_clear(&w->last_body);
	(void)buf_add_slice(&w->last_body, body);
	if (m->ndeliveries > 0) {
		(void)snprintf(w->last_folder, sizeof w->last_folder, "%s", m->deliveries[0].folder);
		(void)snprintf(w->last_flags, sizeof w->last_flags, "%s", m->deliveries[0].flags);
	}
	free(copy);
	return SPOOL_ACCEPTED;
}

static uint64_t fake_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct fake_world *w = spool;
	struct fake_answer *a = answer_soon(w);
	bool happens, alive = lives(w, &happens);

	a->fn = fn;
	a->arg = arg;
	a->answer = SPOOL_LOST;
	if (w->full || w->failing)
		a->answer = w->full ? SPOOL_FULL : SPOOL_FAILED;
	else if (happens) {
		const enum spool_answer done = commit(w, m);

		a->answer = alive ? done : SPOOL_LOST;
		a->number = w->last_message;
	}
	if (m->upload != 0 && upload_fd >= 0) {
		(void)close(upload_fd);
		upload_fd = -1;
	}
	return a->handle;
}

static void fake_cancel(void *spool, uint64_t handle)
{
	struct fake_world *w = spool;

	for (struct fake_answer *a = w->answers; a != NULL; a = a->next)
		if (a->handle == handle) {
			a->fn = NULL;
			a->upload = NULL;
		}
}

static uint64_t fake_upload_open(void *spool, spool_upload_fn *fn, void *arg)
{
	struct fake_world *w = spool;
	struct fake_answer *a = answer_soon(w);
	bool happens, alive = lives(w, &happens);

	(void)alive;
	a->upload = fn;
	a->arg = arg;
	a->answer = w->ended ? SPOOL_LOST : w->full ? SPOOL_FULL : SPOOL_ACCEPTED;
	if (a->answer == SPOOL_ACCEPTED) {
		if (upload_fd >= 0)
			(void)close(upload_fd);
		upload_fd = memfd_create("upload", 0);
		a->fd = dup(upload_fd);
	}
	return a->handle;
}

static void fake_upload_drop(void *spool, uint64_t upload)
{
	(void)spool;
	(void)upload;
}

static void fake_confirm(void *spool, int64_t number)
{
	(void)spool;
	(void)number;
}

static const struct intake_spool fake_spool = {
	.accept = fake_accept,
	.cancel = fake_cancel,
	.upload_open = fake_upload_open,
	.upload_drop = fake_upload_drop,
	.confirm = fake_confirm,
};

/* ---- a run ---- */
static void on_line(void *arg, const struct run_line *l)
{
	struct fake_world *w = arg;
	struct fake_run_line *n;

	w->lines = mem_resize(w->lines, w->nlines + 1, sizeof *w->lines);
	n = &w->lines[w->nlines++];
	*n = (struct fake_run_line){ 0 };
	(void)snprintf(n->folder, sizeof n->folder, "%s", l->folder);
	(void)snprintf(n->name, sizeof n->name, "%s", l->name);
	(void)snprintf(n->into, sizeof n->into, "%s", l->into == NULL ? "" : l->into);
	(void)snprintf(n->why, sizeof n->why, "%s", l->why == NULL ? "" : l->why);
	(void)snprintf(n->subject, sizeof n->subject, "%s", l->subject == NULL ? "" : l->subject);
}

static struct run_setup begin_run(struct fake_world *w, enum run_mode mode, long end_at, bool applied)
{
	the = w;
	w->steps = 0;
	w->end_at = end_at;
	w->applied = applied;
	w->ended = false;
	w->nlines = 0;
	w->changes = w->puts = 0;
	w->lists = w->presents = w->sames = w->bodies = w->heads = w->enters = 0;
	return (struct run_setup){
		.config = w->config,
		.source = &w->source,
		.mode = mode,
		.copy_to = mode == RUN_COPY ? "office" : NULL,
		.base = w->base,
		.intake = w->intake,
		.memory = (struct spool_source *)w,
		.driver = w->imap ? &fake_imap : &fake_pop3,
		.line = on_line,
		.arg = w,
	};
}

struct run_result fake_run_until(struct fake_world *w, enum run_mode mode, long end_at, bool applied)
{
	struct run_setup setup = begin_run(w, mode, end_at, applied);
	struct run_result result;
	struct intake *in = NULL;

	if (mode == RUN_DRY) {
		setup.dry = run_dry_new();
		in = intake_new(w->config, &run_dry_spool, setup.dry);
		setup.intake = in;
	}
	run_once(&setup, &result);
	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	if (w->answers != NULL)
		fail_msg("answers of the spool were left");
	intake_free(&in);
	if (setup.dry != NULL)
		run_dry_free(&setup.dry);
	return result;
}

struct run_result fake_wait_for(struct fake_world *w, long end_at, bool *news, bool *can)
{
	const struct run_setup setup = begin_run(w, RUN_FETCH, end_at, false);
	struct run_result result;

	run_wait(&setup, 0, news, can, &result);
	return result;
}

void fake_adopt(struct fake_world *w)
{
	the = w;
}

struct run_result fake_run(struct fake_world *w, enum run_mode mode)
{
	return fake_run_until(w, mode, 0, false);
}

void fake_world_init(struct fake_world *w, bool imap)
{
	static const char text[] = "hostname = \"mail.office.example\"; spool = \"/var/lib/mailferry\";\n"
				   "accounts = { office = { host = \"imap.example.net\"; user = \"office\"; password = \"x\";\n"
				   "  addresses = [ \"@office.example\", \"office@office.example\" ]; }; };\n";
	struct buf errors;

	*w = (struct fake_world){ .imap = imap, .top = true, .condstore = true, .uidplus = true };
	buf_init(&errors, 10000);
	w->config = config_check("test", slice_str(text), &errors);
	if (w->config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	buf_init(&w->last_body, 64 << 20);
	w->base = event_base_new();
	w->intake = intake_new(w->config, &fake_spool, w);
	w->source = (struct config_source){ .name = (char *)"old",
					    .protocol = imap ? CONFIG_IMAP : CONFIG_POP3,
					    .account = (char *)"office",
					    .to = (char *)"office@office.example",
					    .unmatched = (char *)"Unmatched",
					    .rejected = (char *)"Rejected",
					    .keep = true,
					    .window = 16 };
	w->source.server.host = (char *)"pop.example.org";
	w->source.server.user = (char *)"old";
	w->source.server.name = "old";
	w->folders[0] = (struct fake_folder){ .name = "INBOX", .there = true, .uidvalidity = 7, .uidnext = 1, .modseq = 1 };
	w->folders[1] = (struct fake_folder){ .name = "Archive", .uidvalidity = 9, .uidnext = 1, .modseq = 1 };
	w->folders[2] = (struct fake_folder){ .name = "Done", .uidvalidity = 11, .uidnext = 1, .modseq = 1 };
}

void fake_world_free(struct fake_world *w)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		free(w->contents[i].bytes);
	for (size_t i = 0; i < FAKE_FOLDERS; i++)
		free(w->folders[i].all);
	free(w->rows);
	free(w->lines);
	buf_free(&w->last_body);
	intake_free(&w->intake);
	config_free(&w->config);
	event_base_free(w->base);
	if (upload_fd >= 0)
		(void)close(upload_fd);
	upload_fd = -1;
}
