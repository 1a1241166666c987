/*
 * What a relay's server says. The first octet chooses what it offers, the second
 * how its octets are cut, and both how many recipients there are. Two messages are
 * sent. Whatever comes, each recipient must have one outcome, and one that nothing
 * was answered for is never done.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { MOST = 3 };

static void check(bool good)
{
	if (!good)
		abort();
}

struct parcel_fake {
	struct relay_transaction t;
	struct relay_recipient all[MOST];
	bool ended, begun;
};

static void prepare(struct parcel_fake *m, size_t recipients)
{
	static const char *const names[MOST] = { "a@example.net", "b\xc3\xa4@example.net", "c@example.net" };

	*m = (struct parcel_fake){ .t = { .sender = "s@office.example", .id = "id", .size = 3, .n = recipients } };
	m->t.all = m->all;
	for (size_t i = 0; i < recipients; i++)
		m->all[i].address = names[i];
}

static void finished(const struct parcel_fake *m)
{
	for (size_t i = 0; i < m->t.n; i++) {
		enum relay_outcome o = m->all[i].outcome;

		check(o != RELAY_OPEN && o != RELAY_NAMED);
		check(m->ended || (o != RELAY_DONE && o != RELAY_DOUBT));
		check(strlen(m->all[i].words) < RELAY_WORDS_SIZE);
	}
}

static void converse(const struct offers *offers, size_t recipients, size_t piece, struct slice says)
{
	struct relay_client *c = relay_client_new(offers);
	struct parcel_fake m[2];
	struct relay_transaction *t;
	size_t next = 0, over = 0;
	struct err e;
	bool login;

	prepare(&m[0], recipients);
	prepare(&m[1], MOST);
	for (;;) {
		struct slice in = slice_of(says.p, says.n < piece ? says.n : piece);

		while ((t = relay_client_over(c)) != NULL) {
			check(t == &m[over].t);
			finished(&m[over++]);
		}
		while (next < 2 && relay_client_ready(c)) {
			m[next].begun = true;
			relay_client_begin(c, &m[next++].t);
		}
		if ((t = relay_client_content(c)) != NULL) {
			struct parcel_fake *x = t == &m[0].t ? &m[0] : &m[1];

			relay_client_add(c, SLICE_LIT(".\nx"));
			relay_client_end(c);
			x->ended = true;
			continue;
		}
		buf_clear(relay_client_output(c));
		if (says.n == 0)
			break;
		says = slice_skip(says, in.n);
		if (relay_client_input(c, in, &e) != 0)
			break;
	}
	relay_client_lost(c, piece % 2 == 0, "gone");
	while ((t = relay_client_over(c)) != NULL) {
		check(t == &m[over].t);
		finished(&m[over++]);
	}
	check(over == next);
	check(relay_client_closing(c, &login) != NULL);
	relay_client_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct offers offers = { .what = OFFERS_EHLO };
	struct relay_reply r;
	struct slice in;
	struct err e;

	if (n < 2)
		return 0;
	offers.what |= p[0];
	offers.size = (p[0] & OFFERS_SIZE) != 0 ? p[1] % 8 : 0;
	converse(&offers, 1 + p[1] % MOST, 1 + p[1] % 50, slice_of((const char *)p + 2, n - 2));
	/* The same as a reply to EHLO. */
	relay_reply_init(&r);
	in = slice_of((const char *)p + 2, n - 2);
	while (in.n > 0 && relay_reply_feed(&r, &in, &e) == 1) {
		char words[RELAY_WORDS_SIZE];

		offers_read(&r, &offers);
		check(strlen(offers.mechanisms) < sizeof offers.mechanisms);
		check(strlen(relay_reply_words(&r, words)) < RELAY_WORDS_SIZE);
	}
	relay_reply_free(&r);
	return 0;
}
