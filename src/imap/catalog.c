#include "imap/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "imap/dialog.h"
#include "imap/session_impl.h"
#include "imap/untagged.h"
#include "msg/special_use.h"

void catalog_clear(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->all[i].wire);
		free(c->all[i].name);
		free(c->all[i].id);
	}
	free(c->all);
	*c = (struct catalog){ .n = 0 };
}

static void add(struct catalog *c, const struct imap *s, const struct untagged_list *l, size_t *room)
{
	char *wire = imap_read_name(s, buf_slice(&l->name));
	struct catalog_folder *f;
	bool personal;

	if (wire == NULL || wire[0] == '\0' || c->n == CATALOG_MAX) {
		c->cut = c->cut || c->n == CATALOG_MAX;
		free(wire);
		return;
	}
	if (c->n == *room)
		c->all = mem_resize(c->all, *room = *room * 2 + 16, sizeof *c->all);
	personal = folder_is_personal(imap_style(s), wire);
	f = &c->all[c->n++];
	*f = (struct catalog_folder){
		.wire = wire,
		.name = folder_from_wire(imap_style(s), wire),
		/* Another's folder for it is none of ours, whatever it is called (RFC 8579, 4 and 7). */
		.uses = personal ? l->uses : 0,
		.select = (l->attributes & ATTRIBUTE_NOSELECT) == 0,
		.parent = (l->attributes & ATTRIBUTE_NOINFERIORS) == 0,
		.plain = folder_is_plain(imap_style(s), wire),
	};
	if (personal && f->uses == 0)
		f->guess = special_use_guess_path(f->name, &f->depth);
}

void catalog_read(struct catalog *c, const struct imap *s, bool known, bool cut)
{
	struct slice kept = dialog_kept(s, NULL), args;
	enum untagged_kind kind;
	size_t room = 0;

	catalog_clear(c);
	c->known = known;
	c->cut = cut;
	while (known && untagged_next(&kept, &kind, &args)) {
		struct untagged_list l;

		if (kind != UNTAGGED_LIST)
			continue;
		/* A name that only subscriptions or children still know is none that exists. */
		if (untagged_list(args, &l) == 0 && (l.attributes & ATTRIBUTE_NONEXISTENT) == 0)
			add(c, s, &l, &room);
		buf_free(&l.name);
	}
}

const struct catalog_folder *catalog_find(const struct catalog *c, const char *wire)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->all[i].wire, wire) == 0)
			return &c->all[i];
	return NULL;
}

const struct catalog_folder *catalog_sibling(const struct catalog *c, const char *name, bool select)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->all[i].plain && (c->all[i].select || !select) &&
		    utf8_eq_nocase(slice_str(c->all[i].name), slice_str(name)))
			return &c->all[i];
	return NULL;
}

const struct catalog_folder *catalog_use(const struct catalog *c, unsigned use)
{
	for (size_t i = 0; i < c->n; i++)
		if ((c->all[i].uses & use) != 0 && c->all[i].select && c->all[i].plain)
			return &c->all[i];
	return NULL;
}

const struct catalog_folder *catalog_guess(const struct catalog *c, unsigned use)
{
	const struct catalog_folder *below = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct catalog_folder *f = &c->all[i];

		if (!f->select || !f->plain || f->guess != use)
			continue;
		if (f->depth == 0)
			return f;
		if (f->depth == 1 && below == NULL)
			below = f;
	}
	return below;
}
