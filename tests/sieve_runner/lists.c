#include "lists.h"

#include <stdlib.h>

#include "base/mem.h"
#include "dict.h"

/* The setting's own name of LIST: one of those in sieve_extlists_list whose "name" it is. */
static bool find_list(struct suite *s, struct slice list, struct slice *id)
{
	struct slice rest = slice_str(settings_get(&s->settings, "sieve_extlists_list"));

	while (settings_word(&rest, id)) {
		const char *name = settings_getf(&s->settings, "sieve_extlists_list/%.*s/name", (int)id->n, id->p);

		if (slice_eq(name != NULL ? slice_str(name) : *id, list))
			return true;
	}
	return false;
}

static const struct slice list_prefix = { "priv/sieve/extlists/", 20 };

static const char *list_path(const struct suite *s, struct slice id)
{
	return settings_getf(&s->settings, "sieve_extlists_list/%.*s/dict/file/path", (int)id.n, id.p);
}

bool lists_member(void *arg, struct slice list, size_t i, struct slice *member)
{
	struct suite *s = arg;
	struct slice id;

	buf_clear(&s->member);
	if (!find_list(s, list, &id) || !dict_key(s, list_path(s, id), list_prefix, i, &s->member))
		return false;
	*member = buf_slice(&s->member);
	return true;
}

bool lists_listed(void *arg, struct slice list, struct slice value)
{
	struct suite *s = arg;
	struct slice id;

	if (!find_list(s, list, &id))
		return false;
	return value.p == NULL || dict_get(s, list_path(s, id), list_prefix, value, NULL);
}

/* "Header" or "Header:regular expression". */
static void take_field(const char *setting, char **texts, const char **field, const char **pattern)
{
	struct slice all = slice_trim(slice_str(setting));
	size_t colon = slice_find(all, ':');

	texts[0] = slice_dup(slice_trim(slice_of(all.p, colon)));
	*field = texts[0];
	if (colon < all.n) {
		texts[1] = slice_dup(slice_trim(slice_skip(all, colon + 1)));
		*pattern = texts[1];
	}
}

void lists_verdict_free(struct verdict_setting *v)
{
	for (size_t i = 0; i < sizeof v->texts / sizeof v->texts[0]; i++)
		free(v->texts[i]);
	*v = (struct verdict_setting){ .texts = { NULL } };
}

const struct sieve_verdict *lists_verdict(struct suite *s, const char *name, struct verdict_setting *v)
{
	const struct settings *all = &s->settings;
	const char *header = settings_getf(all, "sieve_%s_status_header", name);
	const char *type = settings_getf(all, "sieve_%s_status_type", name);
	const char *most = settings_getf(all, "sieve_%s_score_max_header", name);

	lists_verdict_free(v);
	if (header == NULL || header[0] == '\0')
		return NULL;
	v->verdict.type = SIEVE_VERDICT_SCORE;
	if (type != NULL && strcmp(type, "strlen") == 0)
		v->verdict.type = SIEVE_VERDICT_LENGTH;
	else if (type != NULL && strcmp(type, "text") == 0)
		v->verdict.type = SIEVE_VERDICT_WORDS;
	take_field(header, &v->texts[0], &v->verdict.field, &v->verdict.pattern);
	if (most != NULL && most[0] != '\0')
		take_field(most, &v->texts[2], &v->verdict.most_field, &v->verdict.most_pattern);
	v->verdict.most = settings_getf(all, "sieve_%s_score_max_value", name);
	for (unsigned i = 0; i < SIEVE_VERDICT_WORDS_MAX; i++)
		v->verdict.words[i] = settings_getf(all, "sieve_%s_text_value/%u", name, i);
	return &v->verdict;
}
