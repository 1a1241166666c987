#include "oauth/claims.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/encode.h"
#include "base/mem.h"

enum { PAYLOAD_MAX = 16 * 1024 };

/* The middle part of a JWT, decoded (base64url without padding: RFC 7515, 2). */
static bool payload_decode(struct slice token, struct buf *out)
{
	size_t n = slice_find(token, '.');
	struct slice part;
	struct buf base64;
	bool good;

	if (n == token.n)
		return false;
	part = slice_skip(token, n + 1);
	n = slice_find(part, '.');
	if (n == part.n || n == 0)
		return false;
	part.n = n;
	buf_init(&base64, PAYLOAD_MAX * 2);
	for (size_t i = 0; i < part.n; i++)
		(void)buf_add_char(&base64, part.p[i] == '-' ? '+' : part.p[i] == '_' ? '/' : part.p[i]);
	while (base64.n % 4 != 0)
		(void)buf_add_char(&base64, '=');
	good = !buf_failed(&base64) && base64_decode(buf_slice(&base64), out) == 0;
	mem_wipe(base64.p, base64.n);
	buf_free(&base64);
	return good;
}

static bool has_word(const char *words, const char *word)
{
	struct slice rest = slice_str(words);

	while (rest.n > 0) {
		size_t n = slice_find(rest, ' ');

		if (slice_eq_nocase(slice_of(rest.p, n), slice_str(word)))
			return true;
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
	return false;
}

static bool has_role(const json_t *roles, const char *role)
{
	size_t i;
	const json_t *one;

	json_array_foreach(roles, i, one)
	{
		const char *text = json_string_value(one);

		if (text != NULL && strcmp(text, role) == 0)
			return true;
	}
	return false;
}

static void take_name(const json_t *payload, struct claims *out)
{
	static const char *const names[] = { "upn", "preferred_username", "unique_name", "email" };

	for (size_t i = 0; i < sizeof names / sizeof names[0] && out->who[0] == '\0'; i++) {
		const char *text = json_string_value(json_object_get(payload, names[i]));

		if (text == NULL || strlen(text) >= sizeof out->who)
			continue;
		(void)snprintf(out->who, sizeof out->who, "%s", text);
		for (char *c = out->who; *c != '\0'; c++)
			if (*c <= ' ' || *c >= 0x7f)
				*c = '?';
	}
}

bool claims_read(const char *token, struct claims *out)
{
	const json_t *roles, *scopes;
	json_t *payload = NULL;
	struct buf text;
	bool known;

	*out = (struct claims){ .imap = false };
	buf_init(&text, PAYLOAD_MAX);
	if (payload_decode(slice_str(token), &text))
		payload = json_loadb(text.p == NULL ? "" : text.p, text.n, 0, NULL);
	mem_wipe(text.p, text.n);
	buf_free(&text);
	roles = json_object_get(payload, "roles");
	scopes = json_object_get(payload, "scp");
	take_name(payload, out);
	out->application = !json_is_string(scopes) && out->who[0] == '\0' &&
			   (json_is_array(roles) || json_is_string(json_object_get(payload, "idtyp")));
	out->imap = (json_is_array(roles) && has_role(roles, "IMAP.AccessAsApp")) ||
		    (json_is_string(scopes) && has_word(json_string_value(scopes), "IMAP.AccessAsUser.All"));
	known = out->application || json_is_string(scopes);
	json_decref(payload);
	return known;
}
