#include "imap/mailbox.h"

#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "imap/session_impl.h"
#include "imap/dialog.h"
#include "imap/untagged.h"
#include "msg/special_use.h"

enum { RECEIVED_MAX = 16 * 1024, LIST_TOTAL_MAX = 64 * 1024 * 1024 };

/* "TAG VERB mailbox" and the reply. */
static int name_command(struct imap *s, const char *verb, const char *mailbox, struct imap_reply *r, struct err *e)
{
	uint32_t tag = dialog_tag(s);

	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu %s ", (unsigned long)tag, verb) != 0 || dialog_put_mailbox(s, mailbox, e) != 0)
		return -1;
	return dialog_finish(s, tag, r, e);
}

/* ---- STATUS ---- */

int mailbox_status_send(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e)
{
	*tag = dialog_tag(s);
	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu STATUS ", (unsigned long)*tag) != 0 || dialog_put_mailbox(s, mailbox, e) != 0)
		return -1;
	return dialog_put(s, SLICE_LIT(" (UIDVALIDITY UIDNEXT)\r\n"), e);
}

/* What the STATUS responses of the reply that was read last say of a mailbox's UIDs. Those of other mailboxes, which
 * nobody asked for, may stand among them: where two tell different UIDs, neither counts. */
static void read_status(const struct imap *s, struct untagged_status *st)
{
	struct slice kept = dialog_kept(s, NULL), args;
	bool told = false, clear = true;
	enum untagged_kind kind;

	*st = (struct untagged_status){ .append_limit = UINT64_MAX };
	while (untagged_next(&kept, &kind, &args)) {
		struct untagged_status one;

		if (kind != UNTAGGED_STATUS || untagged_status(args, &one) != 0)
			continue;
		if (one.append_limit != UINT64_MAX)
			st->append_limit = one.append_limit;
		if (one.uidvalidity == 0 && one.uidnext == 0)
			continue;
		clear = clear && (!told || (one.uidvalidity == st->uidvalidity && one.uidnext == st->uidnext));
		told = true;
		st->uidvalidity = one.uidvalidity;
		st->uidnext = one.uidnext;
	}
	if (!clear)
		st->uidvalidity = st->uidnext = 0;
}

int mailbox_status_read(struct imap *s, uint32_t tag, struct mailbox_status *st, struct imap_reply *r, struct err *e)
{
	struct untagged_status told;

	*st = (struct mailbox_status){ 0, 0 };
	/* Each answer has its time: many may have been asked for at once. */
	dialog_deadline(s, s->server->timeout);
	if (dialog_flush(s, e) != 0 || dialog_reply(s, tag, true, r, e) != 1)
		return -1;
	if (r->status != IMAP_OK)
		return 0;
	read_status(s, &told);
	st->uidvalidity = told.uidvalidity;
	st->uidnext = told.uidnext;
	if (st->uidvalidity == 0 || st->uidnext == 0)
		imap_reply_parse(IMAP_NO, "the server does not tell UIDVALIDITY and UIDNEXT", r);
	return 0;
}

int mailbox_append_limit(struct imap *s, const char *mailbox, uint64_t *limit, struct err *e)
{
	uint32_t tag = dialog_tag(s);
	struct untagged_status told;
	struct imap_reply r;

	*limit = s->append_limit;
	if ((s->can & IMAP_CAN_APPENDLIMIT) == 0 || *limit != UINT64_MAX)
		return 0;
	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu STATUS ", (unsigned long)tag) != 0 || dialog_put_mailbox(s, mailbox, e) != 0 ||
	    dialog_putf(s, e, " (APPENDLIMIT)") != 0 || dialog_finish(s, tag, &r, e) != 0)
		return -1;
	if (r.status == IMAP_OK) {
		read_status(s, &told);
		*limit = told.append_limit;
	}
	return 0;
}

/* ---- LIST ---- */

int mailbox_find(struct imap *s, const char *mailbox, enum mailbox_presence *p, struct imap_reply *r, struct err *e)
{
	enum untagged_kind kind;
	struct slice kept, args;

	*p = MAILBOX_MISSING;
	if (name_command(s, "LIST \"\"", mailbox, r, e) != 0)
		return -1;
	if (r->status != IMAP_OK)
		return 0;
	kept = dialog_kept(s, NULL);
	while (untagged_next(&kept, &kind, &args)) {
		struct untagged_list l;

		if (kind != UNTAGGED_LIST)
			continue;
		if (untagged_list(args, &l) == 0 && (l.attributes & ATTRIBUTE_NONEXISTENT) == 0) {
			char *name = imap_read_name(s, buf_slice(&l.name));

			if (name != NULL &&
			    (strcmp(name, mailbox) == 0 || (folder_is_inbox(mailbox) && folder_is_inbox(name))))
				*p = (l.attributes & ATTRIBUTE_NOSELECT) == 0 ? MAILBOX_PRESENT : MAILBOX_NOSELECT;
			free(name);
		}
		buf_free(&l.name);
	}
	return 0;
}

int mailbox_catalog(struct imap *s, bool fresh, const struct catalog **c, struct err *e)
{
	struct imap_reply r;
	bool uses =
	    (s->can & IMAP_CAN_SPECIAL_USE) != 0 && (s->can & IMAP_CAN_LIST_EXTENDED) != 0 && !s->no_list_return;
	uint32_t tag;
	bool cut;

	*c = &s->catalog;
	if (s->listed && !fresh)
		return 0;
	tag = dialog_tag(s);
	dialog_deadline(s, s->server->timeout);
	dialog_expect(s, LIST_TOTAL_MAX);
	if (dialog_putf(s, e, "%lu LIST \"\" \"*\"%s", (unsigned long)tag, uses ? " RETURN (SPECIAL-USE)" : "") != 0 ||
	    dialog_finish(s, tag, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK && uses) {
		s->no_list_return = true;
		return mailbox_catalog(s, fresh, c, e);
	}
	(void)dialog_kept(s, &cut);
	catalog_read(&s->catalog, s, r.status == IMAP_OK, cut);
	s->listed = true;
	return 0;
}

bool mailbox_made(struct imap *s)
{
	bool made = s->made;

	s->made = false;
	return made;
}

int mailbox_create(struct imap *s, const char *mailbox, unsigned use, struct imap_reply *r, struct err *e)
{
	uint32_t tag = dialog_tag(s);

	if ((s->can & IMAP_CAN_CREATE_SPECIAL_USE) == 0)
		use = 0;
	dialog_deadline(s, s->server->timeout);
	if (dialog_putf(s, e, "%lu CREATE ", (unsigned long)tag) != 0 || dialog_put_mailbox(s, mailbox, e) != 0 ||
	    (use != 0 && dialog_putf(s, e, " (USE (%s))", special_use_name(use)) != 0) ||
	    dialog_finish(s, tag, r, e) != 0)
		return -1;
	/* A store with a use of its own for that use, or none: the folder is what counts. Nothing was made (RFC 6154,
	 * 3). */
	if (use != 0 && (r->status == IMAP_BAD || (r->status == IMAP_NO && imap_reply_is(r, "USEATTR"))))
		return mailbox_create(s, mailbox, 0, r, e);
	if (r->status == IMAP_OK) {
		s->made = true;
		s->listed = false;
	}
	return 0;
}

int mailbox_subscribe(struct imap *s, const char *mailbox, struct imap_reply *r, struct err *e)
{
	return name_command(s, "SUBSCRIBE", mailbox, r, e);
}

int mailbox_examine(struct imap *s, const char *mailbox, struct mailbox_status *st, struct imap_reply *r, struct err *e)
{
	struct mailimap_selection_info *sel = dialog_selection(s, true);

	*st = (struct mailbox_status){ 0, 0 };
	if (sel == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	sel->sel_uidnext = 0;
	sel->sel_uidvalidity = 0;
	if (name_command(s, "EXAMINE", mailbox, r, e) != 0)
		return -1;
	if (r->status != IMAP_OK)
		return 0;
	sel = dialog_selection(s, false);
	st->uidvalidity = sel->sel_uidvalidity;
	st->uidnext = sel->sel_uidnext;
	if (st->uidvalidity == 0)
		imap_reply_parse(IMAP_NO, "the server does not tell UIDVALIDITY", r);
	return 0;
}

int mailbox_settle(struct imap *s, const char *mailbox, struct err *e)
{
	struct imap_reply r;

	if (dialog_selection(s, true) == NULL)
		return err_set(e, ERR_TEMP, 0, "out of memory");
	if (name_command(s, "SELECT", mailbox, &r, e) != 0)
		return -1;
	return r.status == IMAP_OK ? dialog_run(s, &r, e, "CHECK") : 0;
}

int mailbox_leave(struct imap *s, struct err *e)
{
	struct imap_reply r;

	return dialog_run(s, &r, e, "CLOSE");
}

/* ---- looking ---- */

static void report(const struct mailimap_msg_att *att, mailbox_received_fn *fn, void *arg)
{
	struct slice received = SLICE_NONE;
	bool have = false;
	uint32_t uid = 0;
	clistiter *at;

	for (at = clist_begin(att->att_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_msg_att_item *item = clist_content(at);
		const struct mailimap_msg_att_static *st = item->att_data.att_static;

		if (item->att_type != MAILIMAP_MSG_ATT_ITEM_STATIC || st == NULL)
			continue;
		if (st->att_type == MAILIMAP_MSG_ATT_UID)
			uid = st->att_data.att_uid;
		if (st->att_type == MAILIMAP_MSG_ATT_BODY_SECTION && st->att_data.att_body_section != NULL &&
		    st->att_data.att_body_section->sec_body_part != NULL) {
			have = true;
			received = slice_of(st->att_data.att_body_section->sec_body_part,
					    st->att_data.att_body_section->sec_length);
		}
	}
	if (uid != 0)
		fn(arg, uid, have ? &received : NULL);
}

int mailbox_fetch_received(struct imap *s, uint32_t first, uint32_t last, mailbox_received_fn *fn, void *arg,
			   struct imap_reply *r, struct err *e)
{
	char to[16] = "*";
	clistiter *at;

	if (last != 0)
		(void)snprintf(to, sizeof to, "%lu", (unsigned long)last);
	/* Only the front: what a delivery is told by stands first, and a message can hold much more. */
	if (!s->no_partial) {
		if (dialog_run(s, r, e, "UID FETCH %lu:%s (UID BODY.PEEK[HEADER.FIELDS (RECEIVED)]<0.%d>)",
			       (unsigned long)first, to, RECEIVED_MAX) != 0)
			return -1;
		s->no_partial = r->status == IMAP_BAD;
	}
	if (s->no_partial && dialog_run(s, r, e, "UID FETCH %lu:%s (UID BODY.PEEK[HEADER.FIELDS (RECEIVED)])",
					(unsigned long)first, to) != 0)
		return -1;
	if (dialog_info(s)->rsp_fetch_list == NULL)
		return 0;
	for (at = clist_begin(dialog_info(s)->rsp_fetch_list); at != NULL; at = clist_next(at))
		report(clist_content(at), fn, arg);
	return 0;
}

int mailbox_search_received(struct imap *s, const char *word, uint32_t *uids, size_t max, size_t *n,
			    struct imap_reply *r, struct err *e)
{
	clistiter *at;

	*n = 0;
	if (dialog_run(s, r, e, "UID SEARCH HEADER Received %s", word) != 0)
		return -1;
	if (r->status != IMAP_OK || dialog_info(s)->rsp_search_result == NULL)
		return 0;
	for (at = clist_begin(dialog_info(s)->rsp_search_result); at != NULL; at = clist_next(at)) {
		if (*n == max) {
			memmove(uids, uids + 1, (max - 1) * sizeof *uids);
			(*n)--;
		}
		uids[(*n)++] = *(const uint32_t *)clist_content(at);
	}
	return 0;
}
