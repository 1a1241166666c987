#include "store/trouble.h"

#include <stdio.h>

#include "base/encode.h"
#include "imap/answers.h"

enum { QUICK_MS = 2000, PERSON_STEPS = 3, DAY_MS = 24 * 60 * 60 * 1000 };

void trouble_set(struct trouble *t, bool person, const char *text)
{
	if (t->set)
		return;
	t->set = true;
	t->person = t->tell = person;
	t->full = false;
	t->wait_ms = answers_wait(text, &t->grows);
	(void)snprintf(t->text, sizeof t->text, "%s", text);
}

void trouble_from(struct trouble *t, const struct err *e)
{
	trouble_set(t, e->class == ERR_CONFIG, e->text);
}

static int64_t jitter(int64_t ms)
{
	return ms - ms / 4 + (int64_t)random_below((uint64_t)(ms / 2) + 1);
}

int64_t trouble_backoff(const struct config_account *a, int attempts)
{
	int64_t ms = a->retry_min;

	while (attempts-- > 1 && ms < a->retry_max)
		ms *= 2;
	return jitter(ms < a->retry_max ? ms : a->retry_max);
}

int64_t trouble_hold(const struct config_account *a, const struct trouble *t, int attempts)
{
	int64_t ms, wait = t->wait_ms;

	if (t->person) /* each try costs: servers lock accounts that fail to log in too often */
		ms = trouble_backoff(a, attempts + PERSON_STEPS);
	else if (attempts <= 1)
		ms = jitter(a->retry_min < QUICK_MS ? a->retry_min : QUICK_MS);
	else
		ms = trouble_backoff(a, attempts - 1);
	for (int i = 1; t->grows && i < attempts && wait < DAY_MS; i++)
		wait = wait * 2 < DAY_MS ? wait * 2 : DAY_MS;
	return ms < wait ? wait : ms;
}
