/* What a test starts from: message, envelope, settings, mailboxes. */
#include <stdlib.h>

#include "base/mem.h"
#include "sieve/content.h"
#include "sieve/diag.h"
#include "sieve/parts.h"
#include "sieve/registry.h"
#include "sieve/view_index.h"
#include "testsuite.h"

/* What test_set can set. */
static const struct object {
	const char *name;
	size_t field; /* offset in struct envelope */
	unsigned flags;
} objects[] = {
	{ "message", 0, 0 },
	{ "envelope.from", offsetof(struct envelope, from), ENVELOPE_NULL_OK },
	{ "envelope.to", offsetof(struct envelope, to), ENVELOPE_BARE_OK },
	{ "envelope.orig_to", offsetof(struct envelope, orig_to), ENVELOPE_BARE_OK },
	{ "envelope.auth", offsetof(struct envelope, auth), 0 },
};

static const struct object *find_object(struct slice name)
{
	for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
		if (slice_eq(slice_str(objects[i].name), name))
			return &objects[i];
	return NULL;
}

void testsuite_check_object(struct maker *m, struct slice *text)
{
	if (find_object(*text) == NULL)
		maker_error(m, "%s can't be set: expected \"message\" or \"envelope.from\" or another part of it",
			      diag_word(*text));
}

/* TEXT as a message; NULL after run_error. */
static struct letter *make_letter(struct run *r, struct slice text)
{
	struct letter *l = NULL;

	if (parts_depth(r) > 0)
		(void)run_error(r, "the message can't become another one within \"foreverypart\"");
	else if (run_charge(r, 1 + text.n / 64) == 0 && (l = letter_new(text)) == NULL)
		(void)run_error(r, "the message is too large");
	return l;
}

static int set_message(struct run *r, struct slice text)
{
	struct letter *l = make_letter(r, text);

	if (l == NULL)
		return -1;
	suite_take_letter(suite_of(r), r, l, true);
	return 0;
}

/* A user's name needs not be an address. */
static char *envelope_value(const struct object *o, struct slice text)
{
	if (o->field == offsetof(struct envelope, auth))
		return slice_dup(text);
	return envelope_address(text, o->flags);
}

int testsuite_set(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);
	const struct object *o = find_object(run_string(r, op, 0));
	struct slice value = run_string(r, op, 1);
	char **field;

	if (o == NULL)
		return run_error(r, "there is nothing of that name to be set");
	if (run_charge(r, 1 + value.n / 64) != 0)
		return -1;
	if (o == objects)
		return set_message(r, value);
	field = (char **)((char *)&s->envelope + o->field);
	free(*field);
	*field = envelope_value(o, value);
	if (*field == NULL)
		errors_add(&s->errors, "%s: this is no address", o->name);
	if (field == &s->envelope.to) {
		free(s->envelope.orig_to);
		s->envelope.orig_to = mem_strdup(s->envelope.to);
	}
	suite_take_envelope(s, r);
	return 0;
}

int testsuite_config_set(struct run *r, const struct op *op)
{
	settings_set(&suite_of(r)->settings, run_string(r, op, 0), run_string(r, op, 1));
	return 0;
}

int testsuite_config_unset(struct run *r, const struct op *op)
{
	settings_unset(&suite_of(r)->settings, run_string(r, op, 0));
	return 0;
}

int testsuite_config_reload(struct run *r, const struct op *op)
{
	const struct value *extension = op_tag(op, "extension");

	if (extension != NULL && registry_capability(run_value(r, extension)) < 0)
		return run_error(r, "unknown extension %s", diag_word(run_value(r, extension)));
	suite_apply_settings(suite_of(r));
	/* What was found in addresses depends on what parts them. */
	if (r->content != NULL)
		view_index_forget(r->content->header.index);
	if (suite_of(r)->under_test == 0)
		suite_take_limits(suite_of(r), r);
	return 0;
}

static int take_sent(struct run *r, uint64_t index)
{
	struct suite *s = suite_of(r);
	const struct sent *sent;
	struct letter *l;

	if (index >= s->outbox.n)
		return 0;
	sent = &s->outbox.all[index];
	l = make_letter(r, slice_of(sent->bytes, sent->n));
	if (l == NULL)
		return -1;
	free(s->envelope.from);
	free(s->envelope.to);
	free(s->envelope.orig_to);
	s->envelope.from = mem_strdup(sent->from);
	s->envelope.to = mem_strdup(sent->to);
	s->envelope.orig_to = mem_strdup(sent->to);
	suite_take_letter(s, r, l, false);
	return 1;
}

static int take_stored(struct run *r, struct slice name, uint64_t index)
{
	struct suite *s = suite_of(r);
	const struct mailbox *m = store_find(&s->store, name);
	const struct stored *stored;
	struct letter *l;

	if (m == NULL || index >= m->n)
		return 0;
	stored = &m->messages[index];
	l = make_letter(r, slice_of(stored->bytes, stored->n));
	if (l == NULL)
		return -1;
	suite_take_letter(s, r, l, true);
	suite_take_flags(s, r, stored->flags, stored->nflags);
	return 1;
}

int testsuite_message(struct run *r, const struct op *op)
{
	const struct value *folder = op_tag(op, "folder");
	uint64_t index = op->params[0].number;

	if (folder != NULL)
		return take_stored(r, run_value(r, folder), index);
	return take_sent(r, index);
}

int testsuite_message_print(struct run *r, const struct op *op)
{
	const struct suite *s = suite_of(r);

	(void)op;
	if (s->report.out != NULL)
		(void)fwrite(s->letter->bytes, 1, s->letter->n, s->report.out);
	return 0;
}

int testsuite_mailbox_create(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);
	struct err e;

	if (store_create(&s->store, run_string(r, op, 0), &e) == NULL)
		return run_error(r, "%s: %s", diag_word(run_string(r, op, 0)), e.text);
	return 0;
}

int testsuite_metadata_set(struct run *r, const struct op *op)
{
	const struct value *mailbox = op_tag(op, "mailbox");
	struct err e;

	if (store_annotate(&suite_of(r)->store, mailbox != NULL ? run_value(r, mailbox) : SLICE_LIT(""),
			   run_string(r, op, 0), run_string(r, op, 1), &e) != 0)
		return run_error(r, "%s", e.text);
	return 0;
}

static int only_value(const char *value, size_t i, struct address_view *out)
{
	if (i > 0 || value == NULL)
		return 0;
	*out = (struct address_view){ .all = slice_str(value) };
	return 1;
}

int testsuite_auth(struct run *r, size_t i, struct address_view *out)
{
	return only_value(suite_of(r)->envelope.auth, i, out);
}

int testsuite_orig_to(struct run *r, size_t i, struct address_view *out)
{
	return only_value(suite_of(r)->envelope.orig_to, i, out);
}
