#include "net/sasl_server.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_prep.h"
#include "net/sasl_server_impl.h"

enum { DECODED_MAX = SASL_SERVER_LINE_MAX / 4 * 3 };

static const struct sasl_server_way ways[] = {
	{ "SCRAM-SHA-256-PLUS", SCRAM_SHA256, true, sasl_server_scram_step },
	{ "SCRAM-SHA-256", SCRAM_SHA256, false, sasl_server_scram_step },
	{ "SCRAM-SHA-1-PLUS", SCRAM_SHA1, true, sasl_server_scram_step },
	{ "SCRAM-SHA-1", SCRAM_SHA1, false, sasl_server_scram_step },
	{ "PLAIN", SCRAM_HASHES, false, sasl_server_plain_step },
	{ "LOGIN", SCRAM_HASHES, false, sasl_server_login_step },
};
_Static_assert(sizeof ways / sizeof ways[0] == SASL_SERVER_WAYS, "each way has a row");

int sasl_server_way(struct slice name)
{
	for (int i = 0; i < SASL_SERVER_WAYS; i++) {
		if (slice_eq_nocase(slice_str(ways[i].name), name))
			return i;
	}
	return SASL_SERVER_NONE;
}

const char *sasl_server_name(int way)
{
	return ways[way].name;
}

bool sasl_server_shows(int way)
{
	return ways[way].hash == SCRAM_HASHES;
}

bool sasl_server_able(int way, const struct sasl_server_setup *setup)
{
	bool bound = !ways[way].plus;

	for (int i = 0; !bound && setup->bindings != NULL && i < BINDING_TYPES; i++)
		bound = setup->bindings[i].n > 0;
	/* A client that sees nothing but SHA-1 need not try where no password could be checked. */
	return bound && (ways[way].hash != SCRAM_SHA1 || sasl_users_know(setup->users, SCRAM_SHA1));
}

void sasl_server_warm(void)
{
	struct scram_keys keys;

	for (int i = 0; i < SCRAM_HASHES; i++)
		(void)scram_keys((enum scram_hash)i, "x", SLICE_LIT("x"), 1, &keys);
}

struct sasl_server *sasl_server_new(int way, const struct sasl_server_setup *setup)
{
	struct sasl_server *s = mem_alloc(sizeof *s);

	s->setup = setup;
	s->way = &ways[way];
	s->scram.binding = BINDING_TYPES;
	buf_init(&s->scram.gs2, DECODED_MAX);
	buf_init(&s->scram.message, 4 * DECODED_MAX);
	buf_init(&s->scram.nonce, SASL_CLIENT_NONCE_MAX + SCRAM_NONCE_SIZE);
	return s;
}

void sasl_server_free(struct sasl_server **sp)
{
	struct sasl_server *s = *sp;

	if (s == NULL)
		return;
	free(s->user);
	free(s->prepared);
	mem_wipe_str(&s->password);
	buf_wipe(&s->scram.gs2);
	buf_wipe(&s->scram.message);
	buf_wipe(&s->scram.nonce);
	mem_wipe(s, sizeof *s);
	free(s);
	*sp = NULL;
}

bool sasl_server_names(struct sasl_server *s, struct slice user)
{
	if (user.n == 0 || user.n > SASL_NAME_MAX || memchr(user.p, '\0', user.n) != NULL)
		return false;
	s->user = slice_dup(user);
	s->prepared = sasl_prepare(s->user);
	return true;
}

bool sasl_server_acts_for(const struct sasl_server *s, struct slice authzid)
{
	char *other, *prepared;
	bool same;

	if (authzid.n == 0)
		return true;
	if (authzid.n > SASL_NAME_MAX || memchr(authzid.p, '\0', authzid.n) != NULL)
		return false;
	other = slice_dup(authzid);
	prepared = sasl_prepare(other);
	same = prepared != NULL && s->prepared != NULL && strcmp(prepared, s->prepared) == 0;
	free(prepared);
	free(other);
	return same;
}

enum sasl_server_said sasl_server_refuse(struct sasl_server *s, const char *reason)
{
	s->reason = reason;
	return SASL_REFUSED;
}

/* OUT in base64 to CHALLENGE, where SAID is that something is asked. */
static enum sasl_server_said put(struct sasl_server *s, enum sasl_server_said said, struct buf *out,
				 struct buf *challenge)
{
	buf_clear(challenge);
	if (said == SASL_ASKS && (buf_failed(out) || base64_encode(buf_slice(out), challenge) != 0))
		said = SASL_BROKEN;
	if (said == SASL_CLAIMS)
		s->state = CLAIMED;
	else if (said != SASL_ASKS)
		s->state = ENDED;
	else
		s->state = EXCHANGING;
	buf_wipe(out);
	return said;
}

/* What is said to a client that has not said anything yet. */
static enum sasl_server_said begin(struct sasl_server *s, struct buf *out)
{
	/* LOGIN's prompts: some devices compare them. */
	if (s->way->step == sasl_server_login_step)
		(void)buf_add_str(out, "Username:");
	return SASL_ASKS;
}

enum sasl_server_said sasl_server_step(struct sasl_server *s, const struct slice *response, struct buf *challenge)
{
	enum sasl_server_said said = SASL_NONSENSE;
	struct buf in, out;

	buf_init(&in, DECODED_MAX + 1);
	buf_init(&out, DECODED_MAX);
	if (s->state != EXCHANGING) {
		said = SASL_NONSENSE;
	} else if (response == NULL) {
		said = s->round == 0 ? begin(s, &out) : SASL_NONSENSE;
	} else if (response->n <= SASL_SERVER_LINE_MAX) {
		/* At once as large as it may become: no copy of a secret stays behind where a buffer grew. */
		if (buf_reserve(&in, response->n / 4 * 3 + 1) == NULL)
			said = SASL_BROKEN;
		else if (base64_decode(*response, &in) == 0)
			said = s->way->step(s, buf_slice(&in), &out);
		s->round++;
	}
	buf_wipe(&in);
	return put(s, said, &out, challenge);
}

enum sasl_server_said sasl_server_check(struct sasl_server *s, struct buf *challenge)
{
	enum sasl_server_said said = SASL_NONSENSE;
	struct buf out;

	buf_init(&out, DECODED_MAX);
	if (s->state != CLAIMED)
		said = SASL_NONSENSE;
	else if (s->way->hash != SCRAM_HASHES)
		said = sasl_server_scram_check(s, &out);
	else if (sasl_users_check(s->setup->users, s->prepared == NULL ? s->user : s->prepared, s->password) &&
		 s->prepared != NULL)
		said = SASL_PASSED;
	else
		said = sasl_server_refuse(s, "user or password");
	mem_wipe_str(&s->password);
	return put(s, said, &out, challenge);
}

unsigned sasl_server_cost(const struct sasl_server *s)
{
	struct scram_verifier v;
	unsigned rounds;

	/* Two MACs and a digest. */
	if (s->way->hash != SCRAM_HASHES)
		return 3;
	(void)sasl_users_verifier(s->setup->users, s->prepared == NULL ? s->user : s->prepared, SCRAM_SHA256, &v);
	rounds = v.rounds;
	mem_wipe(&v, sizeof v);
	return rounds;
}

const char *sasl_server_user(const struct sasl_server *s)
{
	if (s->user == NULL)
		return "";
	return s->prepared == NULL ? s->user : s->prepared;
}

const char *sasl_server_reason(const struct sasl_server *s)
{
	return s->reason == NULL ? "" : s->reason;
}
