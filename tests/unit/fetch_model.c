/*
 * Histories of mailboxes, drawn from seeds: mail comes, also twice the same;
 * others remove it; all names change; servers have bad days; deliveries come to
 * an end; and the machine stops at any step. Whatever happens, the spool never
 * has a message twice, no original goes that the spool does not have, and when
 * peace comes everything is there.
 *
 * MAILFERRY_TEST_SEED=N runs one seed, MAILFERRY_TEST_SEEDS=N that many.
 */
#include "fetch_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SEEDS = 3000, ROUNDS = 12, TWINS = 6, LARGE = 5000 };

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned below)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (unsigned)((d->state >> 11) % below);
}

enum policy { KEEP, AT_ONCE, AFTER_DAYS, AFTER_DELIVERY, MOVE, MARK, MARK_AND_DAYS, POLICIES };

struct history {
	struct fake_world *w;
	struct dice dice;
	unsigned seed;
	enum policy policy;
	bool by_content; /* names do not tell twins apart */
	bool unsettled;	 /* names have changed, and no run has seen all of it since */
	unsigned twins[TWINS];
	bool moved;	 /* somebody did, and no run has seen all of it since */
	bool hidden;	 /* the server had a bad day, and what it hid may not have been looked for yet */
	bool trace;
};

__attribute__((format(printf, 2, 3))) static void say(const struct history *h, const char *fmt, ...)
{
	va_list ap;

	if (!h->trace)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
}

/* ---- the world of a seed ---- */
static void set_policy(struct config_source *s, enum policy policy)
{
	s->keep = policy == KEEP;
	if (policy == AT_ONCE || policy == AFTER_DAYS || policy == MARK_AND_DAYS)
		s->delete = CONFIG_DELETE_ACCEPTED;
	if (policy == AFTER_DAYS || policy == MARK_AND_DAYS)
		s->delete_after = 3 * FAKE_DAY_MS;
	if (policy == AFTER_DELIVERY)
		s->delete = CONFIG_DELETE_DELIVERED;
	if (policy == MOVE)
		s->move_to = (char *)"Done";
	if (policy == MARK || policy == MARK_AND_DAYS)
		s->mark_seen = true;
}

static struct history begin(unsigned seed)
{
	struct history h = { .w = mem_alloc(sizeof *h.w), .dice = { seed * 0x9E3779B97F4A7C15ULL + 1 }, .seed = seed };
	struct fake_world *w = h.w;

	for (unsigned i = 0; i < 10; i++)
		(void)roll(&h.dice, 2);
	fake_world_init(w, roll(&h.dice, 2) == 0);
	h.trace = getenv("FAKE_TRACE") != NULL;
	h.policy = (enum policy)roll(&h.dice, POLICIES);
	set_policy(&w->source, h.policy);
	if (w->imap) {
		w->condstore = roll(&h.dice, 2) == 0;
		w->uidplus = roll(&h.dice, 4) != 0;
		w->folders[1].there = roll(&h.dice, 2) == 0;
		w->folders[2].there = roll(&h.dice, 2) == 0;
	} else {
		w->content_names = roll(&h.dice, 3) == 0;
		w->no_names = !w->content_names && roll(&h.dice, 3) == 0;
		w->top = roll(&h.dice, 4) != 0;
		w->grows = roll(&h.dice, 4) == 0;
		h.by_content = w->content_names || w->no_names;
	}
	w->disordered = roll(&h.dice, 3) == 0;
	w->source.skip.larger = roll(&h.dice, 3) == 0 ? LARGE : 0;
	w->source.skip.note = roll(&h.dice, 2) == 0;
	for (unsigned i = 0; i < TWINS; i++)
		h.twins[i] = fake_content(w, i % 2 == 0, 20);
	if (h.trace)
		fprintf(stderr, "seed %u: %s policy %d content-names %d no-names %d top %d condstore %d uidplus %d\n", seed,
			w->imap ? "imap" : "pop3", (int)h.policy, w->content_names, w->no_names, w->top, w->condstore,
			w->uidplus);
	return h;
}

static void end(struct history *h)
{
	fake_world_free(h->w);
	free(h->w);
}

/* ---- what happens between runs ---- */
static size_t rows_of(const struct fake_world *w, unsigned content)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nrows; i++)
		n += w->rows[i].o.fate == ORIGIN_TAKEN && w->rows[i].content == content;
	return n;
}

static bool has_removals(const struct fake_world *w)
{
	for (size_t i = 0; i < w->nrows; i++)
		if (w->rows[i].o.removal)
			return true;
	return false;
}

static size_t some_folder(struct history *h)
{
	const size_t k = roll(&h->dice, FAKE_FOLDERS);

	if (!h->w->imap || !h->w->folders[k].there || (h->policy == MOVE && k == 2))
		return 0;
	return k;
}

static bool is_named(const struct history *h, unsigned content)
{
	return strstr(h->w->contents[content].bytes, "Message-ID") != NULL;
}

/* One that looks like one that was taken and is gone is not to be told from it, where only content tells; and with the same
 * Message-ID it is the same. */
static bool twin_is_fair(const struct history *h, unsigned content)
{
	const bool named = is_named(h, content);

	/* With the same Message-ID and header it is the one that was to go, and is there again. */
	if (h->policy != KEEP && h->policy != MARK && named && (rows_of(h->w, content) > 0 || fake_present(h->w, content) > 0))
		return false;
	/* Of those that were refused it is not known here which they are. */
	if (h->by_content && has_removals(h->w) && fake_rows_of(h->w, ORIGIN_REFUSED) > 0)
		return false;
	if (h->by_content || h->unsettled || named)
		return rows_of(h->w, content) <= fake_present(h->w, content);
	return true;
}

static void mail_comes(struct history *h)
{
	const unsigned n = roll(&h->dice, 8) == 0 ? 40 : roll(&h->dice, 4) + 1;

	for (unsigned i = 0; i < n; i++) {
		const unsigned twin = h->twins[roll(&h->dice, TWINS)];
		const bool again = roll(&h->dice, 4) == 0 && twin_is_fair(h, twin);
		const size_t size = roll(&h->dice, 100) == 0 ? 100000 : roll(&h->dice, 10) == 0 ? 2 * LARGE : 30;
		const unsigned content = again			       ? twin
					 : h->w->ncontents < FAKE_CONTENTS ? fake_content(h->w, roll(&h->dice, 5) != 0, size)
									   : twin;
		struct fake_message *m;

		if (content == twin && !twin_is_fair(h, twin))
			continue;
		m = fake_arrive(h->w, some_folder(h), content);
		m->refused = roll(&h->dice, 40) == 0;
		m->breaks = roll(&h->dice, 60) == 0;
		m->hangs_up = roll(&h->dice, 80) == 0;
	}
	say(h, "%u come", n);
}

static void some_go(struct history *h)
{
	struct fake_folder *f = &h->w->folders[some_folder(h)];
	unsigned n = roll(&h->dice, 4) + 1;

	/* Where only content tells twins apart, or names have just changed, a loss may be taken for what came instead. */
	for (; n > 0 && f->n > 0 && !h->unsettled; n--)
		fake_lose(h->w, (size_t)(f - h->w->folders), roll(&h->dice, (unsigned)f->n));
	say(h, "some go");
}

static bool is_leaving(const struct fake_world *w, unsigned content)
{
	for (size_t i = 0; i < w->nrows; i++)
		if (w->rows[i].content == content && w->rows[i].o.fate == ORIGIN_TAKEN && w->rows[i].o.removal)
			return true;
	return false;
}

/* Somebody moves mail from one folder to another. What has no Message-ID is new there. */
static void some_move(struct history *h)
{
	struct fake_world *w = h->w;
	const size_t from = some_folder(h), to = some_folder(h);
	struct fake_folder *f = &w->folders[from];
	size_t i;

	if (!w->imap || from == to || f->n == 0 || h->unsettled || h->hidden)
		return;
	for (size_t k = 0; k < w->ngens; k++)
		if (w->gens[k].f.listed_ms == 0)
			return; /* its names have changed, and that is still being found out */
	i = roll(&h->dice, (unsigned)f->n);
	if (f->all[i].content < TWINS || !is_named(h, f->all[i].content) || is_leaving(w, f->all[i].content) ||
	    f->all[i].marked_deleted || f->all[i].refused || f->all[i].breaks || f->all[i].hangs_up)
		return;
	fake_shift(w, from, i, to);
	h->moved = true;
	say(h, "one moves");
}

static bool is_twin(const struct history *h, unsigned content)
{
	for (unsigned i = 0; i < TWINS; i++)
		if (h->twins[i] == content)
			return true;
	return false;
}

/* Rows that look as if they were there, and had to stay. */
static size_t rows_there(const struct fake_world *w, unsigned content)
{
	size_t n = 0;

	for (size_t i = 0; i < w->nrows; i++)
		n += w->rows[i].o.fate == ORIGIN_TAKEN && w->rows[i].content == content && w->rows[i].o.absent == 0 &&
		     !w->rows[i].o.removal;
	return n;
}

static void names_change(struct history *h)
{
	struct fake_world *w = h->w;
	const size_t k = some_folder(h);
	size_t known = 0;

	if (w->no_names || w->shows_half || h->moved)
		return;
	for (unsigned c = 0; c < w->ncontents; c++) {
		const size_t rows = rows_there(w, c), there = fake_present(w, c);

		/* A twin that went while another came, and then the names change: nobody can tell. */
		if (is_twin(h, c) && rows > there)
			return;
		/* One without a Message-ID that seemed to be gone before or had to go is not found again. */
		if (there > 0 && rows < rows_of(w, c))
			return;
		known += rows < there ? rows : there;
	}
	/* A few names that change at once are no mass change: those messages are taken to be new. */
	if (!w->imap && (known < 8 || !w->top))
		return;
	fake_rename_all(w, k);
	h->unsettled = true;
	say(h, "names change in folder %zu", k);
}

/* One without a Message-ID that gets another size and another name is another one; and who sees twins of several sizes can't
 * tell which of them was removed. */
static void sizes_change(struct history *h)
{
	struct fake_folder *f = &h->w->folders[0];

	for (size_t i = 0; i < f->n && !h->w->imap && !h->w->no_names; i++)
		if (is_named(h, f->all[i].content) && f->all[i].content >= TWINS)
			f->all[i].size += roll(&h->dice, 2) * 17;
	say(h, "sizes change");
}

static void things_happen(struct history *h)
{
	struct fake_world *w = h->w;
	unsigned n = roll(&h->dice, 4) + 1;

	w->shows_half = w->shows_nothing = w->quit_fails = w->quit_lies = w->full = w->failing = false;
	for (; n > 0; n--)
		switch (roll(&h->dice, 9)) {
		case 0:
		case 1:
		case 2:
			mail_comes(h);
			break;
		case 3:
			some_go(h);
			some_move(h);
			break;
		case 4:
			if (roll(&h->dice, 3) == 0)
				names_change(h);
			break;
		case 5:
			fake_settle(w, roll(&h->dice, 4) == 0);
			break;
		case 6:
			/* A server that writes into its messages, and tells so. */
			if (roll(&h->dice, 3) == 0)
				sizes_change(h);
			fake_pass(w, (int64_t)(roll(&h->dice, 4) + 1) * FAKE_DAY_MS / 2);
			break;
		case 7:
			/* A bad day right after a removal may look as if it had been done. */
			if (!has_removals(w) && !h->moved && (!h->unsettled || w->imap) && !h->by_content) {
				w->shows_nothing = h->unsettled || roll(&h->dice, 2) == 0;
				w->shows_half = !w->shows_nothing;
				h->hidden = true;
				say(h, "a bad day: nothing %d half %d", w->shows_nothing, w->shows_half);
			}
			break;
		default:
			w->quit_fails = roll(&h->dice, 4) == 0;
			w->quit_lies = roll(&h->dice, 4) == 0;
			w->full = roll(&h->dice, 6) == 0;
			w->failing = !w->full && roll(&h->dice, 8) == 0;
		}
}

/* ---- what must hold ---- */
static void never(const struct history *h)
{
	const struct fake_world *w = h->w;

	for (unsigned c = 0; c < w->ncontents; c++) {
		const struct fake_content *x = &w->contents[c];

		if (x->taken > x->arrived)
			fail_msg("seed %u: content %u came %u times and was taken %u times", h->seed, c, x->arrived, x->taken);
		if (x->removed > x->taken)
			fail_msg("seed %u: %u originals of content %u were removed, and the spool has %u", h->seed, x->removed,
				 c, x->taken);
		if (h->policy == AFTER_DELIVERY && x->removed > x->settled)
			fail_msg("seed %u: %u originals of content %u were removed, and %u are delivered", h->seed, x->removed,
				 c, x->settled);
		if (x->removed > 0 && (h->policy == KEEP || h->policy == MARK))
			fail_msg("seed %u: an original was removed", h->seed);
	}
}

static bool is_skipped(const struct fake_world *w, unsigned c)
{
	return w->source.skip.larger > 0 && w->contents[c].n > (size_t)w->source.skip.larger;
}

static void show(const struct history *h, unsigned c)
{
	const struct fake_world *w = h->w;

	if (!h->trace)
		return;
	for (size_t i = 0; i < w->ngens; i++)
		say(h, "folder %lld %s %u next %u exists %u listed %d", (long long)w->gens[i].f.number, w->gens[i].name,
		    w->gens[i].f.uidvalidity, w->gens[i].f.uidnext, w->gens[i].f.exists, w->gens[i].f.listed_ms != 0);
	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			if (c == UINT32_MAX || w->folders[k].all[i].content == c)
				say(h, "there: %s %u %s", w->folders[k].name, w->folders[k].all[i].uid,
				    w->folders[k].all[i].name);
	for (size_t i = 0; i < w->nrows; i++)
		if (c == UINT32_MAX || w->rows[i].content == c)
			say(h, "row %lld folder %lld uid %u %s fate %d absent %u removal %d handled %d",
			    (long long)w->rows[i].o.number, (long long)w->rows[i].o.folder, w->rows[i].o.uid, w->rows[i].name,
			    (int)w->rows[i].o.fate, w->rows[i].o.absent, w->rows[i].o.removal, w->rows[i].o.handled);
}

/* After a run that went well all that is there is taken, apart from what was taken and went. */
static void now_all(const struct history *h)
{
	const struct fake_world *w = h->w;

	for (unsigned c = 0; c < w->ncontents; c++) {
		const struct fake_content *x = &w->contents[c];
		const size_t there = fake_present(w, c);

		if (is_skipped(w, c)) {
			if (x->taken > 0)
				fail_msg("seed %u: content %u is too large, and was taken", h->seed, c);
			continue;
		}
		if (there + x->removed > x->taken || x->taken + x->lost < x->arrived)
			show(h, c);
		if (there + x->removed > x->taken)
			fail_msg("seed %u: %zu of content %u are there, %u were removed, and %u taken", h->seed, there, c,
				 x->removed, x->taken);
		if (x->taken + x->lost < x->arrived)
			fail_msg("seed %u: content %u came %u times, %u of them went, and %u were taken", h->seed, c, x->arrived,
				 x->lost, x->taken);
	}
}

static void peace(struct history *h)
{
	struct fake_world *w = h->w;

	w->shows_half = w->shows_nothing = w->quit_fails = w->quit_lies = w->full = w->failing = false;
	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			w->folders[k].all[i].refused = w->folders[k].all[i].breaks = w->folders[k].all[i].hangs_up = false;
}

static void run_in_peace(struct history *h)
{
	const struct run_result r = fake_run(h->w, RUN_FETCH);

	say(h, "a run in peace: %u bodies, %u heads", h->w->bodies, h->w->heads);
	if (r.end != RUN_OK || r.words[0] != '\0')
		fail_msg("seed %u: %s: %s", h->seed, run_end_name(r.end), r.words);
	never(h);
}

/* Those whose delivery a person has to see to stay. Which of several twins is marked \\Deleted is nobody's knowledge once the
 * names have changed. */
static size_t originals_left(const struct fake_world *w, unsigned c)
{
	size_t there = 0;

	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			there += w->folders[k].all[i].content == c && !w->folders[k].all[i].marked_deleted;
	return is_skipped(w, c) || (!w->uidplus && c < TWINS) || there <= w->contents[c].stuck ? 0 : there - w->contents[c].stuck;
}

/* The policy is done, and nothing is remembered for ever. */
static void at_last(struct history *h)
{
	struct fake_world *w = h->w;
	const bool goes = h->policy == AT_ONCE || h->policy == AFTER_DAYS || h->policy == MARK_AND_DAYS;
	size_t there = 0, remembered = 0;

	fake_settle(w, false);
	for (unsigned day = 0; day < 12; day++) {
		fake_pass(w, FAKE_DAY_MS);
		/* What is not there is looked for when something has changed. */
		for (size_t k = 0; k < FAKE_FOLDERS; k++)
			if (w->folders[k].there && !(h->policy == MOVE && k == 2))
				(void)fake_arrive(w, k, fake_content(w, true, 10));
		run_in_peace(h);
		now_all(h);
	}
	fake_pass(w, 4 * FAKE_DAY_MS);
	for (unsigned i = 0; i < 3; i++) /* removed; missed in an empty mailbox; missed again */
		run_in_peace(h);
	for (unsigned c = 0; goes && c < w->ncontents; c++)
		if (originals_left(w, c) > 0)
			show(h, c);
	for (unsigned c = 0; goes && c < w->ncontents; c++)
		if (originals_left(w, c) > 0)
			fail_msg("seed %u: %zu originals of content %u are left", h->seed, originals_left(w, c), c);
	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		there += w->folders[k].there && !(h->policy == MOVE && k == 2) ? w->folders[k].n : 0;
	/* What has left a folder that is now empty is looked for a second time when something comes. */
	for (size_t i = 0; i < w->nrows; i++)
		remembered += !w->rows[i].o.removal || (!w->imap && !w->no_names);
	if (remembered > there + 1)
		show(h, UINT32_MAX);
	if (remembered > there + 1)
		fail_msg("seed %u: %zu originals are there, and %zu remembered", h->seed, there, remembered);
	run_in_peace(h);
	if (w->bodies > 0 && !w->no_names)
		fail_msg("seed %u: %u bodies are fetched of a mailbox that did not change", h->seed, w->bodies);
}

static void live(unsigned seed)
{
	struct history h = begin(seed);
	struct fake_world *w = h.w;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct run_result r;
		long end_at = 0;

		things_happen(&h);
		if (roll(&h.dice, 2) == 0)
			end_at = roll(&h.dice, roll(&h.dice, 2) == 0 ? 20 : 200) + 1;
		r = fake_run_until(w, RUN_FETCH, end_at, roll(&h.dice, 2) == 0);
		say(&h, "a run: end %u, %u bodies", (unsigned)r.end, w->bodies);
		if (h.trace)
			fprintf(stderr, "    %ld steps of %ld, %s\n", w->steps, end_at, r.words);
		if (h.trace && getenv("FAKE_CONTENT") != NULL)
			show(&h, (unsigned)strtoul(getenv("FAKE_CONTENT"), NULL, 10));
		never(&h);
		if (r.end == RUN_OK && !w->shows_half && !w->shows_nothing && !w->full && !w->failing && r.words[0] == '\0')
			h.unsettled = h.moved = false;
	}
	peace(&h);
	/* What was refused is asked for again within a day; what was hidden is looked for within a week. */
	fake_pass(w, 8 * FAKE_DAY_MS);
	run_in_peace(&h);
	fake_pass(w, 2 * FAKE_DAY_MS);
	run_in_peace(&h);
	now_all(&h);
	at_last(&h);
	end(&h);
}

static void histories(void **state)
{
	const char *one = getenv("MAILFERRY_TEST_SEED"), *many = getenv("MAILFERRY_TEST_SEEDS");
	const unsigned long first = one != NULL ? strtoul(one, NULL, 10) : 1;
	const unsigned long n = one != NULL && many == NULL ? 1 : many != NULL ? strtoul(many, NULL, 10) : SEEDS;

	(void)state;
	for (unsigned long i = 0; i < n; i++)
		live((unsigned)(first + i));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(histories) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
