#include "fetch/copy_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/special_use.h"

enum { TEXT_MAX = 64 * 1024 };
enum {
	VIRTUAL = USE_ALL | USE_FLAGGED | USE_IMPORTANT,
	REAL = USE_ARCHIVE | USE_DRAFTS | USE_JUNK | USE_SENT | USE_TRASH
};

/* What stands in work for one folder. */
struct entry {
	const struct source_folder *folder;
	char *name; /* owned */
	bool changed;
	unsigned guess; /* uses that its name tells, where nothing else does */
	unsigned use;	/* one bit: it goes to the folder of that use */
	size_t index;
};

/* ---- one name ---- */

/* Octets of S, at most MAX, that end with a whole character. */
static size_t whole(struct slice s, size_t max)
{
	size_t n = s.n < max ? s.n : max;

	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* Beyond ASCII all is text; within, what IMAP keeps for patterns, levels, special uses and namespaces is not. */
static bool fits(char c, bool first, char separator)
{
	if (c == '\0' || (first && strchr("\\~#", c) != NULL))
		return false;
	return (unsigned char)c >= ' ' && c != 0x7f && c != '/' && c != '*' && c != '%' && c != separator;
}

/* Appends one level. True when it is not what it was. */
static bool add_level(struct buf *out, struct slice level, char separator)
{
	const size_t n = whole(level, COPY_LEVEL_MAX);
	bool changed = n < level.n;

	if (out->n > 0)
		(void)buf_add_char(out, '/');
	for (size_t i = 0; i < n; i++) {
		const char c = level.p[i];
		const bool ok = fits(c, i == 0 && out->n == 0, separator);

		(void)buf_add_char(out, ok ? c : '_');
		changed = changed || !ok;
	}
	return changed;
}

/* Folders that a store keeps below INBOX are called without it. */
static void drop_inbox(struct buf *name)
{
	if (name->n > 6 && slice_starts_nocase(buf_slice(name), SLICE_LIT("INBOX/")))
		buf_consume(name, 6);
}

/* A name that people read: levels with "/", without the prefix. */
static char *plain_name(const struct source_folder *f, const struct facts *target, bool *changed)
{
	const bool below_inbox =
	    target->prefix != NULL && slice_eq_nocase(slice_str(target->prefix), SLICE_LIT("INBOX/"));
	struct slice rest = slice_str(f->name);
	struct buf out;
	char *name;

	rest = slice_skip(rest, f->prefix < rest.n ? f->prefix : 0);
	buf_init(&out, TEXT_MAX);
	*changed = false;
	while (rest.n > 0) {
		size_t n = f->separator == '\0' ? rest.n : slice_find(rest, f->separator);

		/* Levels without a name are none. */
		if (n > 0)
			*changed = add_level(&out, slice_of(rest.p, n), target->separator) || *changed;
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
	if (below_inbox)
		drop_inbox(&out);
	if (out.n > COPY_NAME_MAX) {
		buf_truncate(&out, whole(buf_slice(&out), COPY_NAME_MAX));
		*changed = true;
	}
	if (out.n > 0 && utf8_valid(buf_slice(&out))) {
		name = mem_strdup(buf_str(&out));
	} else {
		name = mem_strdup("Folder");
		*changed = true;
	}
	buf_free(&out);
	return name;
}

/* The use that a top folder's name tells. */
static unsigned guess(const char *name)
{
	const struct slice s = slice_str(name);
	const bool below_inbox = slice_starts_nocase(s, SLICE_LIT("INBOX/"));
	size_t depth;
	const unsigned use = special_use_guess_path(name, &depth);

	return depth == (below_inbox ? 1 : 0) ? use : 0;
}

static bool is_inbox(const struct source_folder *f)
{
	return slice_eq_nocase(slice_str(f->name), SLICE_LIT("INBOX"));
}

/* ---- special uses ---- */

static bool is_asked_for(const struct source_folder *f, char *const *also, size_t nalso)
{
	for (size_t i = 0; i < nalso; i++)
		if ((special_use_of(slice_str(also[i])) & f->uses) != 0 || strcmp(also[i], f->name) == 0)
			return true;
	return false;
}

/* The one folder that goes to the folder of USE: the first by name of those that are told to have it, or, where none
 * is, of those that are so called. */
static struct entry *find_use(struct entry *all, size_t n, unsigned use)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].use == 0 && (all[i].folder->uses & use) != 0)
			return &all[i];
	for (size_t i = 0; i < n; i++)
		if (all[i].use == 0 && (all[i].folder->uses & USE_ANY) == 0 && (all[i].guess & use) != 0)
			return &all[i];
	return NULL;
}

static void find_uses(struct entry *all, size_t n)
{
	for (unsigned use = 1; use <= USE_ANY; use <<= 1) {
		struct entry *e = (use & REAL) != 0 ? find_use(all, n, use) : NULL;

		if (e != NULL)
			e->use = use;
	}
}

/* ---- all of them ---- */

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->folder->name, ((const struct entry *)b)->folder->name);
}

/* Those that keep their name stand in front of those of the same name that do not. */
static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = slice_cmp_nocase(slice_str(x->name), slice_str(y->name));

	if (r == 0)
		r = (int)x->changed - (int)y->changed;
	return r != 0 ? r : strcmp(x->folder->name, y->folder->name);
}

static bool is_taken(const struct entry *all, size_t n, const char *name)
{
	size_t low = 0, high = n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const int r = slice_cmp_nocase(slice_str(name), slice_str(all[mid].name));

		if (r == 0)
			return true;
		if (r < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return false;
}

/* Numbers what would meet. The array stays sorted by the names as they were, so that no number meets another name; a
 * name with a number meets no other, as the numbers of one name go up. */
static char **numbered(const struct entry *all, size_t n)
{
	char **names = mem_array(n + 1, sizeof *names);
	unsigned number = 1;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || slice_cmp_nocase(slice_str(all[i].name), slice_str(all[i - 1].name)) != 0) {
			number = 1;
			continue;
		}
		do {
			free(names[i]);
			names[i] = mem_printf("%s_%u", all[i].name, ++number);
		} while (is_taken(all, n, names[i]));
	}
	return names;
}

static void settle(struct copy_target *out, const struct entry *e, const char *name)
{
	const struct copy_target t = {
		.folder = e->use == 0 ? mem_strdup(name) : mem_printf("%s:%s", special_use_name(e->use), name),
		.why = name != e->name ? "another folder has this name there"
		       : e->changed    ? "its name holds what a folder's name there can't"
				       : NULL,
	};

	out[e->index] = t;
}

struct copy_target *copy_map(const struct source_folder *folders, size_t n, const struct facts *target,
			     char *const *also, size_t nalso)
{
	struct copy_target *out = mem_array(n + 1, sizeof *out);
	struct entry *all = mem_array(n + 1, sizeof *all);
	char **names;
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		const struct source_folder *f = &folders[i];
		struct entry *e = &all[left];

		if (is_inbox(f)) {
			out[i].folder = mem_strdup("INBOX");
		} else if ((f->uses & VIRTUAL) != 0 && !is_asked_for(f, also, nalso)) {
			out[i].why = "it shows the mail of other folders once more";
		} else {
			*e = (struct entry){ .folder = f, .index = i };
			e->name = plain_name(f, target, &e->changed);
			e->guess = guess(e->name);
			left++;
		}
	}
	if (left > 0)
		qsort(all, left, sizeof *all, by_folder);
	find_uses(all, left);
	if (left > 0)
		qsort(all, left, sizeof *all, by_name);
	names = numbered(all, left);
	for (size_t i = 0; i < left; i++)
		settle(out, &all[i], names[i] != NULL ? names[i] : all[i].name);
	for (size_t i = 0; i < left; i++) {
		free(names[i]);
		free(all[i].name);
	}
	free(names);
	free(all);
	return out;
}

void copy_map_free(struct copy_target *t, size_t n)
{
	for (size_t i = 0; t != NULL && i < n; i++)
		free(t[i].folder);
	free(t);
}
