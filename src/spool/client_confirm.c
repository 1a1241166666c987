/* What becomes of replies, told to the spool. */
#include "spool/client_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum { UNANSWERED_MAX = 1000, CONFIRMS_MS = 100 };

/* ---- confirmations: a message each, so not a packet each ---- */

/* False when there is nothing to send. */
bool door_put_confirms(struct spool_intake *s)
{
	if (s->nconfirms == 0 || s->channel == NULL)
		return false;
	packets_begin(&s->packets, REQUEST_CONFIRM, 0);
	for (size_t i = 0; i < s->nconfirms; i++)
		packets_put(&s->packets, &wire_ask, &s->confirms[i]);
	s->nconfirms = 0;
	return !s->packets.failed;
}

void door_send_confirms(struct spool_intake *s)
{
	if (door_put_confirms(s) && door_send(s) != 0)
		door_lose(s);
}

void door_on_confirms(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	door_send_confirms(arg);
}

void spool_confirm(struct spool_intake *s, int64_t ticket, enum spool_reply what)
{
	const struct timeval soon = { .tv_usec = CONFIRMS_MS * 1000 };

	if (s->channel == NULL)
		return;
	s->confirms[s->nconfirms++] = (struct ask){ .number = ticket, .count = (int)what };
	/* What is said before something happens must be out when it happens. */
	if (s->nconfirms == CONFIRMS_MAX || what == SPOOL_SAYING)
		door_send_confirms(s);
	else if (!evtimer_pending(s->confirm_timer, NULL))
		(void)evtimer_add(s->confirm_timer, &soon);
}

/* ---- replies that were lost with the spool ---- */

void spool_unanswered(struct spool_intake *s, const char *id)
{
	if (s->channel != NULL) {
		door_send_ask(s, REQUEST_CONFIRM, &(struct ask){ .count = SPOOL_UNREAD, .text = id });
		return;
	}
	if (s->nunanswered == UNANSWERED_MAX)
		return;
	s->unanswered = mem_resize(s->unanswered, s->nunanswered + 1, sizeof *s->unanswered);
	s->unanswered[s->nunanswered++] = mem_strdup(id);
}

void door_free_unanswered(struct spool_intake *s)
{
	for (size_t i = 0; i < s->nunanswered; i++)
		free(s->unanswered[i]);
	free(s->unanswered);
	s->unanswered = NULL;
	s->nunanswered = 0;
}

void door_send_unanswered(struct spool_intake *s)
{
	for (size_t i = 0; i < s->nunanswered; i++)
		door_send_ask(s, REQUEST_CONFIRM, &(struct ask){ .count = SPOOL_UNREAD, .text = s->unanswered[i] });
	door_free_unanswered(s);
}
