/* What the table of keys is asked. */
#include "config/keys.h"

#include "config/keys_impl.h"
#include "config/value.h"

/* Joined in the order of the manual. */
static const struct {
	const struct key *keys;
	const size_t *n;
} tables[] = {
	{ keys_general, &keys_ngeneral },   { keys_limits, &keys_nlimits }, { keys_certificate, &keys_ncertificate },
	{ keys_listener, &keys_nlistener }, { keys_milter, &keys_nmilter }, { keys_server, &keys_nserver },
	{ keys_account, &keys_naccount },   { keys_source, &keys_nsource }, { keys_relay, &keys_nrelay },
};

const struct key *key_at(size_t i)
{
	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		if (i < *tables[t].n)
			return &tables[t].keys[i];
		i -= *tables[t].n;
	}
	return NULL;
}

size_t key_index(const struct key *k)
{
	size_t i = 0;

	while (key_at(i) != k)
		i++;
	return i;
}

const char *key_group_name(enum key_group group)
{
	switch (group) {
	case KEYS_TOP:
		return "the top level";
	case KEYS_LIMITS:
		return "limits";
	case KEYS_CERTIFICATE:
		return "certificates.NAME";
	case KEYS_LISTENER:
		return "listeners.NAME";
	case KEYS_MILTER:
		return "milters.NAME";
	case KEYS_ACCOUNT:
		return "accounts.NAME";
	case KEYS_SERVER:
		return "accounts.NAME, sources.NAME or relay";
	case KEYS_SOURCE:
		return "sources.NAME";
	case KEYS_SKIP:
		return "sources.NAME.skip";
	case KEYS_OAUTH:
		return "oauth of accounts.NAME or sources.NAME";
	case KEYS_RELAY:
		return "relay";
	case KEYS_RELAY_FOR:
		return "relay_for.NAME";
	}
	return "";
}

bool key_is_of(const struct key *k, enum key_group group)
{
	return k->group == group ||
	       (k->group == KEYS_SERVER && (group == KEYS_ACCOUNT || group == KEYS_SOURCE || group == KEYS_RELAY));
}

bool key_is_required(const struct key *k, enum key_group group)
{
	/* A relay may know us by our address. */
	return k->required && !(group == KEYS_RELAY && k->group == KEYS_SERVER);
}

const struct key *key_find(enum key_group group, struct slice name)
{
	const struct key *k;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		if (key_is_of(k, group) && slice_eq(slice_str(k->name), name))
			return k;
	}
	return NULL;
}

bool key_is_bool(struct slice name)
{
	const struct key *k;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		if (k->type == KEY_BOOL && slice_eq(slice_str(k->name), name))
			return true;
	}
	return false;
}

/* Levenshtein's distance, case and `-' for `_' not counted. */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned row[64];

	if (a.n > 60 || b.n > 60)
		return 100;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
			unsigned best = corner + ((x == '-' ? '_' : x) != y);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

void key_suggest(enum key_group group, struct slice name, struct buf *out)
{
	const struct key *near = NULL, *k;
	unsigned least = name.n < 4 ? 2 : 3;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		unsigned d = distance(name, slice_str(k->name));

		if (key_is_of(k, group) && !k->internal && d < least) {
			least = d;
			near = k;
		}
	}
	if (near != NULL) {
		(void)buf_addf(out, "; did you mean `%s'?", near->name);
		return;
	}
	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		if (!k->internal && slice_eq(slice_str(k->name), name)) {
			(void)buf_addf(out, "; `%s' belongs in %s", k->name, key_group_name(k->group));
			return;
		}
	}
	(void)buf_add_str(out, "; mailferry.conf(5) lists all keys");
}

static void words_print(const struct key *k, struct buf *out)
{
	for (size_t i = 0; k->words[i] != NULL; i++)
		(void)buf_addf(out, "%s\"%s\"", i == 0 ? "" : k->words[i + 1] == NULL ? " or " : ", ", k->words[i]);
}

void key_expects(const struct key *k, struct buf *out)
{
	switch (k->type) {
	case KEY_STRING:
	case KEY_SECRET:
		(void)buf_addf(out, "text in quotes, of 1 to %lld characters in one line", (long long)k->max);
		break;
	case KEY_WORD:
	case KEY_ENUM:
		words_print(k, out);
		break;
	case KEY_HOST:
		(void)buf_add_str(out, "a host name in quotes");
		break;
	case KEY_LISTENER:
		(void)buf_add_str(out, "an address such as \"192.0.2.1:25\", \"[2001:db8::1]:25\" or \"unix:/path\"");
		break;
	case KEY_PEER:
		(void)buf_add_str(
		    out, "an address such as \"inet:127.0.0.1:11332\", \"inet:[::1]:11332\" or \"unix:/path\"");
		break;
	case KEY_PATH:
		(void)buf_addf(out, "a path in quotes, of %lld octets at most", (long long)k->max);
		break;
	case KEY_URL:
		(void)buf_addf(out, "a URL such as \"https://login.example.net/token\", of %lld octets at most",
			       (long long)k->max);
		break;
	case KEY_SECRETS:
		(void)buf_add_str(out, "text");
		break;
	case KEY_PORT:
		(void)buf_addf(out, "a port from %lld to %lld", (long long)k->min, (long long)k->max);
		break;
	case KEY_COUNT:
		(void)buf_addf(out, "a number from %lld to %lld", (long long)k->min, (long long)k->max);
		break;
	case KEY_BOOL:
		(void)buf_add_str(out, "true or false");
		break;
	case KEY_SIZE:
		(void)buf_add_str(out, "a size from \"");
		value_size_print(k->min, out);
		(void)buf_add_str(out, "\" to \"");
		value_size_print(k->max, out);
		(void)buf_add_char(out, '"');
		break;
	case KEY_DURATION:
		(void)buf_add_str(out, "a time from \"");
		value_duration_print(k->min, out);
		(void)buf_add_str(out, "\" to \"");
		value_duration_print(k->max, out);
		(void)buf_add_char(out, '"');
		break;
	case KEY_NETWORKS:
		(void)buf_add_str(out, "networks such as [ \"192.0.2.0/24\", \"2001:db8::/32\" ]");
		break;
	case KEY_ADDRESSES:
		(void)buf_add_str(out, "addresses such as [ \"info@office.example\", \"@office.example\" ]");
		break;
	case KEY_PINS:
		(void)buf_add_str(out, "the base64 of a SHA-256, 44 characters that end in =, or a list of them");
		break;
	case KEY_FIELDS:
		(void)buf_add_str(out, "names of header fields such as [ \"Delivered-To\", \"Received\" ]");
		break;
	case KEY_PATTERNS:
		(void)buf_add_str(out, "names of header fields such as [ \"X-Spam*\", \"X-Virus-Status\" ], or [ ]");
		break;
	case KEY_FOLDERS:
		(void)buf_add_str(out, "folders such as [ \"INBOX\", \"Archive/*\" ]");
		break;
	case KEY_TIMES:
		(void)buf_add_str(out, "times such as \"*/15 8-18 * * mon-fri\", or a list of them");
		break;
	case KEY_NAMES:
		(void)buf_add_str(out, "names such as [ \"scanner\", \"office\" ]");
		break;
	case KEY_SENDERS:
		(void)buf_add_str(out, "addresses such as [ \"scanner@office.example\", \"@office.example\" ]");
		break;
	case KEY_DELETE:
		(void)buf_add_str(out, "\"never\", \"at-once\", \"after-delivery\" or a time such as \"30d\"");
		break;
	case KEY_GROUP:
		(void)buf_add_str(out, "a group { … }");
		break;
	}
}
