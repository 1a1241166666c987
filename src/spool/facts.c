#include "spool/facts.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/special_use.h"

enum { END_ROOM = 16, NAME_MAX_BYTES = 4000 };

/* ---- writing ---- */

static bool is_plain(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	return name.n <= NAME_MAX_BYTES && utf8_valid(name);
}

void facts_begin(struct buf *out, uint64_t append_limit, char separator, const char *prefix)
{
	buf_clear(out);
	if (append_limit == UINT64_MAX)
		(void)buf_add_str(out, "-");
	else
		(void)buf_addf(out, "%llu", (unsigned long long)append_limit);
	(void)buf_addf(out, " %c %s\n", separator == '\0' ? '-' : separator, is_plain(slice_str(prefix)) ? prefix : "");
}

bool facts_add(struct buf *out, const char *name, unsigned uses)
{
	if (!is_plain(slice_str(name)))
		return true;
	if (out->n + strlen(name) + 2 * END_ROOM > out->max)
		return false;
	return buf_addf(out, "%u %s\n", uses, name) == 0;
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

/* "LIMIT SEPARATOR PREFIX" */
static int read_store(char *line, struct facts *f)
{
	char *gap = strchr(line, ' ');

	if (gap == NULL || gap[1] == '\0' || gap[2] != ' ')
		return -1;
	*gap = '\0';
	if (strcmp(line, "-") != 0 && slice_number(slice_str(line), UINT64_MAX - 1, &f->append_limit) != 0)
		return -1;
	f->separator = gap[1] == '-' ? '\0' : gap[1];
	f->prefix = mem_strdup(gap + 3);
	return is_plain(slice_str(f->prefix)) ? 0 : -1;
}

static int read_folder(char *line, struct facts_folder *out)
{
	char *gap = strchr(line, ' ');
	uint64_t uses;

	if (gap == NULL)
		return -1;
	*gap = '\0';
	if (slice_number(slice_str(line), USE_ANY, &uses) != 0 || !is_plain(slice_str(gap + 1)))
		return -1;
	*out = (struct facts_folder){ .name = gap + 1, .uses = (unsigned)uses };
	if (uses == 0)
		out->guess = special_use_guess_path(out->name, &out->depth);
	return 0;
}

int facts_read(struct slice text, struct facts *f)
{
	size_t room = 0;
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

	if (special_use_split(name, &use, &other)) {
		found = facts_find_use(f, use);
		if (found != NULL || other.n == 0)
			return found;
		name = other;
	}
	text = normal(f, name);
	found = find_named(f, text);
	free(text);
	return found == NULL && slice_eq_nocase(name, SLICE_LIT("INBOX")) ? &inbox : found;
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
