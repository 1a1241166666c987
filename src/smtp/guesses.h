/*
 * How many wrong passwords are borne: of an address, and of a user wherever they
 * come from; and how much work passwords may make in all. What was counted
 * stands in the meter (smtp/meter.h), so it holds over connections and for all
 * receivers, and drains within an hour.
 *
 * Where a user once got in from is remembered for a month. From there he has a
 * count of his own, which neither strangers at the same address nor those who
 * try his name from elsewhere can use up, and no part in the bound on work.
 */
#ifndef MAILFERRY_SMTP_GUESSES_H
#define MAILFERRY_SMTP_GUESSES_H

#include "config/config.h"
#include "smtp/meter.h"

struct guess {
	struct meter *meter; /* NULL: nothing is counted */
	const struct config *config;
	struct meter_key address;
	const char *user;
	unsigned cost; /* of the check, in rounds of the hash */
};

enum guess_answer {
	GUESS_ALLOWED,
	GUESS_ADDRESS, /* too many wrong ones from that address */
	GUESS_USER,    /* too many for that user */
	GUESS_WORK     /* too much to do just now */
};

/* May it be looked whether the password is right? Said anew each time: it counts as work. */
enum guess_answer guess_ask(const struct guess *g, int64_t now_ms);

/* An exchange was refused before any password was looked at. It counts for the address alone: whoever tries none must not
 * be able to shut a user out. */
enum guess_answer guess_refused(const struct guess *g, int64_t now_ms);

void guess_wrong(const struct guess *g, int64_t now_ms);
void guess_right(const struct guess *g, int64_t now_ms);

#endif
