#include "store/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/special_use.h"

void target_free(struct target *t)
{
	free(t->mailbox);
	free(t->name);
	*t = (struct target){ .use = 0 };
}

/* T is the mailbox WIRE, which is taken over. */
static void set(struct imap *s, struct target *t, char *wire)
{
	free(t->mailbox);
	free(t->name);
	t->mailbox = wire;
	t->name = folder_from_wire(imap_style(s), wire);
}

/* The first existing folder above T may differ in case from what the rule says: T goes below it. */
static void adopt_parent(struct imap *s, const struct catalog *c, struct target *t)
{
	char *name = mem_strdup(t->name);

	for (size_t n = strlen(name); n-- > 1;) {
		const struct catalog_folder *f = NULL;
		char *parent, *wire;

		if (name[n] != '/')
			continue;
		parent = slice_dup(slice_of(name, n));
		wire = folder_to_wire(imap_style(s), parent, NULL);
		if (wire != NULL && catalog_find(c, wire) == NULL)
			f = catalog_sibling(c, parent, false);
		else
			n = 1; /* it is there: nothing to do */
		free(wire);
		free(parent);
		if (f != NULL) {
			char *better = mem_printf("%s%s", f->name, name + n);

			wire = folder_to_wire(imap_style(s), better, NULL);
			if (wire != NULL)
				set(s, t, wire);
			free(better);
			break;
		}
	}
	free(name);
}

/* NAME without blanks around its levels, which some stores cut off when they make a folder; NULL when it has none. */
static char *without_blanks(const char *name)
{
	char *out = mem_alloc(strlen(name) + 1);
	size_t n = 0;

	for (const char *c = name; *c != '\0'; c++) {
		if (*c == ' ' && (n == 0 || out[n - 1] == '/'))
			continue;
		while ((*c == '/') && n > 0 && out[n - 1] == ' ')
			n--;
		out[n++] = *c;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	if (n > 0 && strcmp(out, name) != 0)
		return out;
	free(out);
	return NULL;
}

static const struct catalog_folder *find_alike(const struct catalog *c, const char *name)
{
	const struct catalog_folder *f = catalog_sibling(c, name, true);
	char *bare = f == NULL ? without_blanks(name) : NULL;

	if (bare != NULL)
		f = catalog_sibling(c, bare, true);
	free(bare);
	return f != NULL ? f : catalog_sibling(c, name, false);
}

static int refresh(struct imap *s, bool *fresh, const struct catalog **c, struct err *e)
{
	if (*fresh)
		return 0;
	*fresh = true;
	return mailbox_catalog(s, true, c, e);
}

/* T has the mailbox that the rule names; is there one that it means? */
static int find_named(struct imap *s, bool *fresh, struct target *t, struct err *e)
{
	const struct catalog_folder *f;
	const struct catalog *c;

	if (folder_is_inbox(t->mailbox))
		return 0;
	if (mailbox_catalog(s, false, &c, e) != 0)
		return -1;
	if (catalog_find(c, t->mailbox) != NULL)
		return 0;
	if (refresh(s, fresh, &c, e) != 0)
		return -1;
	/* A list that is not whole proves nothing. */
	if (catalog_find(c, t->mailbox) != NULL || !c->known || c->cut)
		return 0;
	f = find_alike(c, t->name);
	if (f != NULL)
		set(s, t, mem_strdup(f->wire));
	else
		adopt_parent(s, c, t);
	return 0;
}

/* The folder for a use: the store's own, then the one that the rule names, then one that is called so. */
static int find_use(struct imap *s, unsigned use, struct slice other, bool make, bool *fresh, struct target *t,
		    struct err *e)
{
	const struct catalog_folder *f, *named;
	const struct catalog *c;
	char *name, *wire;

	if (mailbox_catalog(s, false, &c, e) != 0)
		return -1;
	if (catalog_use(c, use) == NULL && refresh(s, fresh, &c, e) != 0)
		return -1;
	f = catalog_use(c, use);
	if (other.n > 0) {
		name = slice_dup(other);
		wire = folder_to_wire(imap_style(s), name, f == NULL ? e : NULL);
		free(name);
		if (wire == NULL && f == NULL)
			return 1;
		/* Of several for one use the one that the rule names (RFC 8579, 4). */
		named = wire != NULL ? catalog_find(c, wire) : NULL;
		if (f != NULL && named != NULL && named->select && (named->uses & use) != 0)
			f = named;
		if (f == NULL)
			set(s, t, wire);
		else
			free(wire);
	}
	if (f == NULL && other.n > 0) {
		if (find_named(s, fresh, t, e) != 0)
			return -1;
		if (catalog_find(c, t->mailbox) != NULL)
			return 0;
	}
	if (f == NULL)
		f = catalog_guess(c, use);
	if (f != NULL) {
		set(s, t, mem_strdup(f->wire));
		return 0;
	}
	t->use = use;
	if (t->mailbox != NULL)
		return 0;
	name = (char *)(uintptr_t)special_use_default(use);
	if (name == NULL || !make) {
		(void)err_set(e, ERR_INPUT, 0, "the store shows no folder for %s%s", special_use_name(use),
			      name == NULL ? ", and only itself can make one"
					   : ", and none may be made (neither :create in the rule nor create_folders "
					     "in the account)");
		return 1;
	}
	wire = folder_to_wire(imap_style(s), name, e);
	if (wire == NULL)
		return 1;
	set(s, t, wire);
	return 0;
}

/* Is there a floor of J in WIRE? */
static bool was_sent_to(const struct job *j, const char *wire)
{
	return j->resend && (j->work->floor_folder == NULL || strcmp(j->work->floor_folder, wire) == 0);
}

int target_find(struct imap *s, const struct job *j, bool make, bool *fresh, struct target *t, struct err *e)
{
	const char *folder = j->work->folder;
	struct slice other;
	unsigned use;
	char *wire;
	int ret;

	*t = (struct target){ .use = 0 };
	if (special_use_split(slice_str(folder), &use, &other)) {
		ret = find_use(s, use, other, make, fresh, t, e);
	} else {
		wire = folder_to_wire(imap_style(s), folder, e);
		if (wire == NULL)
			return 1;
		set(s, t, wire);
		/* It may lie in just that folder, whatever others there are now. */
		if (was_sent_to(j, wire))
			return 0;
		ret = find_named(s, fresh, t, e);
	}
	t->renamed = ret == 0 && strcmp(t->name, folder) != 0;
	return ret;
}

bool target_plain(struct imap *s, const struct job *j, struct target *t)
{
	struct slice other;
	unsigned use;
	char *wire;

	*t = (struct target){ .use = 0 };
	if (special_use_split(slice_str(j->work->folder), &use, &other))
		return false;
	wire = folder_to_wire(imap_style(s), j->work->folder, NULL);
	if (wire == NULL)
		return false;
	set(s, t, wire);
	return was_sent_to(j, wire) || strcmp(t->name, j->work->folder) == 0;
}

void target_claim(struct job *j, const struct target *t)
{
	if (!was_sent_to(j, t->mailbox))
		j->resend = false;
}
