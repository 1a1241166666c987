#include "deliver.h"

#include <stdlib.h>

#include "msg/special_use.h"
#include "outgoing.h"

/* Where a fileinto goes: by its use there is no folder, so that only the name counts (RFC 8579, 4). */
static struct slice target_name(const char *mailbox)
{
	struct slice name;
	unsigned use;

	if (special_use_split(slice_str(mailbox), &use, &name) && name.n > 0)
		return name;
	return slice_str(mailbox);
}

static struct mailbox *open_mailbox(struct suite *s, struct slice name, bool create)
{
	struct mailbox *m = create ? NULL : store_find(&s->store, name);
	struct err e;

	err_set(&e, ERR_INPUT, 0, "there is no such mailbox");
	if (create)
		m = store_create(&s->store, name, &e);
	if (m == NULL)
		errors_add(&s->errors, "fileinto \"%.*s\": %s", (int)name.n, name.p, e.text);
	return m;
}

/* The message as version CONTENT of P has it. */
static bool add_content(const struct suite *s, const struct plan *p, size_t content, struct buf *out)
{
	if (content == 0)
		return buf_add(out, s->letter->bytes, s->letter->n) == 0;
	return outgoing_render(s, &p->contents[content - 1], out);
}

static bool file(struct suite *s, struct mailbox *m, struct slice bytes, char *const *flags, size_t nflags)
{
	struct err e;

	if (store_add(&s->store, m, bytes, flags, nflags, &e) == 0)
		return true;
	errors_add(&s->errors, "%s", e.text);
	return false;
}

static bool hand_over(struct suite *s, struct slice bytes, const char *from, const char *to)
{
	struct err e;

	if (outbox_add(&s->outbox, bytes, from, to, &e) == 0)
		return true;
	errors_add(&s->errors, "%s", e.text);
	return false;
}

/* A copy of what went out (RFC 8580); that it can't be filed harms nothing else. */
static void file_copy(struct suite *s, const struct plan_fcc *fcc, struct slice bytes)
{
	struct mailbox *m;

	if (fcc->mailbox == NULL)
		return;
	m = open_mailbox(s, target_name(fcc->mailbox), fcc->create);
	if (m != NULL)
		(void)file(s, m, bytes, fcc->flags, fcc->nflags);
}

static bool make_and_send(struct suite *s, const struct plan_action *a)
{
	struct outgoing all;
	struct err e;
	bool ok = outgoing_make(s, a, &all, &e) == 0;

	if (!ok)
		errors_add(&s->errors, "%s: %s", plan_kind_name(a->kind), e.text);
	for (size_t i = 0; i < all.nto && ok; i++)
		ok = hand_over(s, buf_slice(&all.text), all.from, all.to[i]);
	if (ok && all.nto > 0 && all.fcc != NULL)
		file_copy(s, all.fcc, buf_slice(&all.text));
	outgoing_free(&all);
	return ok;
}

static bool act(struct suite *s, const struct plan *p, const struct plan_action *a)
{
	struct buf bytes;
	struct mailbox *m;
	char *from;
	bool ok;

	if (a->kind == PLAN_DISCARD)
		return true;
	if (a->kind == PLAN_REJECT || a->kind == PLAN_EREJECT || a->kind == PLAN_VACATION || a->kind == PLAN_NOTIFY)
		return make_and_send(s, a);
	buf_init(&bytes, LETTER_MAX);
	ok = add_content(s, p, a->content, &bytes);
	if (ok && a->kind == PLAN_REDIRECT) {
		from = outgoing_sender(s, "sieve_redirect_envelope_from");
		ok = hand_over(s, buf_slice(&bytes), from, a->address);
		free(from);
	} else if (ok) {
		m = open_mailbox(s, a->kind == PLAN_KEEP ? SLICE_LIT("INBOX") : target_name(a->mailbox), a->create);
		ok = m != NULL && file(s, m, buf_slice(&bytes), a->flags, a->nflags);
	}
	buf_free(&bytes);
	return ok;
}

/* All or nothing: whether each mailbox is there is seen first. */
static bool can_act(struct suite *s, const struct plan_action *a)
{
	return a->kind != PLAN_FILEINTO || open_mailbox(s, target_name(a->mailbox), a->create) != NULL;
}

static bool keep_in_inbox(struct suite *s, struct slice bytes, char *const *flags, size_t nflags)
{
	struct mailbox *m = open_mailbox(s, SLICE_LIT("INBOX"), false);

	return m != NULL && file(s, m, bytes, flags, nflags);
}

static bool keep_implicitly(struct suite *s, const struct plan *p)
{
	struct buf bytes;
	bool ok;

	buf_init(&bytes, LETTER_MAX);
	ok = add_content(s, p, p->keep_content, &bytes) &&
	     keep_in_inbox(s, buf_slice(&bytes), p->keep_flags, p->nkeep_flags);
	buf_free(&bytes);
	return ok;
}

/* Whether an action has filed into INBOX what the implicit keep would file there once more (RFC 5228, 2.10.3). */
static bool is_in_inbox(const struct suite *s, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];

		if (a->content == p->keep_content &&
		    (a->kind == PLAN_KEEP || (a->kind == PLAN_FILEINTO && store_find(&s->store, target_name(a->mailbox)) ==
									   store_find(&s->store, SLICE_LIT("INBOX")))))
			return true;
	}
	return false;
}

bool deliver(struct suite *s, const struct plan *p, size_t from, bool keep)
{
	bool ok = true;

	for (size_t i = from; i < p->n && ok; i++)
		ok = can_act(s, &p->actions[i]);
	for (size_t i = from; i < p->n && ok; i++)
		ok = act(s, p, &p->actions[i]);
	if (ok && keep && !is_in_inbox(s, p))
		ok = keep_implicitly(s, p);
	if (!ok)
		(void)keep_in_inbox(s, slice_of(s->letter->bytes, s->letter->n), NULL, 0);
	return ok;
}
