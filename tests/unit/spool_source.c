/* The memory of a source: what its fetcher asks, and what it may not. */
#include "spool_memory.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* ---- folders ---- */

struct folders {
	struct origin_folder f[8];
	char names[8][40];
	size_t n;
};

static int see_folder(void *arg, const struct origin_folder *f)
{
	struct folders *s = arg;

	if (s->n < 8) {
		s->f[s->n] = *f;
		(void)snprintf(s->names[s->n], sizeof s->names[0], "%s", f->name);
	}
	s->n++;
	return 0;
}

static int64_t folder_of(struct fixture *x, const char *mailbox)
{
	struct origin_folder f = { .name = "Post", .uidvalidity = 1, .mailbox = mailbox };
	struct err e = { 0 };

	assert_int_equal(spool_source_folder_put(x->f.memory, &f, &e), 0);
	return f.number;
}

/* One of which it was not known whose it is belongs to the first who says so. */
static void mailboxes_stand_apart(struct fixture *x)
{
	const int64_t imported = folder_of(x, NULL), first = folder_of(x, "imap one.example.org kim"),
		      second = folder_of(x, "imap two.example.org kim");

	assert_int_equal(first, imported);
	assert_int_not_equal(second, first);
	assert_int_equal(folder_of(x, "imap one.example.org kim"), first);
	assert_int_equal(folder_of(x, "imap two.example.org kim"), second);
	assert_int_equal(folder_of(x, NULL), second); /* none was listed: the newest */
}

static void folders_have_generations(void **state)
{
	struct fixture *x = *state;
	struct origin_folder f = { .name = "Entw\xc3\xbcrfe",
				   .uidvalidity = 5,
				   .uidnext = 7,
				   .modseq = INT64_MAX,
				   .exists = 3,
				   .listed_ms = 1000 };
	struct origin_folder again = { .name = f.name, .uidvalidity = 5, .uidnext = UINT32_MAX };
	struct folders s = { .n = 0 };
	struct err e = { 0 };

	assert_int_equal(spool_source_folder_put(x->f.memory, &f, &e), 0);
	assert_true(f.number > 0);
	assert_int_equal(spool_source_folders(x->f.memory, see_folder, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.names[0], f.name);
	assert_int_equal(s.f[0].number, f.number);
	assert_int_equal(s.f[0].uidvalidity, 5);
	assert_int_equal(s.f[0].uidnext, 7);
	assert_true(s.f[0].modseq == INT64_MAX);
	assert_int_equal(s.f[0].exists, 3);
	assert_int_equal(s.f[0].listed_ms, 1000);
	/* The same generation is not there twice, whoever asks. */
	assert_int_equal(spool_source_folder_put(x->f.memory, &again, &e), 0);
	assert_int_equal(again.number, f.number);
	again.modseq = 9;
	assert_int_equal(spool_source_folder_put(x->f.memory, &again, &e), 0);
	/* The next one stands beside it. */
	again = (struct origin_folder){ .name = f.name, .uidvalidity = 6 };
	assert_int_equal(spool_source_folder_put(x->f.memory, &again, &e), 0);
	assert_int_not_equal(again.number, f.number);
	s.n = 0;
	assert_int_equal(spool_source_folders(x->f.memory, see_folder, &s, &e), 0);
	assert_int_equal(s.n, 2);
	assert_true(s.f[0].uidnext == UINT32_MAX);
	assert_int_equal(s.f[0].modseq, 9);
	change(&x->f, ORIGIN_ADD, (struct spool_origin){ .folder = f.number, .uid = 1, .fate = ORIGIN_KNOWN });
	assert_int_equal(spool_source_folder_drop(x->f.memory, f.number, &e), 0);
	assert_int_equal(spool_source_folder_drop(x->f.memory, f.number, &e), 0);
	s.n = 0;
	assert_int_equal(spool_source_folders(x->f.memory, see_folder, &s, &e), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.f[0].number, again.number);
	assert_int_equal(origins_of(&x->f, f.number, 0).n, 0);
	/* It can't be written any more, and comes anew. */
	assert_int_equal(spool_source_folder_put(x->f.memory, &f, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	f.number = 0;
	assert_int_equal(spool_source_folder_put(x->f.memory, &f, &e), 0);
	assert_int_equal(origins_of(&x->f, f.number, 0).n, 0);
	/* More than fit into one reply. */
	for (unsigned i = 0; i < 2500; i++) {
		char name[40];

		(void)snprintf(name, sizeof name, "Archive/%u", i);
		(void)fetcher_folder(&x->f, name, 1);
	}
	s.n = 0;
	assert_int_equal(spool_source_folders(x->f.memory, see_folder, &s, &e), 0);
	assert_int_equal(s.n, 2502);
	mailboxes_stand_apart(x);
}

/* ---- changes ---- */

static void each_change_does_what_it_says(void **state)
{
	struct fixture *x = *state;
	int64_t inbox = fetcher_folder(&x->f, "INBOX", 1), next = fetcher_folder(&x->f, "INBOX", 2), first_absent;
	struct spool_origin o = {
		.folder = inbox, .uid = 8, .size = UINT64_MAX, .fate = ORIGIN_REFUSED, .reason = "no", .taken_ms = 5000
	};
	struct seen s;

	change(&x->f, ORIGIN_ADD, o);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].fate, ORIGIN_REFUSED);
	assert_string_equal(s.reasons[0], "no");
	assert_true(s.o[0].size == INT64_MAX);
	assert_int_equal(s.o[0].taken_ms, 5000);
	assert_int_equal(s.o[0].message, 0);
	/* There already: written anew. */
	o.fate = ORIGIN_SKIPPED;
	o.reason = "too large";
	change(&x->f, ORIGIN_ADD, o);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].fate, ORIGIN_SKIPPED);
	o = s.o[0];
	o.fate = ORIGIN_REFUSED;
	o.size = 7;
	o.reason = "still no";
	o.name = NULL;
	memset(o.head, 9, sizeof o.head);
	/* One try a run, however many sessions that has. */
	o.tried_ms = 6000;
	change(&x->f, ORIGIN_TRIED, o);
	change(&x->f, ORIGIN_TRIED, o);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.o[0].tries, 1);
	assert_true(s.o[0].tried_ms > 6000);
	o.tried_ms = s.o[0].tried_ms + 1;
	change(&x->f, ORIGIN_TRIED, o);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.o[0].tries, 2);
	assert_int_equal(s.o[0].fate, ORIGIN_REFUSED);
	assert_int_equal(s.o[0].size, 7);
	assert_string_equal(s.reasons[0], "still no");
	assert_memory_equal(s.o[0].head, o.head, sizeof o.head);
	/* Absence counts from the first listing that lacks it. */
	change(&x->f, ORIGIN_ABSENT, s.o[0]);
	first_absent = origins_of(&x->f, inbox, 0).o[0].absent_ms;
	assert_true(first_absent > 0);
	(void)usleep(5000);
	change(&x->f, ORIGIN_ABSENT, s.o[0]);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.o[0].absent, 2);
	assert_int_equal(s.o[0].absent_ms, first_absent);
	change(&x->f, ORIGIN_PRESENT, s.o[0]);
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.o[0].absent, 0);
	assert_int_equal(s.o[0].absent_ms, 0);
	change(&x->f, ORIGIN_REMOVAL, s.o[0]);
	change(&x->f, ORIGIN_HANDLED, s.o[0]);
	change(&x->f, ORIGIN_ABSENT, s.o[0]);
	s = origins_of(&x->f, inbox, 0);
	assert_true(s.o[0].removal && s.o[0].handled);
	/* Another name, in the next generation; another row that has it goes, unless it is a message that was taken. */
	change(&x->f, ORIGIN_ADD, (struct spool_origin){ .folder = next, .uid = 3, .fate = ORIGIN_KNOWN });
	o = s.o[0];
	o.folder = next;
	o.uid = 3;
	o.size = 99;
	o.name = NULL;
	change(&x->f, ORIGIN_RENAME, o);
	assert_int_equal(origins_of(&x->f, inbox, 0).n, 0);
	s = origins_of(&x->f, next, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].number, o.number);
	assert_int_equal(s.o[0].size, 99);
	assert_int_equal(s.o[0].absent, 0);
	assert_true(s.o[0].handled);
	change(&x->f, ORIGIN_FORGET, o);
	assert_int_equal(origins_of(&x->f, next, 0).n, 0);
	/* What is not there is passed over, and so is what stood there. */
	for (int act = ORIGIN_PRESENT; act <= ORIGIN_FORGET; act++)
		change(&x->f, (enum origin_act)act, o);
	change(&x->f, ORIGIN_ADD, (struct spool_origin){ .folder = 1000000, .uid = 3, .fate = ORIGIN_KNOWN });
	assert_int_equal(origins_of(&x->f, next, 0).n, 0);
}

static void what_was_taken_is_not_taken_back(void **state)
{
	static struct test_message m;
	struct fixture *x = *state;
	int64_t inbox = fetcher_folder(&x->f, "INBOX", 1), next = fetcher_folder(&x->f, "INBOX", 2);
	struct spool_origin o;
	struct seen s;

	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, inbox, 5, NULL);
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	s = origins_of(&x->f, inbox, 0);
	for (int fate = ORIGIN_SKIPPED; fate <= ORIGIN_REFUSED; fate++) {
		o = s.o[0];
		o.name = NULL;
		o.fate = (enum origin_fate)fate;
		change(&x->f, ORIGIN_ADD, o);
		change(&x->f, ORIGIN_TRIED, o);
		o.number = 0;
		change(&x->f, ORIGIN_ADD, o);
	}
	s = origins_of(&x->f, inbox, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].fate, ORIGIN_TAKEN);
	assert_int_equal(s.o[0].message, 1);
	assert_int_equal(s.o[0].tries, 0);
	/* Fetched again after a change of UIDVALIDITY, and then found to be the same: it is one. */
	message_make(&m, 2, "office", "INBOX");
	message_fetched(&m, &o, next, 7, NULL);
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	o = s.o[0];
	o.folder = next;
	o.uid = 7;
	o.name = NULL;
	change(&x->f, ORIGIN_RENAME, o);
	assert_int_equal(origins_of(&x->f, inbox, 0).n, 0);
	s = origins_of(&x->f, next, 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.o[0].message, 2);
}

/* ---- pages ---- */

static void pages_meet_each_once(void **state)
{
	enum { N = 7000 };
	struct fixture *x = *state;
	static struct origin_change c[N];
	static char names[N][20];
	int64_t folders[3] = { fetcher_folder(&x->f, "INBOX", 1), fetcher_folder(&x->f, "", 0),
			       fetcher_folder(&x->f, "Empty", 1) };
	struct counted count = { 0 };
	struct seen s = { .stop = 3 };
	struct err e;

	/* UIDs upside down with gaps; UIDLs, all of UID 0. Some taken in the same millisecond, some not. */
	for (unsigned i = 0; i < N; i++) {
		bool pop = i % 2 != 0;

		(void)snprintf(names[i], sizeof names[i], "%u", i % 100);
		c[i] = (struct origin_change){ ORIGIN_ADD,
					       { .folder = folders[pop],
						 .uid = pop ? 0 : UINT32_MAX - i * 3,
						 .name = pop ? names[i] : NULL,
						 .fate = i % 5 == 0 ? ORIGIN_SKIPPED : ORIGIN_KNOWN,
						 .settled = i % 7 == 0 ? ORIGIN_WAITS : ORIGIN_DELIVERED,
						 .taken_ms = 1000 + i % 3 } };
	}
	change_all(&x->f, c, N);
	assert_int_equal(spool_source_origins(x->f.memory, folders[0], 0, count_origin, &count, &e), 0);
	assert_int_equal(count.n, N / 2);
	assert_true(count.last.uid == UINT32_MAX);
	count.n = 0;
	assert_int_equal(spool_source_origins(x->f.memory, folders[0], UINT32_MAX - 30, count_origin, &count, &e), 0);
	assert_int_equal(count.n, 6);
	count.n = 0;
	assert_int_equal(spool_source_origins(x->f.memory, folders[1], 0, count_origin, &count, &e), 0);
	assert_int_equal(count.n, N / 2);
	count.n = 0;
	assert_int_equal(spool_source_origins(x->f.memory, folders[2], 0, count_origin, &count, &e), 0);
	assert_int_equal(count.n, 0);
	/* Who has seen enough sees no more, and may ask again. */
	assert_int_equal(spool_source_origins(x->f.memory, folders[0], 0, see, &s, &e), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(spool_source_origins(x->f.memory, folders[2], 0, see, &s, &e), 0);
}

static void what_is_due_is_found(void **state)
{
	enum { N = 6000, ALL = 7 };
	struct fixture *x = *state;
	static struct origin_change c[N];
	int64_t folders[3] = { fetcher_folder(&x->f, "INBOX", 1), fetcher_folder(&x->f, "Empty", 1),
			       fetcher_folder(&x->f, "Second", 1) };
	static const struct {
		struct origin_want want;
		size_t n, handled;
	} rows[] = {
		{ { 1u << ORIGIN_KNOWN, ALL, 1000000, true, false }, 4000, 1000 },
		{ { 1u << ORIGIN_KNOWN, ALL, 1000000, false, false }, 3000, 0 },
		{ { 1u << ORIGIN_KNOWN | 1u << ORIGIN_SKIPPED, ALL, 1000000, true, false }, 6000, 1500 },
		{ { 1u << ORIGIN_TAKEN, ALL, 1000000, true, false }, 0, 0 },
		{ { 1u << ORIGIN_KNOWN, 1u << ORIGIN_DELIVERED, 1000000, false, false }, 1500, 0 },
		{ { 1u << ORIGIN_KNOWN, 0, 1000000, true, false }, 0, 0 },
		{ { 1u << ORIGIN_KNOWN, ALL, 999, true, false }, 0, 0 },
		{ { 1u << ORIGIN_KNOWN, ALL, 1000, true, false }, 1000, 1000 },
		{ { 1u << ORIGIN_KNOWN, ALL, 1001, true, false }, 2000, 1000 },
		{ { 1u << ORIGIN_KNOWN, ALL, 1000000, true, true }, 0, 0 },
	};
	struct seen absent;
	struct err e;

	for (unsigned i = 0; i < N; i++)
		c[i] = (struct origin_change){ ORIGIN_ADD,
					       { .folder = folders[i % 2 * 2],
						 .uid = i + 1,
						 .fate = i % 3 == 0 ? ORIGIN_SKIPPED : ORIGIN_KNOWN,
						 .settled = i % 8 < 4 ? ORIGIN_WAITS : ORIGIN_DELIVERED,
						 .taken_ms = 1000 + i % 4 } };
	change_all(&x->f, c, N);
	/* Noted twice, as after a crash. */
	for (unsigned i = 0; i < 2; i++) {
		static struct origin_change handled[N];
		size_t n = 0;

		for (unsigned k = 0; k < N; k += 4)
			handled[n++] = (struct origin_change){ ORIGIN_HANDLED, { .number = k + 1 } };
		change_all(&x->f, handled, n);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct wanted w = { 0 };

		assert_int_equal(spool_source_pending(x->f.memory, &rows[i].want, count_wanted, &w, &e), 0);
		if (w.n != rows[i].n || w.handled != rows[i].handled)
			fail_msg("row %zu: %zu, %zu of them handled", i, w.n, w.handled);
	}
	change(&x->f, ORIGIN_ABSENT, (struct spool_origin){ .number = 5 });
	change(&x->f, ORIGIN_ABSENT, (struct spool_origin){ .number = 6 });
	absent = pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, ALL, 1000000, true, true });
	assert_int_equal(absent.n, 2);
	assert_int_equal(absent.o[0].number + absent.o[1].number, 11);
	/* A removal is due until a listing lacks it, and again when it came back. */
	change(&x->f, ORIGIN_REMOVAL, (struct spool_origin){ .number = 2 });
	assert_int_equal(pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, ALL, 0, false, false }).n, 0);
	change(&x->f, ORIGIN_ADD,
	       (struct spool_origin){ .folder = folders[1], .uid = 1, .fate = ORIGIN_KNOWN, .taken_ms = 1 });
	change(&x->f, ORIGIN_REMOVAL, (struct spool_origin){ .number = N + 1 });
	assert_int_equal(pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, ALL, 5, false, false }).n, 1);
	change(&x->f, ORIGIN_ABSENT, (struct spool_origin){ .number = N + 1 });
	assert_int_equal(pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, ALL, 5, false, false }).n, 0);
	change(&x->f, ORIGIN_PRESENT, (struct spool_origin){ .number = N + 1 });
	assert_int_equal(pending(&x->f, (struct origin_want){ 1u << ORIGIN_KNOWN, ALL, 5, false, false }).n, 1);
}

/* ---- others' ---- */

static void a_source_has_only_its_own(void **state)
{
	static struct test_message m;
	struct fixture *x = *state;
	int64_t inbox = fetcher_folder(&x->f, "INBOX", 1);
	struct spool_origin mine, o;
	unsigned ways = 0;

	message_make(&m, 1, "office", "INBOX");
	message_fetched(&m, &o, inbox, 5, NULL);
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_ACCEPTED);
	mine = origins_of(&x->f, inbox, 0).o[0];
	mine.name = NULL;
	mine.fate = ORIGIN_KNOWN;
	for (int act = ORIGIN_ADD; act <= ORIGIN_FORGET; act++) {
		struct test_fetcher other;
		struct origin_change c = { (enum origin_act)act, mine };
		struct err e = { 0 };

		fetcher_start(&x->t, &other, "other");
		assert_int_equal(spool_source_change(other.memory, &c, 1, &e), -1);
		fetcher_end(&other);
		ways++;
	}
	for (int way = 0; way < 6; way++) {
		struct test_fetcher other;
		struct err e = { 0 };
		struct origin_folder folder = { .number = inbox };
		struct spool_origin own = { .fate = ORIGIN_KNOWN, .uid = 1 };
		struct origin_change c = { ORIGIN_RENAME, own };

		fetcher_start(&x->t, &other, "other");
		switch (way) {
		case 0:
			assert_int_equal(spool_source_folder_drop(other.memory, inbox, &e), -1);
			break;
		case 1:
			assert_int_equal(spool_source_folder_put(other.memory, &folder, &e), -1);
			break;
		case 2:
			assert_int_equal(spool_source_origins(other.memory, inbox, 0, see, NULL, &e), -1);
			break;
		case 3: /* into another's folder */
			own.folder = fetcher_folder(&other, "INBOX", 1);
			change(&other, ORIGIN_ADD, own);
			c.o.number = origins_of(&other, own.folder, 0).o[0].number;
			c.o.folder = inbox;
			assert_int_equal(spool_source_change(other.memory, &c, 1, &e), -1);
			break;
		case 4:
			message_make(&m, 2, "office", "INBOX");
			message_fetched(&m, &o, inbox, 6, NULL);
			assert_int_equal(accept_by(&x->t, other.door, &m.m).answer, SPOOL_LOST);
			break;
		default: /* a row of another's, said to be in a folder of its own */
			message_make(&m, 2, "office", "INBOX");
			message_fetched(&m, &o, fetcher_folder(&other, "INBOX", 1), 6, NULL);
			o.number = mine.number;
			assert_int_equal(accept_by(&x->t, other.door, &m.m).answer, SPOOL_LOST);
			break;
		}
		fetcher_end(&other);
		ways++;
	}
	assert_int_equal(ways, 14);
	assert_int_equal(origins_of(&x->f, inbox, 0).n, 1);
	assert_int_equal(origins_of(&x->f, inbox, 0).o[0].fate, ORIGIN_TAKEN);
	/* Mail without an origin is not a fetcher's; mail with one not a receiver's; nor does one take what it may not.
	 */
	message_make(&m, 3, "office", "INBOX");
	message_fetched(&m, &o, inbox, 9, NULL);
	assert_int_equal(accept_now(&x->t, &m.m).answer, SPOOL_LOST);
	m.m.origin = NULL;
	assert_int_equal(accept_by(&x->t, x->f.door, &m.m).answer, SPOOL_LOST);
	assert_int_equal(origins_of(&x->f, inbox, 0).n, 1);
}

static void its_own_mail_is_recognised(void **state)
{
	static struct test_message m;
	struct fixture *x = *state;
	const char *ids[6] = { "d000000000000001", "d100000000000001", "d999999999999999", "nonsense", NULL,
			       "D000000000000001" };
	bool mine[6];
	struct err e;

	message_make(&m, 1, "office", "INBOX");
	m.m.ndeliveries = 2;
	assert_int_equal(accept_now(&x->t, &m.m).answer, SPOOL_ACCEPTED);
	assert_int_equal(spool_source_mine(x->f.memory, ids, 6, mine, &e), 0);
	assert_true(mine[0] && mine[1]);
	assert_false(mine[2] || mine[3] || mine[4] || mine[5]);
	assert_int_equal(spool_source_mine(x->f.memory, ids + 3, 2, mine, &e), 0);
	assert_int_equal(spool_source_mine(x->f.memory, ids, 0, mine, &e), 0);
}

/* ---- runs ---- */

static void runs_are_remembered(void **state)
{
	struct fixture *x = *state;
	struct source_run r = { 0 }, last;
	struct err e;

	assert_int_equal(spool_source_last(x->f.memory, &last, &e), 0);
	assert_int_equal(last.started_ms, 0);
	r = (struct source_run){ .started_ms = 100 };
	assert_int_equal(spool_source_ran(x->f.memory, &r, &e), 0);
	assert_int_equal(spool_source_last(x->f.memory, &last, &e), 0);
	assert_int_equal(last.started_ms, 100);
	assert_int_equal(last.ended_ms, 0);
	for (unsigned i = 0; i < 3; i++) {
		r = (struct source_run){ .started_ms = 200 + i,
					 .ended_ms = 300 + i,
					 .end = "server-away",
					 .words = "no\nroute",
					 .messages = 1,
					 .octets = 2,
					 .skipped = 3,
					 .known = 4,
					 .removed = 5,
					 .moved = 6,
					 .marked = 7,
					 .next_ms = 900,
					 .failures = 77 };
		assert_int_equal(spool_source_ran(x->f.memory, &r, &e), 0);
	}
	assert_int_equal(spool_source_last(x->f.memory, &last, &e), 0);
	assert_int_equal(last.failures, 3);
	assert_int_equal(last.ok_ms, 0);
	assert_string_equal(last.end, "server-away");
	assert_string_equal(last.words, "no route");
	assert_int_equal(last.messages, 1);
	assert_int_equal(last.octets, 2);
	assert_int_equal(last.skipped, 3);
	assert_int_equal(last.known, 4);
	assert_int_equal(last.removed, 5);
	assert_int_equal(last.moved, 6);
	assert_int_equal(last.marked, 7);
	assert_int_equal(last.next_ms, 900);
	/* One that begins leaves the count alone, one that ends well ends it. */
	r = (struct source_run){ .started_ms = 400 };
	assert_int_equal(spool_source_ran(x->f.memory, &r, &e), 0);
	assert_int_equal(spool_source_last(x->f.memory, &last, &e), 0);
	assert_int_equal(last.failures, 3);
	r = (struct source_run){ .started_ms = 400, .ended_ms = 500, .end = "ok" };
	assert_int_equal(spool_source_ran(x->f.memory, &r, &e), 0);
	leave(x);
	spool_reopen(&x->t, SIGKILL);
	connect_all(x);
	assert_int_equal(spool_source_last(x->f.memory, &last, &e), 0);
	assert_int_equal(last.failures, 0);
	assert_int_equal(last.ok_ms, 500);
	assert_null(last.words);
}

int main(void)
{
#define WITH_SPOOL(fn) cmocka_unit_test_setup_teardown(fn, make_fixture, free_fixture)
	const struct CMUnitTest tests[] = {
		WITH_SPOOL(folders_have_generations),
		WITH_SPOOL(each_change_does_what_it_says),
		WITH_SPOOL(what_was_taken_is_not_taken_back),
		WITH_SPOOL(pages_meet_each_once),
		WITH_SPOOL(what_is_due_is_found),
		WITH_SPOOL(a_source_has_only_its_own),
		WITH_SPOOL(its_own_mail_is_recognised),
		WITH_SPOOL(runs_are_remembered),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	return cmocka_run_group_tests_name("spool_source", tests, NULL, NULL);
}
