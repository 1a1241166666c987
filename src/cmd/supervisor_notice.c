/* What the operator must know: from the role that found it to a receiver, which takes mail in. */
#include "base/clock.h"
#include "cmd/supervisor.h"
#include "role/role.h"

/* A notice that is one too many costs the rules a run, so a role in a frenzy is not listened to. That there is one a
 * day is the spool's care (intake/notice.h). */
enum { NOTICE_SPACING_MS = 60 * 1000 };

void supervisor_notice(struct supervisor *sup, struct slot *s, int64_t kind, const char *text)
{
	struct worker *receiver = worker_of_kind(sup, SLOT_RECEIVER);
	int64_t now = clock_mono_ms();
	struct ipc_out out;

	/* Without a receiver at this moment it is not said: what lasts is reported again. */
	if (sup->setup->config->operator== NULL || s == NULL || receiver == NULL ||
	    text == NULL ||(s->noticed != 0 && now - s->noticed < NOTICE_SPACING_MS))
		return;
	s->noticed = now;
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_NOTICE, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, s->account);
	ipc_put_str(&out, ROLE_TAG_TEXT, text);
	ipc_put_number(&out, ROLE_TAG_KIND, kind);
	(void)worker_send(receiver, &out, -1);
	ipc_out_free(&out);
}
