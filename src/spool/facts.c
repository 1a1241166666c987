#include "spool/facts.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/special_use.h"

enum { END_ROOM = 16, NAME_MAX_BYTES = 4000, ID_MAX = 255 };

/* ---- writing ---- */

static bool is_plain(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	return name.n <= NAME_MAX_BYTES && utf8_valid(name);
}

void facts_begin(struct buf *out, uint64_t append_limit, bool utf8, char separator, const char *prefix)
{
	buf_clear(out);
	if (append_limit == UINT64_MAX)
		(void)buf_add_str(out, "-");
	else
		(void)buf_addf(out, "%llu", (unsigned long long)append_limit);
	(void)buf_addf(out, "%s %c %s\n", utf8 ? "+" : "", separator == '\0' ? '-' : separator, is_plain(slice_str(prefix)) ? prefix : "");
}

static bool is_id(const char *id)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= ID_MAX && id[n] == '\0';
}

/* "USES NAME" or "USES:ID NAME" */
bool facts_add_with_id(struct buf *out, const char *name, unsigned uses, const char *id)
{
	bool told = id != NULL && is_id(id);

	if (!is_plain(slice_str(name)))
		return true;
	if (out->n + strlen(name) + (told ? strlen(id) : 0) + 2 * END_ROOM > out->max)
		return false;
	return buf_addf(out, "%u%s%s %s\n", uses, told ? ":" : "", told ? id : "", name) == 0;
}

bool facts_add(struct buf *out, const char *name, unsigned uses)
{
	return facts_add_with_id(out, name, uses, NULL);
}

static bool is_entry(struct slice entry)
{
	for (size_t i = 0; i < entry.n; i++)
		if ((unsigned char)entry.p[i] <= ' ' || (unsigned char)entry.p[i] >= 0x7f)
			return false;
	return entry.n > 1 && entry.n <= NAME_MAX_BYTES && entry.p[0] == '/';
}

/* "@ENTRY VALUE", with what a line can't hold as "%0a". */
void facts_annotate(struct buf *out, size_t *all, struct slice entry, struct slice value)
{
	size_t before = out->n;

	if (!is_entry(entry) || *all + entry.n + 3 * value.n > FACTS_ANNOTATIONS_BYTES ||
	    out->n + entry.n + 3 * value.n + 2 * END_ROOM > out->max)
		return;
	(void)buf_addf(out, "@%.*s ", (int)entry.n, entry.p);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c < ' ' || c == '%' || c == 0x7f)
			(void)buf_addf(out, "%%%02x", c);
		else
			(void)buf_add_char(out, value.p[i]);
	}
	(void)buf_add_char(out, '\n');
	*all += out->n - before;
}

void facts_end(struct buf *out, bool cut)
{
	if (cut)
		(void)buf_add_str(out, "+\n");
}

/* ---- reading ---- */

static int by_name(const void *a, const void *b)
{
	const struct facts_folder *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Cuts the next line off REST and ends it with a NUL. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = line == NULL ? NULL : strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

/* "LIMIT SEPARATOR PREFIX"; a "+" behind LIMIT: it takes UTF-8 */
static int read_store(char *line, struct facts *f)
{
	char *gap = strchr(line, ' ');

	if (gap == NULL || gap[1] == '\0' || gap[2] != ' ')
		return -1;
	*gap = '\0';
	f->utf8 = gap > line && gap[-1] == '+';
	if (f->utf8)
		gap[-1] = '\0';
	if (strcmp(line, "-") != 0 && slice_number(slice_str(line), UINT64_MAX - 1, &f->append_limit) != 0)
		return -1;
	f->separator = gap[1] == '-' ? '\0' : gap[1];
	f->prefix = mem_strdup(gap + 3);
	return is_plain(slice_str(f->prefix)) ? 0 : -1;
}

static int read_folder(char *line, struct facts_folder *out)
{
	char *gap = strchr(line, ' '), *id;
	uint64_t uses;

	if (gap == NULL)
		return -1;
	*gap = '\0';
	id = strchr(line, ':');
	if (id != NULL)
		*id++ = '\0';
	if (id != NULL && !is_id(id))
		return -1;
	if (slice_number(slice_str(line), USE_ANY, &uses) != 0 || !is_plain(slice_str(gap + 1)))
		return -1;
	*out = (struct facts_folder){ .name = gap + 1, .uses = (unsigned)uses, .id = id };
	if (uses == 0)
		out->guess = special_use_guess_path(out->name, &out->depth);
	return 0;
}

/* In place. */
static int decode(char *text, struct slice *out)
{
	size_t n = 0;

	*out = slice_of(text, 0);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '%') {
			int high = ascii_hex(p[1]), low = high < 0 ? -1 : ascii_hex(p[2]);

			if (low < 0)
				return -1;
			text[n++] = (char)(high << 4 | low);
			p += 2;
		} else {
			text[n++] = *p;
		}
	}
	out->n = n;
	return 0;
}

/* LINE is behind the "@"; *ROOM: elements that there is memory for. */
static int read_annotation(char *line, struct facts *f, size_t *room)
{
	char *gap = strchr(line, ' ');
	struct facts_annotation *a;

	if (gap == NULL || f->nannotations == FACTS_ANNOTATIONS_MAX)
		return gap == NULL ? -1 : 0;
	*gap = '\0';
	if (f->nannotations == *room)
		f->annotations = mem_resize(f->annotations, *room = *room * 2 + 16, sizeof *f->annotations);
	a = &f->annotations[f->nannotations];
	*a = (struct facts_annotation){ .folder = f->n > 0 ? f->folders[f->n - 1].name : "", .entry = line };
	f->nannotations++;
	return is_entry(slice_str(line)) ? decode(gap + 1, &a->value) : -1;
}

int facts_read(struct slice text, struct facts *f)
{
	size_t room = 0, annotations = 0;
	char *rest, *line;

	*f = (struct facts){ .append_limit = UINT64_MAX };
	if (text.n == 0)
		return 0;
	if (text.n > FACTS_MAX || memchr(text.p, '\0', text.n) != NULL)
		return -1;
	rest = f->text = slice_dup(text);
	line = next_line(&rest);
	if (line == NULL || read_store(line, f) != 0)
		return -1;
	while ((line = next_line(&rest)) != NULL) {
		if (strcmp(line, "+") == 0) {
			f->cut = true;
			break;
		}
		if (line[0] == '@') {
			if (read_annotation(line + 1, f, &annotations) != 0)
				return -1;
			continue;
		}
		if (f->n == FACTS_FOLDERS_MAX)
			return -1;
		if (f->n == room)
			f->folders = mem_resize(f->folders, room = room * 2 + 16, sizeof *f->folders);
		if (read_folder(line, &f->folders[f->n]) != 0)
			return -1;
		f->n++;
	}
	if (*rest != '\0')
		return -1;
	if (f->n > 0)
		qsort(f->folders, f->n, sizeof *f->folders, by_name);
	return 0;
}

void facts_free(struct facts *f)
{
	free(f->prefix);
	free(f->folders);
	free(f->annotations);
	free(f->text);
	*f = (struct facts){ .append_limit = UINT64_MAX };
}

/* NAME with "/" between levels, without the prefix. */
static char *normal(const struct facts *f, struct slice name)
{
	char *text = slice_dup(name);
	size_t n = f->prefix == NULL ? 0 : strlen(f->prefix);

	for (char *c = text; *c != '\0'; c++)
		if (f->separator != '\0' && *c == f->separator)
			*c = '/';
	if (n > 0 && slice_starts_nocase(slice_str(text), slice_str(f->prefix)) && strlen(text) > n)
		memmove(text, text + n, strlen(text) - n + 1);
	return text;
}

static const struct facts_folder *find_named(const struct facts *f, const char *name)
{
	const struct facts_folder key = { .name = name }, *found;

	found = f->n == 0 ? NULL : bsearch(&key, f->folders, f->n, sizeof *f->folders, by_name);
	for (size_t i = 0; found == NULL && i < f->n; i++)
		if (utf8_eq_nocase(slice_str(f->folders[i].name), slice_str(name)))
			found = &f->folders[i];
	return found;
}

const struct facts_folder *facts_find(const struct facts *f, struct slice name)
{
	static const struct facts_folder inbox = { .name = "INBOX" };
	const struct facts_folder *found;
	struct slice other;
	unsigned use;
	char *text;
	const bool by_use = special_use_split(name, &use, &other);

	if (by_use && other.n == 0)
		return facts_find_use(f, use);
	text = normal(f, by_use ? other : name);
	found = find_named(f, text);
	free(text);
	/* Of several for one use the one that is named (RFC 8579, 4). */
	if (by_use && (found == NULL || (found->uses & use) == 0)) {
		const struct facts_folder *one = facts_find_use(f, use);

		if (one != NULL)
			return one;
	}
	name = by_use ? other : name;
	return found == NULL && slice_eq_nocase(name, SLICE_LIT("INBOX")) ? &inbox : found;
}

const struct facts_annotation *facts_find_annotation(const struct facts *f, struct slice name, struct slice entry)
{
	const struct facts_folder *folder = name.n > 0 ? facts_find(f, name) : NULL;
	const char *of = folder != NULL ? folder->name : "";

	for (size_t i = 0; i < f->nannotations && (name.n == 0 || folder != NULL); i++)
		if (slice_eq_nocase(slice_str(f->annotations[i].entry), entry) && strcmp(f->annotations[i].folder, of) == 0)
			return &f->annotations[i];
	return NULL;
}

const struct facts_folder *facts_find_id(const struct facts *f, struct slice id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->folders[i].id != NULL && slice_eq(slice_str(f->folders[i].id), id))
			return &f->folders[i];
	return NULL;
}

const struct facts_folder *facts_find_use(const struct facts *f, unsigned use)
{
	const struct facts_folder *below = NULL;

	for (size_t i = 0; i < f->n; i++)
		if ((f->folders[i].uses & use) != 0)
			return &f->folders[i];
	for (size_t i = 0; i < f->n; i++) {
		if (f->folders[i].guess != use)
			continue;
		if (f->folders[i].depth == 0)
			return &f->folders[i];
		if (f->folders[i].depth == 1 && below == NULL)
			below = &f->folders[i];
	}
	return below;
}
