/* Keys whose value is one text, and the elements of lists of texts. */
#include "config/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/route.h"
#include "config/schedule.h"
#include "config/secret.h"
#include "config/url.h"
#include "config/peer.h"
#include "config/value.h"
#include "msg/address.h"
#include "msg/alabel.h"
#include "msg/special_use.h"

enum { PINS_MAX = 16, PIN_OCTETS = 32, ELEMENTS_MAX = 100, FOLDER_MAX = 255, FIELD_NAME_MAX = 77 };

static char **string_at(void *base, const struct key *k)
{
	return (char **)(void *)((char *)base + k->offset);
}

static int word_find(const struct key *k, struct slice text)
{
	for (int i = 0; k->words[i] != NULL; i++) {
		if (slice_eq(slice_str(k->words[i]), text))
			return i;
	}
	return -1;
}

/* One line of text that may go to a log, a reply or a store. */
static bool line_good(struct slice text, int64_t min, int64_t max)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return false;
	}
	return (int64_t)text.n >= min && (int64_t)text.n <= max;
}

static int path_set(const struct key *k, struct slice text, const char *file, char **out, char *hint)
{
	char *given, *whole;

	if (!line_good(text, 1, k->max))
		return -1;
	if (file != NULL && text.n >= sizeof SECRET_CREDENTIAL - 1 &&
	    memcmp(text.p, SECRET_CREDENTIAL, sizeof SECRET_CREDENTIAL - 1) == 0) {
		whole = secret_credential_path(slice_skip(text, sizeof SECRET_CREDENTIAL - 1), hint);
		if (whole == NULL)
			return -1;
	} else {
		given = slice_dup(text);
		whole = file == NULL ? mem_strdup(given) : file_relative_to(file, given);
		free(given);
	}
	if ((int64_t)strlen(whole) > k->max) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "with the directory of the configuration file it has %zu octets",
			       strlen(whole));
		free(whole);
		return -1;
	}
	free(*out);
	*out = whole;
	return 0;
}

static int listener_set(const struct key *k, struct slice text, const char *file, char **out, char *hint)
{
	char *path, *whole;

	if (!line_good(text, 1, k->max) || value_listener(text, hint) != 0)
		return -1;
	free(*out);
	if (!slice_starts_nocase(text, SLICE_LIT("unix:"))) {
		*out = slice_dup(text);
		return 0;
	}
	path = slice_dup(slice_of(text.p + 5, text.n - 5));
	whole = file == NULL ? mem_strdup(path) : file_relative_to(file, path);
	*out = mem_printf("unix:%s", whole);
	free(path);
	free(whole);
	return value_listener(slice_str(*out), hint);
}

static int peer_set(const struct key *k, struct slice text, const char *file, char **out, char *hint)
{
	struct config_peer peer;
	char *path, *whole;

	if (!line_good(text, 1, k->max) || config_peer_parse(text, &peer, hint) != 0)
		return -1;
	free(*out);
	if (peer.path.n == 0) {
		*out = slice_dup(text);
		return 0;
	}
	path = slice_dup(peer.path);
	whole = file == NULL ? mem_strdup(path) : file_relative_to(file, path);
	*out = mem_printf("unix:%s", whole);
	free(path);
	free(whole);
	return config_peer_parse(slice_str(*out), &peer, hint);
}

static int url_good(struct slice text, char *hint)
{
	char *copy = slice_dup(text);
	struct url url;
	int ret = url_parse(copy, &url, hint);

	free(copy);
	return ret;
}

/* When originals go: a word, or a time after which they do. */
static int delete_set(const struct key *k, struct slice text, void *base, char *hint)
{
	enum config_delete when = CONFIG_DELETE_ACCEPTED;
	int64_t after = 0;

	if (slice_eq(text, SLICE_LIT("never")))
		when = CONFIG_DELETE_NEVER;
	else if (slice_eq(text, SLICE_LIT("after-delivery")))
		when = CONFIG_DELETE_DELIVERED;
	else if (!slice_eq(text, SLICE_LIT("at-once")) &&
		 (value_duration(text, &after, hint) != 0 || after < k->min || after > k->max))
		return -1;
	memcpy((char *)base + k->offset, &when, sizeof when);
	memcpy((char *)base + k->offset2, &after, sizeof after);
	return 0;
}

int build_text(const struct key *k, struct slice text, const char *file, void *base, char *hint)
{
	void *at = (char *)base + k->offset;
	int64_t n = 0;
	int word;

	hint[0] = '\0';
	switch (k->type) {
	case KEY_PATH:
		return path_set(k, text, file, at, hint);
	case KEY_PEER:
		return peer_set(k, text, file, at, hint);
	case KEY_LISTENER:
		return listener_set(k, text, file, at, hint);
	case KEY_SIZE:
	case KEY_DURATION:
		if ((k->type == KEY_SIZE ? value_size(text, &n, hint) : value_duration(text, &n, hint)) != 0)
			return -1;
		if (n < k->min || n > k->max)
			return -1;
		memcpy(at, &n, sizeof(n));
		return 0;
	case KEY_DELETE:
		return delete_set(k, text, base, hint);
	case KEY_ENUM:
	case KEY_WORD:
		word = word_find(k, text);
		if (word < 0)
			return -1;
		if (k->type == KEY_ENUM) {
			memcpy(at, &word, sizeof(word));
			return 0;
		}
		break;
	case KEY_HOST:
		if (value_host(text, hint) != 0)
			return -1;
		break;
	case KEY_STRING:
		if (!line_good(text, k->min, k->max))
			return -1;
		break;
	case KEY_URL:
		if (!line_good(text, k->min, k->max) || url_good(text, hint) != 0)
			return -1;
		break;
	case KEY_SECRETS:
		if ((int64_t)text.n < k->min || (int64_t)text.n > k->max)
			return -1;
		mem_wipe_str(string_at(base, k));
		break;
	case KEY_SECRET:
		if (!line_good(text, k->min, k->max))
			return -1;
		mem_wipe_str(string_at(base, k));
		break;
	default:
		return -1;
	}
	free(*string_at(base, k));
	*string_at(base, k) = slice_dup(text);
	return 0;
}

int build_network(const struct key *k, struct slice text, void *base, char *hint)
{
	struct config_network **list = (struct config_network **)(void *)((char *)base + k->offset);
	size_t *n = (size_t *)(void *)((char *)base + k->offset2);
	struct config_network one = { .local = true };

	/* Only a proxy is known by coming from this machine. */
	if (!(strcmp(k->name, "proxy") == 0 && slice_eq(text, SLICE_LIT("unix"))) &&
	    value_network(text, &one, hint) != 0)
		return -1;
	*list = mem_resize(*list, *n + 1, sizeof one);
	(*list)[(*n)++] = one;
	return 0;
}

/* RFC 5322, 2.2: printable ASCII but the colon. */
static int name_good(struct slice text, char *hint)
{
	if (text.n > 0 && text.p[text.n - 1] == ':')
		(void)snprintf(hint, VALUE_HINT_SIZE, "write the name without the colon");
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == ':')
			return -1;
	}
	return text.n == 0 || text.n > FIELD_NAME_MAX ? -1 : 0;
}

/* One that tells a recipient. */
static int field_good(struct slice text, char *hint)
{
	if (slice_eq_nocase(text, SLICE_LIT("To")) || slice_eq_nocase(text, SLICE_LIT("Cc")) ||
	    slice_eq_nocase(text, SLICE_LIT("Bcc"))) {
		(void)snprintf(
		    hint, VALUE_HINT_SIZE,
		    "that is what a sender writes, not where a message was sent; mail of lists and blind copies "
		    "would go to the wrong people");
		return -1;
	}
	return name_good(text, hint);
}

/* A field, or with * at its end all that begin so. */
static int pattern_good(struct slice text, char *hint)
{
	const bool open = text.n > 0 && text.p[text.n - 1] == '*';
	const struct slice name = slice_of(text.p, text.n - (open ? 1 : 0));

	if (slice_find(name, '*') < name.n)
		(void)snprintf(hint, VALUE_HINT_SIZE, "* stands at the end only");
	else if (name_good(name, hint) == 0)
		return 0;
	return -1;
}

static int folder_good(struct slice text, char *hint)
{
	if (text.n > 0 && text.p[0] == '!')
		text = slice_skip(text, 1);
	if (!line_good(text, 1, FOLDER_MAX))
		return -1;
	if (text.p[0] != '\\' || special_use_of(text) != 0)
		return 0;
	(void)snprintf(hint, VALUE_HINT_SIZE,
		       "no such use: \\All, \\Archive, \\Drafts, \\Flagged, \\Important, \\Junk, \\Sent and "
		       "\\Trash are known");
	return -1;
}

static int sender_good(struct slice text, char *hint);

static int element_good(const struct key *k, struct slice text, char *hint)
{
	struct schedule times;

	switch (k->type) {
	case KEY_FIELDS:
		return field_good(text, hint);
	case KEY_PATTERNS:
		return pattern_good(text, hint);
	case KEY_FOLDERS:
		return folder_good(text, hint);
	case KEY_NAMES:
		return line_good(text, 1, k->max) ? 0 : -1;
	case KEY_SENDERS:
		return sender_good(text, hint);
	default:
		return schedule_parse(text, &times, hint);
	}
}

int build_element(const struct key *k, struct slice text, void *base, char *hint)
{
	char ***list = (char ***)(void *)((char *)base + k->offset);
	size_t *n = (size_t *)(void *)((char *)base + k->offset2);
	int bad = element_good(k, text, hint);

	if (!bad && *n == ELEMENTS_MAX)
		bad = snprintf(hint, VALUE_HINT_SIZE, "more than %d of them", ELEMENTS_MAX);
	if (bad)
		return -1;
	*list = mem_resize(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = slice_dup(text);
	return 0;
}

int build_pin(struct config_server *s, struct slice text, char *hint)
{
	struct buf raw;
	int bad;

	/* curl's and HPKP's way to write it */
	if (slice_starts_nocase(text, SLICE_LIT("sha256//")))
		text = slice_skip(text, 8);
	hint[0] = '\0';
	buf_init(&raw, PIN_OCTETS + 2);
	bad = base64_decode(text, &raw) != 0 || raw.n != PIN_OCTETS;
	buf_free(&raw);
	if (slice_find(text, ':') < text.n)
		(void)snprintf(hint, VALUE_HINT_SIZE,
			       "a fingerprint in hexadecimal is of the certificate, not of its key");
	if (!bad && s->npins == PINS_MAX)
		(void)snprintf(hint, VALUE_HINT_SIZE, "more than %d pins", PINS_MAX);
	if (bad || s->npins == PINS_MAX)
		return -1;
	s->pins = mem_resize(s->pins, s->npins + 1, sizeof *s->pins);
	s->pins[s->npins++] = slice_dup(text);
	return 0;
}

/* Domains may be written as people read them. */
static int domain_good(struct slice domain, char *hint)
{
	struct buf ascii;
	int failed;

	buf_init(&ascii, 2 * ADDRESS_DOMAIN_MAX);
	failed = !utf8_valid(domain) || address_check_domain(domain, true) != ADDRESS_OK ||
		 alabel_domain(domain, &ascii) != 0 || value_host(buf_slice(&ascii), hint) != 0;
	buf_free(&ascii);
	return failed ? -1 : 0;
}

/* "@office.example": all of a domain. */
static int domain_parse(struct slice text, struct address *out, char *hint)
{
	struct slice domain = slice_of(text.p + 1, text.n - 1);

	if (domain.n > 0 && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (domain.n == 0) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "the domain is missing behind `@'");
		return -1;
	}
	if (slice_find(domain, ':') < domain.n || domain_good(domain, hint) != 0)
		return -1;
	*out = (struct address){ mem_strdup(""), slice_dup(domain) };
	return 0;
}

static int whole_parse(struct slice text, struct address *out, char *hint)
{
	struct slice domain;

	if (address_parse(text, true, out) != ADDRESS_OK) {
		if (text.n > 0 && slice_find(text, '@') == text.n)
			(void)snprintf(hint, VALUE_HINT_SIZE, "the domain is missing: \"name@office.example\"");
		return -1;
	}
	domain = slice_str(out->domain);
	if (out->local[0] == '\0' || domain.n == 0 || (domain.p[0] != '[' && domain_good(domain, hint) != 0)) {
		if (domain.n == 0)
			(void)snprintf(hint, VALUE_HINT_SIZE, "the domain is missing: \"name@office.example\"");
		address_free(out);
		return -1;
	}
	return 0;
}

static int sender_good(struct slice text, char *hint)
{
	struct address parsed = { NULL, NULL };
	int failed;

	if (!line_good(text, 1, ADDRESS_LOCAL_MAX + ADDRESS_DOMAIN_MAX + 3))
		return -1;
	if (slice_find(text, '*') < text.n) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "write \"@office.example\" for all addresses of a domain");
		return -1;
	}
	failed = text.p[0] == '@' ? domain_parse(text, &parsed, hint) : whole_parse(text, &parsed, hint);
	if (!failed)
		address_free(&parsed);
	return failed;
}

int build_address(struct build *b, struct config_account *a, struct slice text, unsigned line, char *hint)
{
	struct address parsed = { NULL, NULL };
	int failed;

	hint[0] = '\0';
	if (!line_good(text, 1, ADDRESS_LOCAL_MAX + ADDRESS_DOMAIN_MAX + 3))
		return -1;
	if (slice_find(text, '*') < text.n && (text.n == 1 || text.p[0] == '*')) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "write \"@office.example\" to take all addresses of a domain");
		return -1;
	}
	failed = text.p[0] == '@' ? domain_parse(text, &parsed, hint) : whole_parse(text, &parsed, hint);
	if (failed)
		return -1;
	if (a->naddresses == 0 || (a->naddresses & (a->naddresses - 1)) == 0)
		a->addresses =
		    mem_resize(a->addresses, a->naddresses == 0 ? 1 : a->naddresses * 2, sizeof(*a->addresses));
	a->addresses[a->naddresses] = slice_dup(text);
	routes_add(b->config->routes, (size_t)(a - b->config->accounts), a->addresses[a->naddresses], parsed.local,
		   parsed.domain, line);
	a->naddresses++;
	address_free(&parsed);
	return 0;
}
