#include "smtp/guesses.h"

#include <string.h>

#include "base/mem.h"

enum {
	HOUR_MS = 3600 * 1000,
	/* A processor does one and a half million in a second: an eighth of one. */
	WORK_ROUNDS = 2000000,
	WORK_MS = 10 * 1000
};

static const struct meter_rate place_rate = { 1, INT64_C(30) * 24 * HOUR_MS };

static struct meter_key user_key(const struct guess *g)
{
	return meter_key_bytes(g->user, strlen(g->user));
}

/* The user at that address; all UNIX sockets are one place. */
static struct meter_key place_key(const struct guess *g)
{
	struct meter_key key = user_key(g);
	uint64_t words[4] = { key.hi, key.lo, g->address.hi, g->address.lo };

	key = meter_key_bytes(words, sizeof words);
	return key;
}

static struct meter_rate hourly(unsigned most)
{
	return (struct meter_rate){ most, HOUR_MS };
}

static bool is_known(const struct guess *g, int64_t now_ms)
{
	return meter_is_over(g->meter, METER_PLACES, place_key(g), place_rate, now_ms);
}

/* A check of W rounds is one of as many as there is room for. */
static bool take_work(const struct guess *g, int64_t now_ms)
{
	const unsigned most = g->cost == 0 ? WORK_ROUNDS : WORK_ROUNDS / g->cost;

	return meter_take(g->meter, METER_WORK, meter_key_bytes("", 0),
			  (struct meter_rate){ most == 0 ? 1 : most, WORK_MS }, now_ms);
}

enum guess_answer guess_ask(const struct guess *g, int64_t now_ms)
{
	const struct meter_rate of_user = hourly(g->config->limits.guesses_per_user);

	if (g->meter == NULL)
		return GUESS_ALLOWED;
	if (is_known(g, now_ms))
		return meter_is_over(g->meter, METER_GUESSES_PLACE, place_key(g), of_user, now_ms) ? GUESS_USER
												    : GUESS_ALLOWED;
	if (meter_is_over(g->meter, METER_GUESSES, g->address, hourly(g->config->limits.guesses), now_ms))
		return GUESS_ADDRESS;
	if (meter_is_over(g->meter, METER_GUESSES_USER, user_key(g), of_user, now_ms))
		return GUESS_USER;
	return take_work(g, now_ms) ? GUESS_ALLOWED : GUESS_WORK;
}

enum guess_answer guess_refused(const struct guess *g, int64_t now_ms)
{
	const struct meter_rate rate = hourly(g->config->limits.guesses);

	if (g->meter == NULL || is_known(g, now_ms))
		return GUESS_ALLOWED;
	if (meter_is_over(g->meter, METER_GUESSES, g->address, rate, now_ms))
		return GUESS_ADDRESS;
	meter_add(g->meter, METER_GUESSES, g->address, rate, now_ms);
	return GUESS_ALLOWED;
}

void guess_wrong(const struct guess *g, int64_t now_ms)
{
	const struct meter_rate of_user = hourly(g->config->limits.guesses_per_user);

	if (g->meter == NULL)
		return;
	if (is_known(g, now_ms)) {
		meter_add(g->meter, METER_GUESSES_PLACE, place_key(g), of_user, now_ms);
		return;
	}
	meter_add(g->meter, METER_GUESSES, g->address, hourly(g->config->limits.guesses), now_ms);
	meter_add(g->meter, METER_GUESSES_USER, user_key(g), of_user, now_ms);
}

void guess_right(const struct guess *g, int64_t now_ms)
{
	if (g->meter == NULL)
		return;
	/* Anew each time: a month from now. */
	meter_clear(g->meter, METER_PLACES, place_key(g));
	(void)meter_take(g->meter, METER_PLACES, place_key(g), place_rate, now_ms);
	meter_clear(g->meter, METER_GUESSES_PLACE, place_key(g));
}
