#include "sieve/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char suffix[] = ".sieve";

size_t shelf_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static bool find(void *arg, bool global, struct slice name, struct slice *text, const char **path)
{
	struct shelf *s = arg;
	const char *folder = global ? s->global : s->outermost;
	size_t n = folder == NULL ? 0 : global ? strlen(folder) : shelf_folder(folder);
	char *wanted;
	bool found = false;

	if (folder == NULL || memchr(name.p, '\0', name.n) != NULL)
		return false;
	wanted = mem_printf("%.*s%s%.*s%s", (int)n, folder, global ? "/" : "", (int)name.n, name.p, suffix);
	for (size_t i = 0; i < s->n && !found; i++) {
		found = strcmp(s->all[i].path, wanted) == 0;
		if (!found)
			continue;
		s->all[i].used = true;
		*text = s->all[i].text;
		*path = s->all[i].path;
	}
	free(wanted);
	return found;
}

struct sieve_scripts shelf_scripts(struct shelf *s, const char *outermost)
{
	struct slice file = slice_str(outermost + shelf_folder(outermost));
	size_t n = sizeof suffix - 1;

	shelf_end(s);
	s->outermost = outermost;
	if (file.n > n && memcmp(file.p + file.n - n, suffix, n) == 0)
		s->self = slice_dup(slice_of(file.p, file.n - n));
	return (struct sieve_scripts){ .self = s->self, .find = find, .arg = s };
}

void shelf_end(struct shelf *s)
{
	free(s->self);
	s->self = NULL;
	s->outermost = NULL;
}

/* Whether TEXT may hold a string with WORD in it: each octet may have a "\\" in front (RFC 5228, 2.4.2). */
static bool may_say(struct slice text, const char *word)
{
	for (size_t i = 0; i < text.n; i++) {
		size_t at = i, n = 0;

		if (text.p[i] != word[0])
			continue;
		while (at < text.n && word[n] != '\0' && text.p[at] == word[n]) {
			at++;
			n++;
			while (at < text.n && text.p[at] == '\\')
				at++;
		}
		if (word[n] == '\0')
			return true;
	}
	return false;
}

bool shelf_asks(struct slice text)
{
	/* The command has no case, but the extensions that it needs have: itself, or what makes its name of numbers. */
	return may_say(text, "include") || may_say(text, "encoded-character");
}

bool shelf_same(struct slice a, struct slice b)
{
	return slice_eq(a, b) && !shelf_asks(a);
}
