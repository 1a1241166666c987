#include "net/sasl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_impl.h"

/* Strongest first. */
static const struct sasl_way ways[] = {
	{ "EXTERNAL", SCRAM_HASHES, BINDING_TYPES, true, true, NEEDS_CERTIFICATE, sasl_external_step },
	{ "SCRAM-SHA-256-PLUS", SCRAM_SHA256, BINDING_EXPORTER, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-256-PLUS", SCRAM_SHA256, BINDING_UNIQUE, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-256-PLUS", SCRAM_SHA256, BINDING_END_POINT, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-1-PLUS", SCRAM_SHA1, BINDING_EXPORTER, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-1-PLUS", SCRAM_SHA1, BINDING_UNIQUE, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-1-PLUS", SCRAM_SHA1, BINDING_END_POINT, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-256", SCRAM_SHA256, BINDING_TYPES, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "SCRAM-SHA-1", SCRAM_SHA1, BINDING_TYPES, true, true, NEEDS_PASSWORD, sasl_scram_step },
	{ "CRAM-MD5", SCRAM_HASHES, BINDING_TYPES, false, false, NEEDS_PASSWORD, sasl_cram_step },
	{ "PLAIN", SCRAM_HASHES, BINDING_TYPES, true, true, NEEDS_PASSWORD, sasl_plain_step },
	{ "LOGIN", SCRAM_HASHES, BINDING_TYPES, false, false, NEEDS_PASSWORD, sasl_login_step },
	{ "OAUTHBEARER", SCRAM_HASHES, BINDING_TYPES, true, true, NEEDS_TOKEN, sasl_bearer_step },
	{ "XOAUTH2", SCRAM_HASHES, BINDING_TYPES, true, true, NEEDS_TOKEN, sasl_xoauth2_step },
};

enum { WAYS = sizeof ways / sizeof ways[0], SECRET_MIN = 4 };

unsigned sasl_offered(struct slice name)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		if (slice_eq_nocase(slice_str(ways[i].name), name))
			bits |= 1U << i;
	}
	return bits;
}

const char *sasl_name(int way)
{
	return ways[way].name;
}

const char *sasl_login_name(const struct sasl_setup *setup)
{
	return setup->login_as != NULL ? setup->login_as : setup->user;
}

const char *sasl_other_user(const struct sasl_setup *setup)
{
	return setup->login_as != NULL && strcmp(setup->login_as, setup->user) != 0 ? setup->user : "";
}

static bool preparable(const char *text)
{
	char *done = sasl_prepare(text);
	bool good = done != NULL;

	mem_wipe_str(&done);
	return good;
}

static bool usable(const struct sasl_way *w, const struct sasl_setup *setup)
{
	bool two = sasl_other_user(setup)[0] != '\0';

	if (setup->only != NULL && strcasecmp(setup->only, w->name) != 0)
		return false;
	if (two && !w->names_two)
		return false;
	switch (w->needs) {
	case NEEDS_TOKEN:
		return setup->token != NULL;
	case NEEDS_CERTIFICATE:
		return setup->certificate && setup->token == NULL;
	case NEEDS_PASSWORD:
		break;
	}
	if (setup->password == NULL || setup->token != NULL)
		return false;
	if (w->binding != BINDING_TYPES && (setup->bindings == NULL || setup->bindings[w->binding].n == 0))
		return false;
	return w->hash == SCRAM_HASHES || (preparable(setup->password) && preparable(setup->user) &&
				   (setup->login_as == NULL || preparable(setup->login_as)));
}

int sasl_pick(const struct sasl_setup *setup)
{
	for (int i = 0; i < WAYS; i++) {
		if ((setup->offered & ~setup->excluded & 1U << i) != 0 && usable(&ways[i], setup))
			return i;
	}
	return SASL_NO_WAY;
}

void sasl_exclude(struct sasl_setup *setup, int way)
{
	setup->excluded |= 1U << way;
	/* A binding that it does not know with one hash it does not know with the other. */
	for (unsigned i = 0; i < WAYS; i++) {
		if (ways[way].binding != BINDING_TYPES && ways[i].binding == ways[way].binding)
			setup->excluded |= 1U << i;
	}
}

struct sasl *sasl_new(int way, const struct sasl_setup *setup)
{
	struct sasl *s = mem_alloc(sizeof *s);

	s->setup = setup;
	s->way = &ways[way];
	buf_init(&s->scram.gs2, SASL_LINE_MAX);
	buf_init(&s->scram.message, (size_t)SASL_LINE_MAX * 3);
	return s;
}

void sasl_free(struct sasl **sp)
{
	struct sasl *s = *sp;

	if (s == NULL)
		return;
	buf_wipe(&s->scram.gs2);
	buf_wipe(&s->scram.message);
	mem_wipe(s, sizeof *s);
	free(s);
	*sp = NULL;
}

bool sasl_client_first(const struct sasl *s)
{
	return s->way->client_first;
}

int sasl_too_many(const struct sasl *s, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "%s asks for more than %s has to say", s->setup->host, s->way->name);
}

int sasl_step(struct sasl *s, struct slice challenge, struct buf *response, struct err *e)
{
	bool initial = s->way->client_first && s->round == 0;
	struct buf in, out;
	int ret = -1;

	buf_init(&in, SASL_LINE_MAX);
	buf_init(&out, SASL_LINE_MAX / 4 * 3 - 3);
	/* At once as large as it may become: no copy of a secret stays behind where a buffer grew. */
	buf_clear(response);
	if (buf_reserve(&out, out.max) == NULL || buf_reserve(response, SASL_LINE_MAX) == NULL) {
		(void)err_set(e, ERR_TEMP, 0, "there is not enough memory to log in");
		goto done;
	}
	buf_commit(&out, 0);
	buf_commit(response, 0);
	if (s->complete) {
		(void)sasl_too_many(s, e);
		goto done;
	}
	if (!initial && (challenge.n > SASL_LINE_MAX || base64_decode(challenge, &in) != 0)) {
		(void)err_set(e, ERR_PROTOCOL, 0, "%s sends a challenge of %s that is not base64", s->setup->host,
			      s->way->name);
		goto done;
	}
	if (s->way->step(s, buf_slice(&in), &out, e) != 0)
		goto done;
	s->round++;
	if (buf_failed(&out) || base64_encode(buf_slice(&out), response) != 0)
		(void)err_set(e, ERR_CONFIG, 0, "user, password or token are too long for %s", s->way->name);
	else
		ret = 0;
done:
	buf_wipe(&in);
	buf_wipe(&out);
	return ret;
}

int sasl_accept(const struct sasl *s, struct err *e)
{
	if (s->way->hash != SCRAM_HASHES && !s->scram.verified)
		return err_set(
		    e, ERR_PROTOCOL, 0,
		    "%s lets us in without a proof that it knows the password (%s); it may not be the server "
		    "that it says it is, so nothing is filed there",
		    s->setup->host, s->way->name);
	if (!s->committed || s->verdict != SASL_UNSAID)
		return err_set(e, ERR_PROTOCOL, 0, "%s lets us in, but did not do what %s asks of it", s->setup->host,
			       s->way->name);
	return 0;
}

bool sasl_committed(const struct sasl *s)
{
	return s->committed;
}

void sasl_complain(struct sasl *s, enum sasl_verdict verdict, struct slice words)
{
	size_t n = words.n < SASL_COMPLAINT_MAX ? words.n : SASL_COMPLAINT_MAX;

	s->verdict = verdict;
	for (size_t i = 0; i < n; i++)
		s->complaint[i] = words.p[i] >= ' ' && words.p[i] <= '~' ? words.p[i] : '?';
	s->complaint[n] = '\0';
}

enum sasl_verdict sasl_verdict(const struct sasl *s)
{
	return s->verdict;
}

const char *sasl_complaint(const struct sasl *s)
{
	return s->complaint;
}

void sasl_hide(char *text, const char *secret)
{
	size_t n = secret == NULL ? 0 : strlen(secret);
	char *at = text;

	while (n >= SECRET_MIN && (at = strstr(at, secret)) != NULL) {
		memset(at, '*', n);
		at += n;
	}
}
