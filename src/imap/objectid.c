/* Ids of folders (RFC 8474): asked by STATUS, many at once, each answered in its turn. */
#include <stdlib.h>
#include <string.h>

#include "imap/dialog.h"
#include "imap/mailbox.h"
#include "imap/session_impl.h"
#include "imap/untagged.h"

enum { AT_ONCE = 32, IDS_MAX = 1000 };

static int ask(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e)
{
	*tag = dialog_tag(s);
	if (dialog_putf(s, e, "%lu STATUS ", (unsigned long)*tag) != 0 || dialog_put_mailbox(s, mailbox, e) != 0)
		return -1;
	return dialog_put(s, SLICE_LIT(" (MAILBOXID)\r\n"), e);
}

/* The id in the STATUS responses of the reply that was read last; NULL where there is none, or where two differ: one of
 * them is another folder's, which nobody asked for. */
static char *told_id(const struct imap *s)
{
	struct slice kept = dialog_kept(s, NULL), args;
	enum untagged_kind kind;
	char *id = NULL;

	while (untagged_next(&kept, &kind, &args)) {
		struct untagged_status st;

		if (kind != UNTAGGED_STATUS || untagged_status(args, &st) != 0 || st.id.n == 0)
			continue;
		if (id != NULL && !slice_eq(slice_str(id), st.id)) {
			free(id);
			return NULL;
		}
		free(id);
		id = slice_dup(st.id);
	}
	return id;
}

static int answer(struct imap *s, uint32_t tag, struct catalog_folder *f, struct err *e)
{
	struct imap_reply r;

	dialog_deadline(s, s->server->timeout);
	if (dialog_flush(s, e) != 0 || dialog_reply(s, tag, true, &r, e) != 1)
		return -1;
	free(f->id);
	f->id = r.status == IMAP_OK ? told_id(s) : NULL;
	return 0;
}

int mailbox_ids(struct imap *s, struct err *e)
{
	struct catalog *c = &s->catalog;
	size_t most = c->n < IDS_MAX ? c->n : IDS_MAX;

	if (!imap_has(s, "OBJECTID"))
		return 0;
	for (size_t from = 0; from < most; from += AT_ONCE) {
		size_t n = most - from < AT_ONCE ? most - from : AT_ONCE;
		uint32_t tags[AT_ONCE];

		dialog_deadline(s, s->server->timeout);
		for (size_t i = 0; i < n; i++)
			if (c->all[from + i].select && ask(s, c->all[from + i].wire, &tags[i], e) != 0)
				return -1;
		for (size_t i = 0; i < n; i++)
			if (c->all[from + i].select && answer(s, tags[i], &c->all[from + i], e) != 0)
				return -1;
	}
	return 0;
}
