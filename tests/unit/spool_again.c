/* Histories drawn from seeds of messages that come again, replies that are read or not, receivers that leave and spools
 * that start again, held against a plain reference. SPOOL_AGAIN_HISTORIES=N for a long run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool_tools.h"

enum { CONTENTS = 4, PEOPLE = 3, DOORS = 2, ROWS = 2000, STEPS = 40, WAIT_MS = 120000 };

/* One recipient of one reply. Contents with an even number have a Message-ID. */
struct row {
	bool used, unread, said;
	bool old; /* of a spool that has ended: whose it was is not known any more */
	int content, who, door;
	int64_t ticket;
	unsigned message;
};

struct world {
	struct test_spool t;
	struct spool_intake *doors[DOORS];
	struct row rows[ROWS];
	unsigned folders[ROWS]; /* of a message: whose folders got it, as bits */
	unsigned nmessages;
	uint32_t seed;
};

static unsigned dice(struct world *w, unsigned n)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % n;
}

static void on_lost(void *arg)
{
	(void)arg;
}

static void door_open(struct world *w, int i)
{
	w->doors[i] = spool_intake_new(w->t.base, spool_peer(&w->t, SPOOL_PEER_INTAKE, ""), on_lost, NULL);
}

/* ---- the reference ---- */

static struct row *known(struct world *w, int content, int who)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &w->rows[i];

		if (r->used && r->content == content && r->who == who && (content % 2 == 0 || r->unread))
			return r;
	}
	return NULL;
}

static struct row *row_new(struct world *w)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!w->rows[i].used)
			return &w->rows[i];
	abort();
}

/* ---- both ---- */

static void fill(struct test_message *m, unsigned number, int content, unsigned people)
{
	static const char *const folders[PEOPLE] = { "A", "B", "C" };
	static char addresses[PEOPLE][40], to[PEOPLE][2];
	size_t n = 0;

	message_make(m, number, "office", "A");
	m->m.message_id = content % 2 == 0 ? "<x@example.org>" : NULL;
	for (int who = 0; who < PEOPLE; who++) {
		if ((people >> who & 1) == 0)
			continue;
		(void)snprintf(addresses[who], sizeof addresses[who], "%d@office.example", who);
		m->r[n] = (struct spool_recipient){ .address = addresses[who], .account = "office", .verdict = "keep" };
		memset(m->r[n].fingerprint, 0, SPOOL_FINGERPRINT_SIZE);
		(void)snprintf((char *)m->r[n].fingerprint, SPOOL_FINGERPRINT_SIZE, "%d %d", content, who);
		to[n][1] = (char)n;
		m->d[n].folder = folders[who];
		m->d[n].to = slice_of(to[n], 2);
		n++;
	}
	m->m.nrecipients = m->m.ndeliveries = n;
}

static void take(struct world *w, int door, int content, unsigned people)
{
	static struct test_message m;
	const unsigned number = w->nmessages++;
	unsigned firsts = 0, queued = 0, all = 0, nknown = 0, first = 0;
	struct row *by[PEOPLE] = { NULL };
	bool earlier[ROWS] = { false };
	struct test_answer a;
	char id[20];

	for (int who = 0; who < PEOPLE; who++) {
		if ((people >> who & 1) == 0)
			continue;
		all++;
		by[who] = known(w, content, who);
		if (by[who] == NULL)
			continue;
		if (nknown++ == 0)
			first = by[who]->message;
		earlier[by[who]->message] = true;
		firsts++;
	}
	fill(&m, number, content, people);
	a = accept_by(&w->t, w->doors[door], &m.m);
	if (a.answer != (firsts == all ? SPOOL_DUPLICATE : SPOOL_ACCEPTED))
		fail_msg("message %u: content %d for %x: answer %d, %u of %u are known", number, content, people,
			 (int)a.answer, nknown, all);
	(void)snprintf(id, sizeof id, "m%015u", first);
	if (firsts == all)
		assert_string_equal(a.id, id);
	for (int who = 0; who < PEOPLE; who++) {
		bool got = by[who] != NULL;

		for (unsigned k = 0; k < number && !got; k++)
			got = earlier[k] && (w->folders[k] >> who & 1) != 0;
		if (firsts < all && (people >> who & 1) != 0 && !got)
			w->folders[number] |= 1u << who;
	}
	for (size_t i = 0, who = 0; firsts < all && i < m.m.ndeliveries; who++)
		if ((people >> who & 1) != 0) {
			bool is = state_of(&w->t, m.ids[i++]) == DELIVERY_QUEUED;

			queued += is;
			if (is != ((w->folders[number] >> who & 1) != 0))
				fail_msg("message %u: delivery for %zu %s", number, who, is ? "is queued" : "is not");
		}
	for (int who = 0; who < PEOPLE; who++) {
		struct row *r = by[who];

		if ((people >> who & 1) == 0)
			continue;
		if (r == NULL) {
			r = row_new(w);
			r->message = number;
		}
		*r = (struct row){ .used = true,
				   .content = content,
				   .who = who,
				   .door = door,
				   .ticket = a.ticket,
				   .message = r->message };
	}
}

static int64_t any_ticket(struct world *w, int door)
{
	int64_t found = 0;
	unsigned n = 0;

	for (size_t i = 0; i < ROWS; i++)
		if (w->rows[i].used && w->rows[i].door == door && dice(w, ++n) == 0)
			found = w->rows[i].ticket;
	return found;
}

/* So that the reference need not say which of two alike is meant. */
static bool another_is_unread(struct world *w, int64_t ticket)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &w->rows[i];

		if (r->used && r->ticket == ticket && r->content % 2 != 0) {
			struct row *k = known(w, r->content, r->who);

			if (k != NULL && k->ticket != ticket)
				return true;
		}
	}
	return false;
}

static void tell(struct world *w, int door, int owner)
{
	const int64_t ticket = any_ticket(w, owner);
	const enum spool_reply what = (enum spool_reply)(SPOOL_READ + dice(w, SPOOL_UNSURE));

	if (ticket == 0 || (what == SPOOL_UNREAD && another_is_unread(w, ticket)))
		return;
	spool_confirm(w->doors[door], ticket, what);
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &w->rows[i];

		if (!r->used || r->ticket != ticket || (door != owner && !r->old))
			continue;
		r->said = true;
		if (what == SPOOL_READ)
			r->used = false;
		else if (what == SPOOL_UNREAD)
			r->unread = true;
		else if (what == SPOOL_UNSURE)
			r->unread = false;
	}
}

static void leave(struct world *w, int door)
{
	spool_intake_free(&w->doors[door]);
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &w->rows[i];

		if (!r->used || r->door != door)
			continue;
		if (r->content % 2 != 0 && !r->said && !r->unread && another_is_unread(w, r->ticket))
			fail_msg("the history leaves that open");
		r->unread = r->unread || !r->said;
		r->said = true;
		r->door = -1;
	}
	door_open(w, door);
}

static bool may_leave(struct world *w, int door)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct row *r = &w->rows[i];

		if (!r->used || r->door != door || r->content % 2 == 0 || r->said || r->unread)
			continue;
		for (size_t k = 0; k < ROWS; k++) {
			struct row *o = &w->rows[k];

			if (o != r && o->used && o->content == r->content && o->who == r->who &&
			    (o->unread || (o->door == door && !o->said)))
				return false;
		}
	}
	return true;
}

static void start_again(struct world *w)
{
	assert_int_equal(spool_end(&w->t, 0), 0);
	spool_start(&w->t);
	for (int i = 0; i < DOORS; i++)
		spool_intake_replace(w->doors[i], spool_peer(&w->t, SPOOL_PEER_INTAKE, ""));
	/* Who has not said a reply may still do so, and nobody knows any more who has not. */
	for (size_t i = 0; i < ROWS; i++)
		w->rows[i].said = w->rows[i].old = true;
}

struct question {
	bool came;
	char known[PEOPLE];
};

static void on_known(void *arg, enum spool_answer answer, struct slice all)
{
	struct question *q = arg;

	assert_int_equal(answer, SPOOL_ACCEPTED);
	assert_int_equal(all.n, PEOPLE);
	memcpy(q->known, all.p, PEOPLE);
	q->came = true;
}

/* What the spool knows is what the reference knows; it may take a moment until it has heard of all. */
static void compare(struct world *w, unsigned step)
{
	for (int content = 0; content < CONTENTS; content++) {
		static struct test_message m;
		bool same = false;

		fill(&m, 0, content, (1u << PEOPLE) - 1);
		for (int tries = 0; !same; tries++) {
			same = true;
			for (int door = 0; door < DOORS; door++) {
				struct question q = { false, { 0 } };

				(void)spool_known(w->doors[door], &m.m, on_known, &q);
				spool_wait(&w->t, &q.came);
				for (int who = 0; who < PEOPLE; who++)
					same = same && (q.known[who] != 0) == (known(w, content, who) != NULL);
			}
			if (!same && tries == WAIT_MS / 20)
				fail_msg("step %u: content %d is known otherwise", step, content);
			if (!same)
				(void)usleep(20 * 1000);
		}
	}
}

static void histories(void **state)
{
	const char *many = getenv("SPOOL_AGAIN_HISTORIES");
	const unsigned n = many == NULL ? 6 : (unsigned)strtoul(many, NULL, 10);

	(void)state;
	for (unsigned h = 0; h < n; h++) {
		static struct world w;

		w = (struct world){ .seed = h * 7919 + 1 };
		spool_make(&w.t);
		spool_start(&w.t);
		for (int i = 0; i < DOORS; i++)
			door_open(&w, i);
		for (unsigned step = 0; step < STEPS; step++) {
			const int door = (int)dice(&w, DOORS);
			const unsigned what = dice(&w, 20);

			if (what < 10)
				take(&w, door, (int)dice(&w, CONTENTS), 1 + dice(&w, (1u << PEOPLE) - 1));
			else if (what < 17)
				tell(&w, door, door);
			else if (what < 18)
				tell(&w, door, (door + 1) % DOORS); /* another's: it is not heard */
			else if (what < 19 && may_leave(&w, door))
				leave(&w, door);
			else if (dice(&w, 3) == 0)
				start_again(&w);
			compare(&w, step);
		}
		for (int i = 0; i < DOORS; i++)
			spool_intake_free(&w.doors[i]);
		spool_remove(&w.t);
	}
}

/* The spool goes with its answer, try after try, and each time it is told that the client got no reply: also where that answer
 * would have been that the message is known. */
static void answers_that_are_lost(void **state)
{
	static struct test_message m, other;
	struct test_spool t;
	char first[17];

	(void)state;
	spool_make(&t);
	spool_start(&t);
	/* The same words from somebody who is still there to read the reply. */
	message_make(&other, 9, "office", "A");
	other.m.message_id = NULL;
	memset(other.r[0].fingerprint, 7, SPOOL_FINGERPRINT_SIZE);
	assert_int_equal(accept_now(&t, &other.m).answer, SPOOL_ACCEPTED);
	for (unsigned try = 0; try < 4; try++) {
		struct test_answer a;

		message_make(&m, 10 + try, "office", "A");
		m.m.message_id = NULL;
		memset(m.r[0].fingerprint, 7, SPOOL_FINGERPRINT_SIZE);
		a = accept_now(&t, &m.m);
		assert_int_equal(a.answer, try == 0 ? SPOOL_ACCEPTED : SPOOL_DUPLICATE);
		if (try == 0)
			(void)snprintf(first, sizeof first, "%s", m.id);
		else
			assert_string_equal(a.id, first);
		(void)spool_end(&t, SIGKILL);
		spool_wait(&t, &t.lost);
		if (try < 3)
			spool_unanswered(t.intake, m.id);
		spool_start(&t);
	}
	/* Nothing was said of the last: the same bytes are news. */
	message_make(&m, 20, "office", "A");
	m.m.message_id = NULL;
	memset(m.r[0].fingerprint, 7, SPOOL_FINGERPRINT_SIZE);
	assert_int_equal(accept_now(&t, &m.m).answer, SPOOL_ACCEPTED);
	spool_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(histories), cmocka_unit_test(answers_that_are_lost) };

	return cmocka_run_group_tests_name("spool_again", tests, NULL, NULL);
}
