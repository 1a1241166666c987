#include "fetch/folder_match.h"

#include <string.h>

#include "base/slice.h"
#include "msg/special_use.h"

/* The latest wildcard is tried with one octet more; `%' stops at a separator, and then the `*' before it goes on. */
static bool glob(struct slice p, struct slice s, char separator)
{
	size_t i = 0, k = 0, star = SIZE_MAX, star_k = 0, level = SIZE_MAX, level_k = 0;

	while (k < s.n || i < p.n) {
		if (i < p.n && p.p[i] == '*') {
			star = ++i;
			star_k = k;
			level = SIZE_MAX;
		} else if (i < p.n && p.p[i] == '%') {
			level = ++i;
			level_k = k;
		} else if (i < p.n && k < s.n && p.p[i] == s.p[k]) {
			i++;
			k++;
		} else if (level != SIZE_MAX && level_k < s.n && (separator == '\0' || s.p[level_k] != separator)) {
			i = level;
			k = ++level_k;
		} else if (star != SIZE_MAX && star_k < s.n) {
			i = star;
			k = ++star_k;
			level = SIZE_MAX;
		} else {
			return false;
		}
	}
	return true;
}

static bool is_inbox_or_below(struct slice s, char separator)
{
	return slice_starts_nocase(s, SLICE_LIT("INBOX")) && (s.n == 5 || (separator != '\0' && s.p[5] == separator));
}

static bool name_matches(struct slice pattern, struct slice name, char separator)
{
	if (is_inbox_or_below(name, separator) && slice_starts_nocase(pattern, SLICE_LIT("INBOX"))) {
		name = slice_skip(name, 5);
		pattern = slice_skip(pattern, 5);
	}
	return glob(pattern, name, separator);
}

bool folder_pattern_matches(const char *pattern, const struct folder_known *f)
{
	struct slice p = slice_str(pattern);
	unsigned use = p.n > 0 && p.p[0] == '\\' ? special_use_of(p) : 0;

	if (use != 0)
		return (f->uses & use) != 0;
	return name_matches(p, slice_str(f->name), f->separator) || name_matches(p, slice_str(f->people), '/');
}

/* Does it only show what lies in other folders? */
static bool is_view(const struct folder_known *f)
{
	return (f->uses & USE_VIEWS) != 0;
}

/* By its own name or use, and not among all that fit. */
static bool picks_one(const char *pattern)
{
	return strpbrk(pattern, "*%") == NULL;
}

bool folder_is_meant(char *const *patterns, size_t n, const struct folder_known *f)
{
	bool in = false, named = false;

	for (size_t i = 0; i < n; i++) {
		if (patterns[i][0] == '!') {
			if (folder_pattern_matches(patterns[i] + 1, f))
				return false;
			continue;
		}
		named = true;
		in = in || (folder_pattern_matches(patterns[i], f) && (picks_one(patterns[i]) || !is_view(f)));
	}
	return in || (!named && !is_view(f));
}

bool folder_pattern_is_name(const char *pattern)
{
	return pattern[0] != '!' && strpbrk(pattern, "*%") == NULL && special_use_of(slice_str(pattern)) == 0;
}
