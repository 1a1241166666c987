#include "sieve/flags.h"

static const struct slice system_flags[] = {
	{ "\\Answered", 9 }, { "\\Flagged", 8 }, { "\\Deleted", 8 }, { "\\Seen", 5 }, { "\\Draft", 6 },
};

/* RFC 3501, 9: ATOM-CHAR. */
static bool is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

bool flag_settable(struct slice *flag)
{
	if (flag->n == 0 || flag->n > FLAG_LENGTH_MAX)
		return false;
	for (size_t i = 0; i < sizeof system_flags / sizeof system_flags[0]; i++) {
		if (slice_eq_nocase(*flag, system_flags[i])) {
			*flag = system_flags[i];
			return true;
		}
	}
	for (size_t i = 0; i < flag->n; i++)
		if (!is_atom_char(flag->p[i]))
			return false;
	return true;
}

static size_t flags_find(const struct flag_set *set, struct slice flag)
{
	size_t i = 0;

	while (i < set->n && !slice_eq_nocase(set->all[i], flag))
		i++;
	return i;
}

void flags_add(struct flag_set *set, struct slice flag)
{
	if (flag_settable(&flag) && flags_find(set, flag) == set->n && set->n < FLAGS_MAX)
		set->all[set->n++] = flag;
}

void flags_remove(struct flag_set *set, struct slice flag)
{
	size_t at = flags_find(set, flag);

	if (at == set->n)
		return;
	set->n--;
	memmove(&set->all[at], &set->all[at + 1], (set->n - at) * sizeof set->all[0]);
}

void flags_keep(struct flag_store *to, const struct flag_set *set)
{
	struct flag_store made = { .set = { .n = set->n } };

	for (size_t i = 0; i < set->n; i++)
		memcpy(made.text[i], set->all[i].p, set->all[i].n);
	memcpy(to->text, made.text, sizeof to->text);
	to->set.n = set->n;
	for (size_t i = 0; i < set->n; i++)
		to->set.all[i] = slice_of(to->text[i], set->all[i].n);
}
