#include "imap/metadata.h"

#include "imap/dialog.h"
#include "imap/session_impl.h"
#include "imap/untagged.h"

bool metadata_of_mailboxes(const struct imap *s)
{
	return imap_has(s, "METADATA");
}

bool metadata_of_server(const struct imap *s)
{
	return imap_has(s, "METADATA") || imap_has(s, "METADATA-SERVER");
}

int metadata_ask(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e)
{
	*tag = dialog_tag(s);
	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu GETMETADATA (MAXSIZE %d DEPTH infinity) ", (unsigned long)*tag, METADATA_VALUE_MAX) != 0 ||
	    dialog_put_mailbox(s, mailbox, e) != 0)
		return -1;
	return dialog_put(s, SLICE_LIT(" (/private /shared)\r\n"), e);
}

int metadata_read(struct imap *s, uint32_t tag, metadata_fn *fn, void *arg, struct err *e)
{
	struct slice kept, args;
	enum untagged_kind kind;
	struct imap_reply r;

	dialog_deadline(s, s->server->timeout);
	if (dialog_flush(s, e) != 0 || dialog_reply(s, tag, true, &r, e) != 1)
		return -1;
	if (r.status != IMAP_OK)
		return 0;
	kept = dialog_kept(s, NULL);
	while (untagged_next(&kept, &kind, &args))
		if (kind == UNTAGGED_METADATA)
			untagged_metadata(args, METADATA_VALUE_MAX, fn, arg);
	return 0;
}
