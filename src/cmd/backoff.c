#include "cmd/backoff.h"

int64_t backoff_next(struct backoff *b, int64_t lived_ms)
{
	if (lived_ms >= BACKOFF_FORGET_MS || b->delay_ms == 0)
		b->delay_ms = BACKOFF_MIN_MS;
	else if (b->delay_ms < BACKOFF_MAX_MS / 2)
		b->delay_ms *= 2;
	else
		b->delay_ms = BACKOFF_MAX_MS;
	return b->delay_ms;
}
