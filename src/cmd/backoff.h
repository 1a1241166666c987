/*
 * How long to wait before something that ended is started again: 100 ms, doubled
 * each time up to 30 s, forgotten after a minute of life. Nothing that fails at
 * once can spin.
 */
#ifndef MAILFERRY_CMD_BACKOFF_H
#define MAILFERRY_CMD_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 30 * 1000, BACKOFF_FORGET_MS = 60 * 1000 };

struct backoff { /* all zero at first */
	int64_t delay_ms;
};

/* It ended after LIVED_MS: milliseconds to wait before the next start. */
int64_t backoff_next(struct backoff *b, int64_t lived_ms);

#endif
