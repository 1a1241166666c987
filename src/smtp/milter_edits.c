#include "smtp/milter_edits.h"

#include <stdlib.h>

#include "base/mem.h"

/* How the packets of each kind are made. */
static const struct form {
	char letter;
	uint32_t may; /* enum milter_action */
	enum milter_edit_kind kind;
	bool index, name;
	bool more; /* an argument that we do not need may follow */
} forms[] = {
	{ MILTER_SAYS_ADD_HEADER, MILTER_MAY_ADD_HEADERS, MILTER_EDIT_ADD, false, true, false },
	{ MILTER_SAYS_INSERT_HEADER, MILTER_MAY_ADD_HEADERS, MILTER_EDIT_INSERT, true, true, false },
	{ MILTER_SAYS_CHANGE_HEADER, MILTER_MAY_CHANGE_HEADERS, MILTER_EDIT_CHANGE, true, true, false },
	{ MILTER_SAYS_FROM, MILTER_MAY_CHANGE_FROM, MILTER_EDIT_FROM, false, false, true },
	{ MILTER_SAYS_ADD_RCPT, MILTER_MAY_ADD_RCPT, MILTER_EDIT_ADD_RCPT, false, false, false },
	{ MILTER_SAYS_ADD_RCPT_PAR, MILTER_MAY_ADD_RCPT_PAR, MILTER_EDIT_ADD_RCPT, false, false, true },
	{ MILTER_SAYS_DELETE_RCPT, MILTER_MAY_DELETE_RCPT, MILTER_EDIT_DELETE_RCPT, false, false, false },
	{ MILTER_SAYS_QUARANTINE, MILTER_MAY_QUARANTINE, MILTER_EDIT_QUARANTINE, false, false, false },
};

static int body_read(struct milter_edits *e, const struct milter_terms *t, struct slice data, struct err *err)
{
	if ((t->actions & MILTER_MAY_CHANGE_BODY) == 0)
		return err_set(err, ERR_PROTOCOL, 0, "it sends a body, which it did not ask leave for");
	if (!e->new_body)
		buf_init(&e->body, MILTER_PACKET_MAX);
	e->new_body = true;
	if (buf_add_slice(&e->body, data) != 0)
		return err_set(err, ERR_LIMIT, 0, "its body comes in pieces that are too large");
	return 1;
}

static int edit_read(struct milter_edits *e, const struct form *f, struct slice data, struct err *err)
{
	struct milter_edit edit = { .kind = f->kind };
	struct slice name = SLICE_NONE, value, more;

	if ((f->index && milter_take_u32(&data, &edit.index) != 0) || (f->name && milter_take_text(&data, &name) != 0) ||
	    milter_take_text(&data, &value) != 0)
		return err_set(err, ERR_PROTOCOL, 0, "a change that it wants ('%c') is cut off", f->letter);
	if (f->more && data.n > 0 && milter_take_text(&data, &more) != 0)
		return err_set(err, ERR_PROTOCOL, 0, "an argument of a change that it wants ('%c') is cut off", f->letter);
	if (data.n > 0)
		return err_set(err, ERR_PROTOCOL, 0, "a change that it wants ('%c') holds a NUL", f->letter);
	e->bytes += name.n + value.n;
	if (e->n == MILTER_EDITS_MAX || e->bytes > MILTER_EDITS_BYTES_MAX)
		return err_set(err, ERR_LIMIT, 0, "it wants more changes than are made to one message");
	edit.name = slice_dup(name);
	edit.value = slice_dup(value);
	e->all = mem_resize(e->all, e->n + 1, sizeof *e->all);
	e->all[e->n++] = edit;
	return 1;
}

int milter_edits_read(struct milter_edits *e, const struct milter_terms *t, const struct milter_packet *p, struct err *err)
{
	if (p->letter == MILTER_SAYS_BODY)
		return body_read(e, t, p->data, err);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		const struct form *f = &forms[i];

		if (f->letter != p->letter)
			continue;
		if ((t->actions & f->may) == 0)
			return err_set(err, ERR_PROTOCOL, 0, "it wants a change ('%c') that it did not ask leave for",
				       f->letter);
		return edit_read(e, f, p->data, err);
	}
	return 0;
}

void milter_edits_free(struct milter_edits *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->all[i].name);
		free(e->all[i].value);
	}
	free(e->all);
	buf_free(&e->body);
	*e = (struct milter_edits){ 0 };
}
