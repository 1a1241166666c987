#include "sieve/registry.h"

#include "sieve/extensions.h"
#include "sieve/near.h"

const struct sieve_extension *sieve_extensions[SIEVE_EXTENSIONS_MAX + 1] = {
	&sieve_control,
	&sieve_logic,
	&sieve_actions,
	&sieve_headers,
	&sieve_addresses,
	&sieve_include,	   &sieve_duplicate, &sieve_envelope_deliverby, &sieve_extlists, &sieve_mboxmetadata,
	&sieve_servermetadata, &sieve_mailboxid, &sieve_spamtest, &sieve_spamtestplus, &sieve_virustest,
	&sieve_compare,
	&sieve_fileinto,
	&sieve_envelope,
	&sieve_copy,
	&sieve_mailbox,
	&sieve_imap4flags,
	&sieve_reject,
	&sieve_ereject,
	&sieve_special_use,
	&sieve_envelope_dsn,
	&sieve_encoded_character,
	&sieve_variables,
	&sieve_ihave,
	&sieve_editheader,
	&sieve_body,
	&sieve_mime,
	&sieve_foreverypart,
	&sieve_extracttext,
	&sieve_replace,
	&sieve_enclose,
	&sieve_vacation,
	&sieve_vacation_seconds,
	&sieve_enotify,
	&sieve_fcc,
	&sieve_redirect_dsn,
	&sieve_redirect_deliverby,
	&sieve_relational,
	&sieve_ascii_numeric,
	&sieve_subaddress,
	&sieve_index,
	&sieve_date,
	&sieve_environment,
	&sieve_unicode_casemap,
	&sieve_regex,
	NULL,
};

static const char comparator_prefix[] = "comparator-";

/* One search a table: TABLE is the member of struct sieve_extension, ELEMENT its type. */
#define SEARCH(element, table, condition)                                                                              \
	for (int i = 0; sieve_extensions[i] != NULL; i++) {                                                            \
		const struct element *e = sieve_extensions[i]->table;                                                  \
                                                                                                                       \
		for (; e != NULL && e->name != NULL; e++) {                                                            \
			if (condition) {                                                                               \
				*ext = i;                                                                              \
				return e;                                                                              \
			}                                                                                              \
		}                                                                                                      \
	}                                                                                                              \
	return NULL

static bool is_called(const char *known, struct slice name)
{
	return slice_eq_nocase(slice_str(known), name);
}

static bool tag_is_on(const struct sieve_tag *t, const char *command)
{
	for (size_t i = 0; t->on[i] != NULL; i++)
		if (strcmp(t->on[i], command) == 0)
			return true;
	return false;
}

void registry_add(const struct sieve_extension *extension)
{
	int i = 0;

	while (sieve_extensions[i] != NULL && sieve_extensions[i] != extension)
		i++;
	if (i < SIEVE_EXTENSIONS_MAX)
		sieve_extensions[i] = extension;
}

static const struct sieve_command *any_command(struct slice name, int *ext)
{
	SEARCH(sieve_command, commands, is_called(e->name, name));
}

static const struct sieve_command *command_of_kind(struct slice name, bool test, int *ext)
{
	SEARCH(sieve_command, commands, is_called(e->name, name) && (e->kind == SIEVE_TEST) == test);
}

const struct sieve_command *registry_command(struct slice name, bool test, int *ext)
{
	const struct sieve_command *fits = command_of_kind(name, test, ext);

	return fits != NULL ? fits : any_command(name, ext);
}

const struct sieve_tag *registry_tag(struct slice name, const char *on, int *ext)
{
	SEARCH(sieve_tag, tags, is_called(e->name, name) && tag_is_on(e, on));
}

const struct sieve_match_type *registry_match_type(struct slice name, int *ext)
{
	SEARCH(sieve_match_type, match_types, is_called(e->name, name));
}

const struct sieve_comparator *registry_comparator(struct slice name, int *ext)
{
	SEARCH(sieve_comparator, comparators, slice_eq(slice_str(e->name), name));
}

const struct sieve_address_part *registry_address_part(struct slice name, int *ext)
{
	SEARCH(sieve_address_part, address_parts, is_called(e->name, name));
}

const struct sieve_envelope_part *registry_envelope_part(struct slice name, int *ext)
{
	SEARCH(sieve_envelope_part, envelope_parts, is_called(e->name, name));
}

const struct sieve_namespace *registry_namespace(struct slice name, int *ext)
{
	SEARCH(sieve_namespace, namespaces, is_called(e->name, name));
}

int registry_capability(struct slice name)
{
	struct slice prefix = SLICE_LIT(comparator_prefix);
	int ext;

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		if (sieve_extensions[i]->name != NULL && slice_eq(slice_str(sieve_extensions[i]->name), name))
			return i;
	if (name.n > prefix.n && memcmp(name.p, prefix.p, prefix.n) == 0 &&
	    registry_comparator(slice_of(name.p + prefix.n, name.n - prefix.n), &ext) != NULL)
		return ext;
	return -1;
}

uint64_t registry_brings(int ext)
{
	const char *implied = sieve_extensions[ext]->implies;
	const int other = implied != NULL ? registry_capability(slice_str(implied)) : -1;

	return UINT64_C(1) << ext | (other >= 0 ? UINT64_C(1) << other : 0);
}

const char *registry_near_capability(struct slice name)
{
	struct near near = near_to(name);

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		near_try(&near, sieve_extensions[i]->name);
	return near.best;
}

const char *registry_near_comparator(struct slice name)
{
	struct near near = near_to(name);

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		for (const struct sieve_comparator *e = sieve_extensions[i]->comparators; e != NULL && e->name != NULL; e++)
			near_try(&near, e->name);
	return near.best;
}

/* What those write who come from other languages. */
static const struct {
	const char *word, *meant;
	bool test;
} habits[] = {
	{ "forward", "redirect", false }, { "foward", "redirect", false }, { "move", "fileinto", false },
	{ "file", "fileinto", false },	  { "delete", "discard", false },  { "drop", "discard", false },
	{ "exit", "stop", false },	  { "elif", "elsif", false },	   { "and", "allof", true },
	{ "all", "allof", true },	  { "or", "anyof", true },	   { "any", "anyof", true },
	{ "subject", "header", true },	  { "from", "address", true },	   { "to", "address", true },
};

const char *registry_near_command(struct slice name, bool test)
{
	struct near near = near_to(name);

	for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
		if (habits[i].test == test && is_called(habits[i].word, name))
			return habits[i].meant;
	for (int i = 0; sieve_extensions[i] != NULL; i++)
		for (const struct sieve_command *e = sieve_extensions[i]->commands; e != NULL && e->name != NULL; e++)
			if ((e->kind == SIEVE_TEST) == test)
				near_try(&near, e->name);
	return near.best;
}

/* Calls FN for the name of each tag that ON can take from extension I. */
static void each_tag(int i, const struct sieve_command *on, void (*fn)(void *arg, const char *name), void *arg)
{
	const struct sieve_extension *x = sieve_extensions[i];

	for (const struct sieve_tag *t = x->tags; t != NULL && t->name != NULL; t++)
		if (tag_is_on(t, on->name))
			fn(arg, t->name);
	for (const struct sieve_match_type *t = x->match_types; on->matches && t != NULL && t->name != NULL; t++)
		fn(arg, t->name);
	for (const struct sieve_address_part *t = x->address_parts; on->addresses && t != NULL && t->name != NULL; t++)
		fn(arg, t->name);
	if (x == &sieve_compare && on->matches)
		fn(arg, "comparator");
}

static void near_tag(void *arg, const char *name)
{
	near_try(arg, name);
}

const char *registry_near_tag(struct slice name, const struct sieve_command *on)
{
	struct near near = near_to(name);

	for (int i = 0; sieve_extensions[i] != NULL; i++)
		each_tag(i, on, near_tag, &near);
	return near.best;
}

static void list_tag(void *arg, const char *name)
{
	struct buf *out = arg;

	(void)buf_addf(out, "%s:%s", out->n > 0 ? ", " : "", name);
}

void registry_list_tags(const struct sieve_command *on, uint64_t required, struct buf *out)
{
	for (int i = 0; sieve_extensions[i] != NULL; i++)
		if (sieve_extensions[i]->name == NULL || (required >> i & 1) != 0)
			each_tag(i, on, list_tag, out);
}
