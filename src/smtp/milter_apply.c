/* What milters change: header, sender, recipients, and where it goes. */
#include "smtp/milter_apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "msg/address.h"
#include "msg/header.h"
#include "msg/summary.h"
#include "smtp/internal.h"
#include "smtp/milter_header.h"

enum { REASON_MAX = 300 };

static void left_out(const struct smtp_session *s, const struct milter *m, const char *what, const char *of,
		     const char *why)
{
	log_warning("milter-change-refused", LOG_STR("session", s->id), LOG_STR("milter", milter_config(m)->name),
		    LOG_STR("change", what), LOG_STR("of", of), LOG_STR("reason", why));
}

static bool is_of_header(const struct milter_edit *e)
{
	return e->kind == MILTER_EDIT_ADD || e->kind == MILTER_EDIT_INSERT || e->kind == MILTER_EDIT_CHANGE;
}

static int apply_header(struct smtp_session *s, struct milter *m, const struct milter_edits *all)
{
	struct milter_header h = { 0 };
	struct buf out;
	bool any = false, good;

	for (size_t i = 0; i < all->n; i++)
		any = any || is_of_header(&all->all[i]);
	if (!any)
		return 0;
	milter_header_init(&h, intake_header(s->t->message));
	for (size_t i = 0; i < all->n; i++) {
		const struct milter_edit *e = &all->all[i];

		if (is_of_header(e) && milter_header_apply(&h, e, all->leading_space) != 0)
			left_out(s, m, "a header field", e->name, "that is no name of a field, or there are too many");
	}
	buf_init(&out, HEADER_MAX_BYTES);
	milter_header_print(&h, &out);
	milter_header_free(&h);
	good = !buf_failed(&out);
	if (good)
		intake_set_header(s->t->message, &out);
	buf_free(&out);
	return good ? 0 : -1;
}

static void apply_from(struct smtp_session *s, struct milter *m, const struct milter_edit *e)
{
	char *sender = smtp_milter_address(e->value, true, NULL);

	if (sender == NULL) {
		left_out(s, m, "the sender", e->value, "that is no address");
		return;
	}
	intake_set_envelope(s->t->message, sender, s->t->recipients, s->t->nrecipients);
	free(s->t->sender);
	s->t->sender = sender;
}

static size_t find(const struct smtp_transaction *t, const char *address)
{
	size_t i = 0;

	while (i < t->nrecipients && !slice_eq_nocase(slice_str(t->recipients[i].address), slice_str(address)))
		i++;
	return i;
}

static void apply_add(struct smtp_session *s, struct milter *m, const struct milter_edit *e, bool *emptied)
{
	struct address a;
	char *text = smtp_milter_address(e->value, false, &a);

	if (text == NULL) {
		left_out(s, m, "a recipient more", e->value, "that is no address");
		return;
	}
	if (find(s->t, text) == s->t->nrecipients) {
		const char *why = smtp_milter_recipient(s, &a, text);

		if (why != NULL) {
			left_out(s, m, "a recipient more", text, why);
		} else {
			text = NULL;
			if (*emptied)
				smtp_milter_remove(s, 0);
			*emptied = false;
		}
	} else {
		*emptied = false; /* taken back */
	}
	free(text);
	address_free(&a);
}

/* Of an address that was named twice, both go. The last recipient stays in the list, *EMPTIED, until it is clear that no
 * other takes its place. */
static void apply_delete(struct smtp_session *s, struct milter *m, const struct milter_edit *e, bool *emptied)
{
	struct smtp_transaction *t = s->t;
	char *text = smtp_milter_address(e->value, false, NULL);
	size_t at = text == NULL ? t->nrecipients : find(t, text);

	if (at == t->nrecipients)
		left_out(s, m, "a recipient less", e->value, "the message has none by that name");
	for (; at < t->nrecipients; at = find(t, text)) {
		if (t->nrecipients == 1) {
			*emptied = true;
			break;
		}
		smtp_milter_remove(s, at);
	}
	free(text);
}

static void nobody_left(struct smtp_session *s, struct milter *m)
{
	char *why = mem_printf("milter %s took its last recipient away", milter_config(m)->name);

	/* Somebody must have it in the record. */
	intake_discard(s->t->message, why);
	free(why);
}

static void apply_hold(struct smtp_session *s, struct milter *m, const struct milter_edit *e)
{
	char *reason = summary_text(slice_str(e->value), REASON_MAX);
	char *why = mem_printf("milter %s wants it held back: %s", milter_config(m)->name, reason);

	log_info("quarantined", LOG_STR("session", s->id), LOG_STR("milter", milter_config(m)->name),
		 LOG_STR("folder", milter_config(m)->quarantine), LOG_STR("reason", reason));
	intake_hold(s->t->message, milter_config(m)->quarantine, why);
	s->t->held = true;
	free(why);
	free(reason);
}

int milter_apply(struct smtp_session *s, struct milter *m)
{
	const struct milter_edits *all = milter_edits(m);
	bool emptied = false;

	if (apply_header(s, m, all) != 0)
		return -1;
	for (size_t i = 0; i < all->n; i++) {
		const struct milter_edit *e = &all->all[i];

		switch (e->kind) {
		case MILTER_EDIT_FROM:
			apply_from(s, m, e);
			break;
		case MILTER_EDIT_ADD_RCPT:
			apply_add(s, m, e, &emptied);
			break;
		case MILTER_EDIT_DELETE_RCPT:
			apply_delete(s, m, e, &emptied);
			break;
		case MILTER_EDIT_QUARANTINE:
			apply_hold(s, m, e);
			break;
		default:
			break;
		}
	}
	if (emptied)
		nobody_left(s, m);
	intake_set_envelope(s->t->message, s->t->sender, s->t->recipients, s->t->nrecipients);
	return 0;
}
