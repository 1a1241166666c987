#include "store/tell.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "imap/mailbox.h"
#include "imap/metadata.h"

enum { AGAIN_MS = 60 * 60 * 1000, AT_ONCE = 32, ANNOTATED_MAX = 200 /* folders */ };

/* The prefix of personal folders as people would write it: "INBOX." is "INBOX/". */
static char *people_prefix(const struct folder_style *style)
{
	struct folder_style bare = { .own = { .separator = style->own.separator } };

	return folder_from_wire(&bare, style->own.prefix);
}

/* What is written: the folders, one by one, with their annotations. */
struct writing {
	struct imap *session;
	const struct catalog *catalog;
	struct buf *out;
	size_t annotations; /* octets */
	uint32_t tags[AT_ONCE];
	size_t asked; /* for the annotations of so many of the catalog */
	bool left_out; /* the folder whose annotations come */
	bool cut;
};

static void annotate(void *arg, struct slice entry, struct slice value)
{
	struct writing *w = arg;

	if (!w->cut && !w->left_out)
		facts_annotate(w->out, &w->annotations, entry, value);
}

static bool is_told(const struct catalog_folder *f)
{
	return f->select && f->plain;
}

static bool has_annotations(const struct writing *w, size_t i)
{
	return metadata_of_mailboxes(w->session) && i < ANNOTATED_MAX && is_told(&w->catalog->all[i]);
}

/* Those of the store itself. */
static int write_server(struct writing *w, struct err *e)
{
	uint32_t tag;

	if (!metadata_of_server(w->session))
		return 0;
	return metadata_ask(w->session, "", &tag, e) == 0 ? metadata_read(w->session, tag, annotate, w, e) : -1;
}

static int write_folder(struct writing *w, size_t i, struct err *e)
{
	const struct catalog *c = w->catalog;
	const struct catalog_folder *f = &c->all[i];
	size_t before;

	for (; w->asked < c->n && w->asked < i + AT_ONCE; w->asked++)
		if (has_annotations(w, w->asked) &&
		    metadata_ask(w->session, c->all[w->asked].wire, &w->tags[w->asked % AT_ONCE], e) != 0)
			return -1;
	if (!is_told(f))
		return 0;
	before = w->out->n;
	w->cut = w->cut || !facts_add_with_id(w->out, f->name, f->uses, f->id);
	w->left_out = w->out->n == before;
	return has_annotations(w, i) ? metadata_read(w->session, w->tags[i % AT_ONCE], annotate, w, e) : 0;
}

static int write_facts(struct imap *s, const struct catalog *c, uint64_t limit, struct buf *out, struct err *e)
{
	struct writing w = { .session = s, .catalog = c, .out = out };
	const struct folder_style *style = imap_style(s);
	char *prefix = people_prefix(style);
	size_t n = 0;
	int ret;

	facts_begin(out, limit, imap_utf8(s), style->own.separator, prefix);
	free(prefix);
	ret = write_server(&w, e);
	for (size_t i = 0; i < c->n && ret == 0; i++) {
		w.cut = w.cut || (is_told(&c->all[i]) && n++ == FACTS_FOLDERS_MAX);
		ret = write_folder(&w, i, e);
	}
	facts_end(out, w.cut || !c->known || c->cut);
	return ret;
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
	int ret;

	if (!t->asked && spool_told(spool, &t->told_ms, &why) != 0) {
		log_warning("facts-not-told", LOG_STR("reason", why.text));
		return 0;
	}
	t->asked = true;
	if (!is_due(t, idle, idle && mailbox_made(s), now))
		return 0;
	t->told_ms = now;
	if (mailbox_append_limit(s, "INBOX", &limit, e) != 0 || mailbox_catalog(s, true, &c, e) != 0 ||
	    mailbox_ids(s, e) != 0)
		return -1;
	buf_init(&text, FACTS_MAX);
	ret = write_facts(s, c, limit, &text, e);
	if (ret == 0 && spool_tell(spool, buf_slice(&text), &why) != 0)
		log_warning("facts-not-told", LOG_STR("reason", why.text));
	buf_free(&text);
	return ret;
}
