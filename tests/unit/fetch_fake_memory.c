#include "fetch_fake_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

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
	if (!fake_lives(the, &happens))
		return fake_gone(e);
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
	bool happens, alive = fake_lives(the, &happens);
	size_t i = 0;

	(void)s;
	if (!happens)
		return fake_gone(e);
	the->puts++;
	while (i < the->ngens && (f->number != 0 ? the->gens[i].f.number != f->number
						 : strcmp(the->gens[i].name, f->name) != 0 ||
						       the->gens[i].f.uidvalidity != f->uidvalidity ||
						       (the->gens[i].mailbox[0] != '\0' && f->mailbox != NULL &&
							strcmp(the->gens[i].mailbox, f->mailbox) != 0)))
		i++;
	if (i == the->ngens) {
		if (f->number != 0)
			return alive ? 0 : fake_gone(e);
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
	return alive ? 0 : fake_gone(e);
}

static void drop_row(size_t i)
{
	memmove(&the->rows[i], &the->rows[i + 1], (the->nrows - i - 1) * sizeof *the->rows);
	the->nrows--;
}

int spool_source_folder_drop(struct spool_source *s, int64_t folder, struct err *e)
{
	bool happens, alive = fake_lives(the, &happens);

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
	return alive ? 0 : fake_gone(e);
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

int spool_source_origins(struct spool_source *s, int64_t folder, uint32_t from, spool_origin_fn *fn, void *arg,
			 struct err *e)
{
	struct fake_row **sorted;
	size_t n = 0;
	bool happens;

	(void)s;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
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

int spool_source_pending(struct spool_source *s, const struct origin_want *want, spool_origin_fn *fn, void *arg,
			 struct err *e)
{
	bool happens;

	(void)s;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
	for (size_t i = 0; i < the->nrows; i++) {
		struct spool_origin *o = &the->rows[i].o;

		point(&the->rows[i]);
		if (o->removal && o->absent > 0)
			continue;
		if ((want->fates & 1U << o->fate) == 0 || (want->settled & 1U << o->settled) == 0 ||
		    o->taken_ms > want->before_ms || (o->handled && !want->handled) || (want->absent && o->absent == 0))
			continue;
		if (fn(arg, o) != 0)
			break;
	}
	return 0;
}

size_t fake_row_at(int64_t number)
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

size_t fake_row_of_uid(const struct spool_origin *o)
{
	for (size_t i = 0; the->imap && i < the->nrows; i++)
		if (the->rows[i].o.folder == o->folder && the->rows[i].o.uid == o->uid)
			return i;
	return the->nrows;
}

void fake_row_write(struct fake_row *r, const struct spool_origin *o)
{
	(void)snprintf(r->name, sizeof r->name, "%s", o->name == NULL ? "" : o->name);
	(void)snprintf(r->reason, sizeof r->reason, "%s", o->reason == NULL ? "" : o->reason);
	r->o.folder = o->folder;
	r->o.uid = o->uid;
	r->o.size = o->size;
	memcpy(r->o.head, o->head, sizeof o->head);
	r->o.fate = o->fate;
	point(r);
}

struct fake_row *fake_row_new(const struct spool_origin *o)
{
	struct fake_row *r;

	if (the->nrows == the->caprows) {
		the->caprows = the->caprows == 0 ? 64 : the->caprows * 2;
		the->rows = mem_resize(the->rows, the->caprows, sizeof *the->rows);
	}
	r = &the->rows[the->nrows++];
	*r = (struct fake_row){ .o.number = ++the->last_row, .o.settled = o->settled };
	fake_row_write(r, o);
	r->o.taken_ms = o->taken_ms != 0 ? o->taken_ms : clock_wall_ms();
	return r;
}

static void add_origin(const struct spool_origin *o)
{
	size_t i = o->number != 0 ? fake_row_at(o->number) : fake_row_of_uid(o);

	if (o->fate == ORIGIN_TAKEN)
		abort();
	if (i < the->nrows && the->rows[i].o.fate == ORIGIN_TAKEN)
		return;
	if (i < the->nrows)
		fake_row_write(&the->rows[i], o);
	else
		(void)fake_row_new(o);
}

static void rename_origin(const struct spool_origin *o)
{
	size_t i = fake_row_at(o->number), other = fake_row_of_uid(o);
	struct fake_row *r;

	if (i == the->nrows)
		return;
	if (other != the->nrows && other != i) {
		const bool taken = the->rows[other].o.fate == ORIGIN_TAKEN;

		drop_row(taken ? i : other);
		if (taken)
			return;
		i = fake_row_at(o->number);
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
	const size_t i = fake_row_at(c->o.number);
	if (getenv("FAKE_TRACE") != NULL)
		fprintf(stderr, "    change %d row %lld folder %lld uid %u %s\n", (int)c->act, (long long)c->o.number,
			(long long)c->o.folder, c->o.uid, c->o.name == NULL ? "" : c->o.name);
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
		o->tries += o->tried_ms < c->o.tried_ms;
		o->tried_ms = clock_wall_ms() + 1;
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
	bool happens, alive = fake_lives(the, &happens);

	(void)s;
	if (n > ORIGIN_BATCH_MAX)
		abort();
	the->changes += happens ? n : 0;
	for (size_t i = 0; happens && i < n; i++)
		change(&changes[i]);
	return alive ? 0 : fake_gone(e);
}

int spool_source_mine(struct spool_source *s, const char *const *ids, size_t n, bool *mine, struct err *e)
{
	bool happens;

	(void)s;
	if (!fake_lives(the, &happens))
		return fake_gone(e);
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

size_t fake_rows_of(const struct fake_world *w, enum origin_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nrows; i++)
		n += w->rows[i].o.fate == fate;
	return n;
}
