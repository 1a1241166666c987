/* What the operator must know: from the role that found it to a receiver, which takes mail in. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/supervisor.h"
#include "config/config.h"
#include "intake/notice.h"
#include "role/role.h"

/* A notice that is one too many costs the rules a run, so a role in a frenzy is not listened to. That there is one a
 * day is the spool's care (intake/notice.h). */
enum { NOTICE_SPACING_MS = 60 * 1000, WAITING_MAX = 32 };

/* What is found before the first receiver is ready waits for it: many a thing is told only once a day. */
struct waiting_notice {
	struct waiting_notice *next;
	int64_t kind;
	char *name, *text; /* owned */
};

void supervisor_notice(struct supervisor *sup, struct slot *s, int64_t kind, const char *text)
{
	int64_t now = clock_mono_ms();

	if (s == NULL || text == NULL || sup->setup->config->operator == NULL ||
	    (s->noticed != 0 && now - s->noticed < NOTICE_SPACING_MS))
		return;
	s->noticed = now;
	supervisor_tell(sup, s->account, kind, text);
}

static void keep(struct supervisor *sup, const char *name, int64_t kind, const char *text)
{
	struct waiting_notice **end = &sup->notices, *n;
	unsigned waiting = 0;

	for (; *end != NULL; end = &(*end)->next)
		waiting++;
	if (waiting == WAITING_MAX)
		return;
	n = mem_alloc(sizeof *n);
	n->kind = kind;
	n->name = mem_strdup(name);
	n->text = mem_strdup(text);
	*end = n;
}

static struct waiting_notice *take(struct supervisor *sup)
{
	struct waiting_notice *n = sup->notices;

	if (n != NULL)
		sup->notices = n->next;
	return n;
}

static void notice_free(struct waiting_notice *n)
{
	free(n->name);
	free(n->text);
	free(n);
}

void supervisor_notices_say(struct supervisor *sup)
{
	struct waiting_notice *n;

	while (worker_of_kind(sup, SLOT_RECEIVER) != NULL && (n = take(sup)) != NULL) {
		supervisor_tell(sup, n->name, n->kind, n->text);
		notice_free(n);
	}
}

void supervisor_notices_free(struct supervisor *sup)
{
	struct waiting_notice *n;

	while ((n = take(sup)) != NULL)
		notice_free(n);
}

void supervisor_tell(struct supervisor *sup, const char *name, int64_t kind, const char *text)
{
	struct worker *receiver = worker_of_kind(sup, SLOT_RECEIVER);
	struct ipc_out out;

	if (sup->setup->config->operator == NULL || sup->sync_only)
		return;
	if (receiver == NULL) {
		keep(sup, name, kind, text);
		return;
	}
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, name);
	ipc_put_str(&out, ROLE_TAG_TEXT, text);
	ipc_put_number(&out, ROLE_TAG_KIND, kind);
	(void)worker_send(receiver, &out, -1);
	ipc_out_free(&out);
}

int supervisor_held(struct supervisor *sup, struct slice fields)
{
	char *text = ipc_get_str(fields, ROLE_TAG_TEXT, ROLE_TEXT_MAX);

	/* Not spaced like the relay's own, which may have had one this minute: the spool sees to that. */
	if (text != NULL)
		supervisor_tell(sup, CONFIG_RELAY, NOTICE_RELAY_WAITS, text);
	free(text);
	return 0;
}
