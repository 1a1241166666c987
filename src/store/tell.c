#include "store/tell.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "imap/mailbox.h"

enum { AGAIN_MS = 60 * 60 * 1000 };

/* The prefix of personal folders as people would write it: "INBOX." is "INBOX/". */
static char *people_prefix(const struct folder_style *style)
{
	struct folder_style bare = { .own = { .separator = style->own.separator } };

	return folder_from_wire(&bare, style->own.prefix);
}

static void write_facts(struct imap *s, const struct catalog *c, uint64_t limit, struct buf *out)
{
	const struct folder_style *style = imap_style(s);
	char *prefix = people_prefix(style);
	bool cut = !c->known || c->cut;
	size_t n = 0;

	facts_begin(out, limit, style->own.separator, prefix);
	for (size_t i = 0; i < c->n; i++) {
		const struct catalog_folder *f = &c->all[i];

		if (!f->select || !f->plain)
			continue;
		if (n++ == FACTS_FOLDERS_MAX || !facts_add(out, f->name, f->uses)) {
			cut = true;
			break;
		}
	}
	facts_end(out, cut);
	free(prefix);
}

static bool is_due(const struct tell *t, bool idle, bool made, int64_t now)
{
	/* The clock may have been set back. */
	if (t->told_ms > now)
		return idle;
	if (!idle)
		return t->told_ms != 0 && now - t->told_ms >= 2 * AGAIN_MS;
	return made || now - t->told_ms >= AGAIN_MS;
}

int tell_facts(struct tell *t, bool idle, struct imap *s, struct spool_store *spool, struct err *e)
{
	int64_t now = clock_wall_ms();
	const struct catalog *c;
	struct buf text;
	uint64_t limit;
	struct err why;

	if (!t->asked && spool_told(spool, &t->told_ms, &why) != 0) {
		log_warning("facts-not-told", LOG_STR("reason", why.text));
		return 0;
	}
	t->asked = true;
	if (!is_due(t, idle, idle && mailbox_made(s), now))
		return 0;
	t->told_ms = now;
	if (mailbox_append_limit(s, "INBOX", &limit, e) != 0 || mailbox_catalog(s, true, &c, e) != 0)
		return -1;
	buf_init(&text, FACTS_MAX);
	write_facts(s, c, limit, &text);
	if (spool_tell(spool, buf_slice(&text), &why) != 0)
		log_warning("facts-not-told", LOG_STR("reason", why.text));
	buf_free(&text);
	return 0;
}
