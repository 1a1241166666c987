#include "store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"

static const struct slice inbox = { "INBOX", 5 };

static void free_mailbox(struct mailbox *m)
{
	for (size_t i = 0; i < m->n; i++) {
		for (size_t k = 0; k < m->messages[i].nflags; k++)
			free(m->messages[i].flags[k]);
		free(m->messages[i].flags);
		free(m->messages[i].bytes);
	}
	for (size_t i = 0; i < m->nannotations; i++) {
		free(m->annotations[i].name);
		free(m->annotations[i].value);
	}
	free(m->messages);
	free(m->annotations);
	free(m->name);
	free(m);
}

void store_init(struct store *s)
{
	*s = (struct store){ NULL, 0 };
	(void)store_create(s, inbox, NULL);
}

void store_free(struct store *s)
{
	while (s->mailboxes != NULL) {
		struct mailbox *m = s->mailboxes;

		s->mailboxes = m->next;
		free_mailbox(m);
	}
}

static bool same_name(struct slice a, struct slice b)
{
	if (slice_starts_nocase(a, inbox) && slice_starts_nocase(b, inbox) && (a.n == inbox.n || a.p[inbox.n] == '.') &&
	    (b.n == inbox.n || b.p[inbox.n] == '.'))
		return slice_eq(slice_skip(a, inbox.n), slice_skip(b, inbox.n));
	return slice_eq(a, b);
}

struct mailbox *store_find(const struct store *s, struct slice name)
{
	for (struct mailbox *m = s->mailboxes; m != NULL; m = m->next)
		if (same_name(slice_str(m->name), name))
			return m;
	return NULL;
}

/* A level without a name is none. */
static bool is_name(struct slice name)
{
	bool ok = name.n > 0 && utf8_valid(name) && slice_find(name, '\0') == name.n && name.p[0] != '.' &&
		  name.p[name.n - 1] != '.';

	for (size_t i = 1; ok && i < name.n; i++)
		ok = name.p[i] != '.' || name.p[i - 1] != '.';
	return ok;
}

static struct mailbox *add_mailbox(struct store *s, struct slice name)
{
	struct mailbox *m = mem_alloc(sizeof *m);

	m->name = slice_dup(name);
	m->next = s->mailboxes;
	s->mailboxes = m;
	s->size += name.n + sizeof *m;
	return m;
}

struct mailbox *store_create(struct store *s, struct slice name, struct err *e)
{
	struct mailbox *m = store_find(s, name);

	if (m != NULL && m->name[0] != '\0')
		return m;
	if (!is_name(name)) {
		(void)err_set(e, ERR_INPUT, 0, "a mailbox can't have that name");
		return NULL;
	}
	if (s->size > STORE_MAX) {
		(void)err_set(e, ERR_LIMIT, 0, "the store is full");
		return NULL;
	}
	return add_mailbox(s, name);
}

int store_add(struct store *s, struct mailbox *m, struct slice bytes, char *const *flags, size_t nflags, struct err *e)
{
	struct stored *to;

	if (bytes.n > STORE_MAX || s->size > STORE_MAX - bytes.n)
		return err_set(e, ERR_LIMIT, 0, "the store is full");
	m->messages = mem_resize(m->messages, m->n + 1, sizeof *m->messages);
	to = &m->messages[m->n++];
	*to = (struct stored){ slice_dup(bytes), bytes.n, NULL, nflags };
	if (nflags > 0)
		to->flags = mem_array(nflags, sizeof *to->flags);
	for (size_t i = 0; i < nflags; i++)
		to->flags[i] = mem_strdup(flags[i]);
	s->size += bytes.n + sizeof *to;
	return 0;
}

static struct annotation *find_annotation(const struct mailbox *m, struct slice name)
{
	for (size_t i = 0; i < m->nannotations; i++)
		if (slice_eq_nocase(slice_str(m->annotations[i].name), name))
			return &m->annotations[i];
	return NULL;
}

int store_annotate(struct store *s, struct slice mailbox, struct slice name, struct slice value, struct err *e)
{
	struct mailbox *m = store_find(s, mailbox);
	struct annotation *a;

	if (m == NULL && mailbox.n > 0)
		return err_set(e, ERR_INPUT, 0, "there is no such mailbox");
	if (s->size > STORE_MAX)
		return err_set(e, ERR_LIMIT, 0, "the store is full");
	if (m == NULL)
		m = add_mailbox(s, mailbox);
	a = find_annotation(m, name);
	if (a == NULL) {
		m->annotations = mem_resize(m->annotations, m->nannotations + 1, sizeof *m->annotations);
		a = &m->annotations[m->nannotations++];
		*a = (struct annotation){ slice_dup(name), NULL };
	}
	free(a->value);
	a->value = slice_dup(value);
	s->size += name.n + value.n;
	return 0;
}

const char *store_annotation(const struct store *s, struct slice mailbox, struct slice name)
{
	const struct mailbox *m = store_find(s, mailbox);
	const struct annotation *a = m != NULL ? find_annotation(m, name) : NULL;

	return a != NULL ? a->value : NULL;
}
