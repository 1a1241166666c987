/* What the accounts' stores are like, and how large a message may be for them. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "intake/internal.h"
#include "msg/received.h"

enum {
	/* Our own words in the lines that received_lines writes, with keywords, blanks, date, id, address, protocol. */
	LINES_COST = 512,
	ADDRESS_COST = 20,	 /* around an address: "Delivered-To: ", its line end */
	LIMIT_LEAST = 16 * 1024, /* of a store: below it is a slip, or no wish for mail at all */
	TRUSTED_MS = 36 * 60 * 60 * 1000
};

const struct facts *intake_facts(const struct intake *in, const struct config_account *a)
{
	return &in->facts[a - in->config->accounts];
}

const char *intake_account_name(const struct config_account *a)
{
	return a == NULL ? CONFIG_RELAY : a->name;
}

/* ---- the relay ---- */

/* Of the local calendar, as the spool counts. */
static int64_t today(void)
{
	time_t t = time(NULL);
	struct tm tm;

	return localtime_r(&t, &tm) == NULL ? 0 : (int64_t)tm.tm_year * 1000 + tm.tm_yday + 1;
}

void intake_set_relay_left(struct intake *in, const struct config_relay_for *g, uint64_t n)
{
	in->left[g - in->config->relay_for] = (struct intake_left){ today(), n };
}

uint64_t intake_relay_left(const struct intake *in, const struct config_relay_for *g)
{
	const struct intake_left *l = &in->left[g - in->config->relay_for];

	return l->day != 0 && l->day == today() ? l->n : g->daily;
}

void intake_set_relay_facts(struct intake *in, int64_t at_ms, struct facts *f)
{
	const size_t i = in->config->naccounts;

	facts_free(&in->facts[i]);
	in->facts[i] = *f;
	in->facts_at[i] = at_ms;
	*f = (struct facts){ .append_limit = UINT64_MAX };
}

/* ---- stores ---- */

void intake_set_facts(struct intake *in, const char *account, int64_t at_ms, struct facts *f)
{
	for (size_t i = 0; i < in->config->naccounts; i++) {
		if (strcmp(in->config->accounts[i].name, account) != 0)
			continue;
		in->nutf8 = in->nutf8 - (in->facts[i].utf8 ? 1 : 0) + (f->utf8 ? 1 : 0);
		facts_free(&in->facts[i]);
		in->facts[i] = *f;
		in->facts_at[i] = at_ms;
		*f = (struct facts){ .append_limit = UINT64_MAX };
	}
	facts_free(f);
}

/* What the store of account I takes, UINT64_MAX: not known, or not to be relied on. */
static uint64_t limit_of(const struct intake *in, size_t i)
{
	uint64_t limit = in->facts[i].append_limit;

	if (limit < LIMIT_LEAST || clock_wall_ms() - in->facts_at[i] > TRUSTED_MS)
		return UINT64_MAX;
	return limit;
}

/* Return-Path, Received, and for one recipient its address twice: an upper bound. */
static uint64_t lines_cost(const struct intake *in)
{
	size_t hostname = strlen(in->config->hostname);

	hostname = hostname < RECEIVED_WORD_MAX ? hostname : RECEIVED_WORD_MAX;
	return LINES_COST + hostname + 2 * RECEIVED_WORD_MAX;
}

size_t intake_envelope_cost(const char *sender, const char *recipient)
{
	size_t s = strlen(sender), r = strlen(recipient);

	s = s < RECEIVED_ADDRESS_MAX ? s : RECEIVED_ADDRESS_MAX;
	r = r < RECEIVED_ADDRESS_MAX ? r : RECEIVED_ADDRESS_MAX;
	return s + 2 * (r + ADDRESS_COST);
}

static uint64_t size_max(const struct intake *in, size_t account, size_t envelope)
{
	uint64_t most = (uint64_t)in->config->limits.message_size, limit = limit_of(in, account);
	uint64_t ours = lines_cost(in) + envelope;

	if (limit == UINT64_MAX)
		return most;
	limit = limit > ours ? limit - ours : 1;
	return limit < most ? limit : most;
}

uint64_t intake_size_max(const struct intake *in, const struct config_account *a, size_t envelope)
{
	return size_max(in, (size_t)(a - in->config->accounts), envelope);
}

uint64_t intake_relay_size_max(const struct intake *in)
{
	return size_max(in, in->config->naccounts, 0);
}

uint64_t intake_size_offer(const struct intake *in)
{
	uint64_t best = 0;

	for (size_t i = 0; i < in->config->naccounts; i++) {
		uint64_t one = intake_size_max(in, &in->config->accounts[i], 0);

		best = one > best ? one : best;
	}
	return best == 0 ? (uint64_t)in->config->limits.message_size : best;
}

enum intake_utf8 intake_utf8_of(const struct intake *in, const struct config_account *a)
{
	const struct facts *f = intake_facts(in, a);

	if (f->text == NULL)
		return INTAKE_UTF8_UNKNOWN;
	return f->utf8 ? INTAKE_UTF8_YES : INTAKE_UTF8_NO;
}

bool intake_utf8_offer(const struct intake *in)
{
	return in->nutf8 > 0;
}
