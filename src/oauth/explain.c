/* One table from a provider's error to what it means and what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "oauth/grant_impl.h"

enum { WORDS_MAX = 200, WORD_MAX = 39, ADVICE_MAX = 280 };

#define CONSENT                                                                                                        \
	"consent is missing: an administrator must give it in the provider's console (application, API permissions, "  \
	"grant admin consent)"
#define POLICY                                                                                                         \
	"a Conditional Access policy of the organisation blocks this: an administrator must except the application "   \
	"or "                                                                                                          \
	"use grant \"application\""
#define TENANT "the application is not known in that tenant: correct client_id or tenant"
#define SECRET "correct client_secret: the secret's value, not its id"
#define AGAIN  "sign in again"

struct meaning {
	const char *error; /* of RFC 6749 and its kin; NULL: any */
	unsigned from, to; /* numbers of Microsoft ("AADSTS700082"); 0: none asked for */
	enum grant_verdict verdict;
	const char *advice; /* NULL with GRANT_LOST: only "sign in again" */
};

/* The first that fits. Numbers say more than words. */
static const struct meaning meanings[] = {
	{ NULL, 65001, 65001, GRANT_REFUSED, CONSENT },
	{ NULL, 65004, 65004, GRANT_REFUSED, "whoever signed in did not give consent: " AGAIN " and agree" },
	{ NULL, 53000, 53999, GRANT_REFUSED, POLICY },
	{ NULL, 530000, 530999, GRANT_REFUSED, POLICY },
	{ NULL, 7000222, 7000222, GRANT_REFUSED,
	  "the client secret has expired: make a new one in the provider's console and put it into client_secret" },
	{ NULL, 7000215, 7000215, GRANT_REFUSED, SECRET },
	{ NULL, 7000216, 7000218, GRANT_REFUSED,
	  "the application is registered with a secret: give client_secret_file or certificate_file, or allow public "
	  "client flows in the provider's console" },
	{ NULL, 7000112, 7000112, GRANT_REFUSED, "the application is switched off in the provider's console" },
	{ NULL, 7000229, 7000229, GRANT_REFUSED, CONSENT },
	{ NULL, 700016, 700016, GRANT_REFUSED, TENANT },
	{ NULL, 90002, 90002, GRANT_REFUSED, "there is no such tenant: correct tenant" },
	{ NULL, 900021, 900029, GRANT_REFUSED, "correct tenant: the id or a domain of the organisation" },
	{ NULL, 50020, 50020, GRANT_REFUSED, "sign in with an account of the organisation, or correct tenant" },
	{ NULL, 50034, 50034, GRANT_REFUSED, "there is no such user in that tenant: correct user or tenant" },
	{ NULL, 50057, 50057, GRANT_REFUSED, "the user is switched off: an administrator must allow the sign-in" },
	{ NULL, 50105, 50105, GRANT_REFUSED, "an administrator must assign the user to the application" },
	{ NULL, 50011, 50011, GRANT_REFUSED,
	  "the address to come back to is not registered: add http://localhost as a redirect URI (mobile and desktop "
	  "applications) in the provider's console" },
	{ NULL, 700027, 700027, GRANT_REFUSED,
	  "the provider does not know the certificate: upload the one of certificate_file to the application" },
	{ NULL, 700024, 700024, GRANT_REFUSED, "check the clock of this machine" },
	{ NULL, 70011, 70011, GRANT_REFUSED, "correct scope" },
	{ NULL, 500011, 500011, GRANT_REFUSED, "correct scope or tenant" },
	{ NULL, 90033, 90033, GRANT_LATER, NULL },
	{ NULL, 50196, 50196, GRANT_LATER, NULL },
	{ NULL, 700082, 700082, GRANT_LOST, "it was not used for too long" },
	{ NULL, 50173, 50173, GRANT_LOST, "the password was changed, or an administrator ended the sign-in" },
	{ NULL, 50074, 50079, GRANT_LOST, "a second factor is asked for" },
	{ NULL, 70043, 70044, GRANT_LOST,
	  "a policy asks for a new sign-in from time to time: an administrator can except the application" },
	{ "temporarily_unavailable", 0, 0, GRANT_LATER, NULL },
	{ "server_error", 0, 0, GRANT_LATER, NULL },
	{ "authorization_pending", 0, 0, GRANT_PENDING, NULL },
	{ "slow_down", 0, 0, GRANT_SLOW_DOWN, NULL },
	{ "expired_token", 0, 0, GRANT_LOST, "the code was not typed in in time" },
	{ "access_denied", 0, 0, GRANT_REFUSED,
	  "whoever signed in refused, or may not: agree, or ask an administrator" },
	{ "authorization_declined", 0, 0, GRANT_REFUSED, "whoever signed in refused: begin again and agree" },
	{ "consent_required", 0, 0, GRANT_REFUSED, CONSENT },
	{ "interaction_required", 0, 0, GRANT_LOST, NULL },
	{ "login_required", 0, 0, GRANT_LOST, NULL },
	{ "org_internal", 0, 0, GRANT_REFUSED,
	  "the client is for users of another organisation: sign in with an account of the Workspace that it belongs "
	  "to" },
	{ "admin_policy_enforced", 0, 0, GRANT_REFUSED,
	  "an administrator of the Workspace must allow the application (Security, API controls)" },
	{ "invalid_client", 0, 0, GRANT_REFUSED, "correct client_id and client_secret" },
	{ "unauthorized_client", 0, 0, GRANT_REFUSED,
	  "the client may not do this: allow its kind of grant in the provider's console" },
	{ "invalid_scope", 0, 0, GRANT_REFUSED, "correct scope" },
	{ "unsupported_grant_type", 0, 0, GRANT_REFUSED, "correct grant or token_endpoint" },
	{ "invalid_grant", 0, 0, GRANT_LOST, NULL },
	{ "invalid_request", 0, 0, GRANT_REFUSED, "correct the keys under oauth" },
};

/* The number in "AADSTS700082: …"; 0: none. */
static unsigned microsoft_number(const char *words)
{
	const char *at = words == NULL ? NULL : strstr(words, "AADSTS");
	unsigned number = 0;

	if (at == NULL)
		return 0;
	for (at += strlen("AADSTS"); ascii_is_digit(*at) && number < 100000000; at++)
		number = number * 10 + (unsigned)(*at - '0');
	return number;
}

static const struct meaning *meaning_find(const char *error, unsigned number)
{
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *m = &meanings[i];

		if (m->from != 0 ? number >= m->from && number <= m->to : strcmp(m->error, error) == 0)
			return m;
	}
	return NULL;
}

/* Appends what the provider says, so that a line of a log can hold it: the first line, without its tracing numbers. A
 * word as long as a secret may be one that came back. */
static void words_add(const struct config_server *a, const char *text, struct buf *out)
{
	struct slice rest = slice_str(text);

	while (rest.n > 0 && out->n < WORDS_MAX) {
		size_t n = 0;
		struct slice word;

		/* What is not ASCII counts as a part of a word, but is shown as a mark. */
		while (n < rest.n && (rest.p[n] > ' ' || (unsigned char)rest.p[n] >= 0x80))
			n++;
		word = slice_of(rest.p, n);
		if (n < rest.n && (rest.p[n] == '\r' || rest.p[n] == '\n'))
			rest.n = n;
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
		if (slice_eq(word, SLICE_LIT("Trace")) || slice_eq(word, SLICE_LIT("Correlation")))
			return;
		if (word.n == 0)
			continue;
		if (out->n > 0)
			(void)buf_add_char(out, ' ');
		if (word.n > WORD_MAX ||
		    (a->token.client_secret != NULL &&
		     memmem(word.p, word.n, a->token.client_secret, strlen(a->token.client_secret)) != NULL)) {
			(void)buf_add_str(out, "[...]");
			continue;
		}
		for (size_t i = 0; i < word.n; i++)
			(void)buf_add_char(out,
					   word.p[i] > ' ' && word.p[i] < 0x7f && word.p[i] != '"' ? word.p[i] : '?');
	}
}

static const char *host_of(const struct config_server *a, struct url *u)
{
	char hint[200];

	return a->token.token_endpoint != NULL && url_parse(a->token.token_endpoint, u, hint) == 0 ? u->host
												   : "the provider";
}

static enum grant_verdict verdict_of(const struct meaning *m, enum grant_step step, int status)
{
	if (status == 429 || status == 408 || status >= 500)
		return GRANT_LATER;
	if (m == NULL)
		return step == GRANT_CODE || step == GRANT_DEVICE_POLL ? GRANT_REFUSED : GRANT_LATER;
	/* Nobody has signed in there: the request itself is wrong. */
	if (m->verdict == GRANT_LOST && (step == GRANT_APPLICATION || step == GRANT_SERVICE))
		return GRANT_REFUSED;
	return m->verdict;
}

static const char *advice_of(const struct meaning *m, enum grant_step step)
{
	if (step == GRANT_SERVICE && m != NULL && strcmp(m->error == NULL ? "" : m->error, "unauthorized_client") == 0)
		return "give the service account's client id domain-wide delegation for the scope in the Workspace's "
		       "admin console (Security, API controls)";
	if (step == GRANT_SERVICE && m != NULL && m->verdict == GRANT_LOST)
		return "check user, the service account's key, and the clock of this machine";
	if (m == NULL || m->advice == NULL)
		return "see what the provider's documentation says of it";
	return m->advice;
}

enum grant_verdict grant_explain(const struct config_server *a, enum grant_step step, const char *error,
				 const char *words, int status, struct err *e)
{
	const struct meaning *m = meaning_find(error, microsoft_number(words));
	enum grant_verdict verdict = verdict_of(m, step, status);
	struct buf said;
	struct url url;

	buf_init(&said, WORDS_MAX * 2 + 100);
	if (words != NULL && words[0] != '\0')
		words_add(a, words, &said);
	else
		words_add(a, error, &said);
	if (said.n == 0 && status != 0)
		(void)buf_addf(&said, "HTTP status %d", status);
	switch (verdict) {
	case GRANT_LATER:
	case GRANT_SLOW_DOWN:
		(void)err_set(e, ERR_TEMP, 0, "%s gives no access token for %s %s now: \"%s\"", host_of(a, &url),
			      config_kind(a), a->name, buf_str(&said));
		break;
	case GRANT_LOST:
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s: the sign-in of %s %s is no longer valid (\"%s\")%s%s; sign in again: mailferry "
			      "login %s",
			      host_of(a, &url), config_kind(a), a->name, buf_str(&said), m->advice == NULL ? "" : ": ",
			      m->advice == NULL ? "" : m->advice, a->name);
		break;
	default:
		(void)err_set(e, ERR_CONFIG, 0, "%s gives no access token for %s %s (\"%s\"): %s", host_of(a, &url),
			      config_kind(a), a->name, buf_str(&said), advice_of(m, step));
	}
	buf_free(&said);
	return verdict;
}
