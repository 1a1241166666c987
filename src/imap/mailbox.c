#include "imap/mailbox.h"

#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "imap/session_impl.h"
#include "imap/dialog.h"

enum { RECEIVED_MAX = 16 * 1024 };

/* "TAG VERB mailbox" and the reply. */
static int name_command(struct imap *s, const char *verb, const char *mailbox, struct imap_reply *r, struct err *e)
{
	uint32_t tag = dialog_tag(s);

	dialog_deadline(s, s->account->timeout);
	if (dialog_putf(s, e, "%lu %s ", (unsigned long)tag, verb) != 0 || dialog_put_quoted(s, mailbox, e) != 0)
		return -1;
	return dialog_finish(s, tag, r, e);
}

/* ---- STATUS ---- */

int mailbox_status_send(struct imap *s, const char *mailbox, uint32_t *tag, struct err *e)
{
	*tag = dialog_tag(s);
	dialog_deadline(s, s->account->timeout);
	if (dialog_putf(s, e, "%lu STATUS ", (unsigned long)*tag) != 0 || dialog_put_quoted(s, mailbox, e) != 0)
		return -1;
	return dialog_put(s, SLICE_LIT(" (UIDVALIDITY UIDNEXT)\r\n"), e);
}

int mailbox_status_read(struct imap *s, uint32_t tag, struct mailbox_status *st, struct imap_reply *r, struct err *e)
{
	const struct mailimap_mailbox_data_status *data;
	clistiter *at;

	*st = (struct mailbox_status){ 0, 0 };
	if (dialog_flush(s, e) != 0 || dialog_reply(s, tag, true, r, e) != 1)
		return -1;
	if (r->status != IMAP_OK)
		return 0;
	data = dialog_info(s)->rsp_status;
	if (data != NULL && data->st_info_list != NULL) {
		for (at = clist_begin(data->st_info_list); at != NULL; at = clist_next(at)) {
			const struct mailimap_status_info *info = clist_content(at);

			if (info->st_att == MAILIMAP_STATUS_ATT_UIDVALIDITY)
				st->uidvalidity = info->st_value;
			else if (info->st_att == MAILIMAP_STATUS_ATT_UIDNEXT)
				st->uidnext = info->st_value;
		}
	}
	if (st->uidvalidity == 0 || st->uidnext == 0)
		imap_reply_parse(IMAP_NO, "the server does not tell UIDVALIDITY and UIDNEXT", r);
	return 0;
}

/* ---- LIST ---- */

static bool selectable(const struct mailimap_mailbox_list *mb)
{
	clistiter *at;

	if (mb->mb_flag == NULL)
		return true;
	if (mb->mb_flag->mbf_type == MAILIMAP_MBX_LIST_FLAGS_SFLAG &&
	    mb->mb_flag->mbf_sflag == MAILIMAP_MBX_LIST_SFLAG_NOSELECT)
		return false;
	if (mb->mb_flag->mbf_oflags == NULL)
		return true;
	for (at = clist_begin(mb->mb_flag->mbf_oflags); at != NULL; at = clist_next(at)) {
		const struct mailimap_mbx_list_oflag *o = clist_content(at);

		if (o->of_type == MAILIMAP_MBX_LIST_OFLAG_FLAG_EXT && o->of_flag_ext != NULL &&
		    strcasecmp(o->of_flag_ext[0] == '\\' ? o->of_flag_ext + 1 : o->of_flag_ext, "NonExistent") == 0)
			return false;
	}
	return true;
}

int mailbox_find(struct imap *s, const char *mailbox, enum mailbox_presence *p, struct imap_reply *r, struct err *e)
{
	clistiter *at;

	*p = MAILBOX_MISSING;
	if (name_command(s, "LIST \"\"", mailbox, r, e) != 0)
		return -1;
	if (r->status != IMAP_OK || dialog_info(s)->rsp_mailbox_list == NULL)
		return 0;
	for (at = clist_begin(dialog_info(s)->rsp_mailbox_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_mailbox_list *mb = clist_content(at);

		if (strcmp(mb->mb_name, mailbox) != 0 && !(folder_is_inbox(mailbox) && folder_is_inbox(mb->mb_name)))
			continue;
		*p = selectable(mb) ? MAILBOX_PRESENT : MAILBOX_NOSELECT;
	}
	return 0;
}

int mailbox_list(struct imap *s, size_t max, char ***names, size_t *n, bool *cut, struct err *e)
{
	struct imap_reply r;
	size_t room = 0;
	clistiter *at;

	*names = NULL;
	*n = 0;
	*cut = false;
	if (dialog_run(s, &r, e, "LIST \"\" \"*\"") != 0)
		return -1;
	*cut = r.status != IMAP_OK;
	if (dialog_info(s)->rsp_mailbox_list == NULL)
		return 0;
	for (at = clist_begin(dialog_info(s)->rsp_mailbox_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_mailbox_list *mb = clist_content(at);

		if (!selectable(mb) || mb->mb_name[strcspn(mb->mb_name, "\r\n")] != '\0')
			continue;
		if (*n == max) {
			*cut = true;
			break;
		}
		if (*n == room)
			*names = mem_resize(*names, room = room * 2 + 16, sizeof **names);
		(*names)[(*n)++] = mem_strdup(mb->mb_name);
	}
	return 0;
}

void mailbox_list_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* ---- names ---- */

static void copy_prefix(char out[128], const char *from)
{
	size_t n = from == NULL ? 0 : strlen(from);

	if (n >= 128)
		n = 0;
	if (n > 0)
		memcpy(out, from, n);
	out[n] = '\0';
}

static void read_others(struct folder_style *style, const struct mailimap_namespace_item *item)
{
	clistiter *at;

	if (item == NULL || item->ns_data_list == NULL)
		return;
	for (at = clist_begin(item->ns_data_list); at != NULL && style->nothers < FOLDER_PREFIXES_MAX;
	     at = clist_next(at)) {
		const struct mailimap_namespace_info *info = clist_content(at);

		copy_prefix(style->others[style->nothers], info->ns_prefix);
		if (style->others[style->nothers][0] != '\0')
			style->nothers++;
	}
}

static const struct mailimap_namespace_data *namespace_data(struct imap *s)
{
	clistiter *at;

	if (dialog_info(s)->rsp_extension_list == NULL)
		return NULL;
	for (at = clist_begin(dialog_info(s)->rsp_extension_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_extension_data *x = clist_content(at);

		if (x->ext_extension->ext_id == MAILIMAP_EXTENSION_NAMESPACE &&
		    x->ext_type == MAILIMAP_NAMESPACE_TYPE_NAMESPACE)
			return x->ext_data;
	}
	return NULL;
}

int imap_ask_style(struct imap *s, struct err *e)
{
	struct imap_reply r;
	clistiter *at;

	s->style = (struct folder_style){ .separator = '/' };
	if (dialog_run(s, &r, e, "LIST \"\" \"\"") != 0)
		return -1;
	if (r.status == IMAP_OK && dialog_info(s)->rsp_mailbox_list != NULL &&
	    (at = clist_begin(dialog_info(s)->rsp_mailbox_list)) != NULL)
		s->style.separator = ((const struct mailimap_mailbox_list *)clist_content(at))->mb_delimiter;
	if ((s->can & IMAP_CAN_NAMESPACE) == 0)
		return 0;
	if (dialog_run(s, &r, e, "NAMESPACE") != 0)
		return -1;
	if (r.status == IMAP_OK) {
		const struct mailimap_namespace_data *ns = namespace_data(s);

		if (ns != NULL && ns->ns_personal != NULL &&
		    (at = clist_begin(ns->ns_personal->ns_data_list)) != NULL) {
			const struct mailimap_namespace_info *own = clist_content(at);

			copy_prefix(s->style.prefix, own->ns_prefix);
			if (own->ns_delimiter != '\0')
				s->style.separator = own->ns_delimiter;
		}
		if (ns != NULL) {
			read_others(&s->style, ns->ns_other);
			read_others(&s->style, ns->ns_shared);
		}
	}
	return 0;
}

int mailbox_create(struct imap *s, const char *mailbox, struct imap_reply *r, struct err *e)
{
	return name_command(s, "CREATE", mailbox, r, e);
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
