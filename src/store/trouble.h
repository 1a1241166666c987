/* Why an account can't take anything now, and for how long to leave it alone. */
#ifndef MAILFERRY_STORE_TROUBLE_H
#define MAILFERRY_STORE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

struct trouble {
	bool set;
	bool person;	 /* only a person can mend it: no hurry */
	bool tell;	 /* a person should know: it is such, or the mailbox is full */
	int64_t wait_ms; /* that the store asked for; 0: not said */
	bool full;	 /* the mailbox is: less mail may still fit */
	bool grows;	 /* wait_ms doubles with each failure, up to a day */
	char text[600];
};

void trouble_set(struct trouble *t, bool person, const char *text);
void trouble_from(struct trouble *t, const struct err *e);

/* How long to wait after ATTEMPTS failures in a row (1 or more): doubles from retry_min to retry_max, within a quarter
 * either way so that accounts do not knock together. */
int64_t trouble_backoff(const struct config_account *a, int attempts);

/* How long to hold the account. The first failure of a network gets a quick second try. */
int64_t trouble_hold(const struct config_account *a, const struct trouble *t, int attempts);

#endif
