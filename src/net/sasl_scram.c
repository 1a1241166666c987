/*
 * The client of SCRAM (RFC 5802; SHA-256: RFC 7677; bindings: RFC 5929, 9266). The
 * password never leaves us, and the server proves that it knows it too. Written over
 * OpenSSL's HMAC and PBKDF2: see docs/architecture.md for why.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_impl.h"

enum { SALT_MAX = 1024 };

struct server_first {
	struct slice nonce;
	struct buf salt;
	unsigned iterations;
};

static int nonsense(const struct sasl *s, const char *what, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "%s breaks the rules of %s: %s", s->setup->host, s->way->name, what);
}

static bool binds(const struct sasl *s)
{
	return s->way->binding != BINDING_TYPES;
}

/* RFC 5802, 6: "p" we bind; "y" we could, and the server seems unable to: one that is able then knows that somebody cut
 * -PLUS from its list; "n" we can't, or the operator has chosen a mechanism without. */
static void add_gs2(struct sasl *s)
{
	static const char *const plus[] = { "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS" };
	const struct sasl_setup *setup = s->setup;
	unsigned left = 0;
	bool able = false;
	struct buf *out = &s->scram.gs2;

	for (int i = 0; i < BINDING_TYPES; i++)
		able = able || (setup->bindings != NULL && setup->bindings[i].n > 0);
	for (size_t i = 0; i < sizeof plus / sizeof plus[0]; i++)
		left |= sasl_offered(slice_str(plus[i])) & setup->offered;
	if (binds(s))
		(void)buf_addf(out, "p=%s,", binding_name(s->way->binding));
	else
		(void)buf_add_str(out, able && (left == 0 || setup->only == NULL) ? "y," : "n,");
	if (sasl_other_user(setup)[0] != '\0') {
		char *user = sasl_prepare(setup->user);

		(void)buf_add_str(out, "a=");
		scram_add_name(out, user == NULL ? setup->user : user);
		free(user);
	}
	(void)buf_add_char(out, ',');
}

static void make_nonce(struct sasl *s)
{
	if (s->setup->nonce != NULL)
		(void)snprintf(s->scram.nonce, sizeof s->scram.nonce, "%s", s->setup->nonce);
	else
		scram_nonce(s->scram.nonce);
}

static int client_first(struct sasl *s, struct buf *out)
{
	char *name = sasl_prepare(sasl_login_name(s->setup));

	make_nonce(s);
	add_gs2(s);
	(void)buf_add_str(&s->scram.message, "n=");
	scram_add_name(&s->scram.message, name == NULL ? sasl_login_name(s->setup) : name);
	(void)buf_addf(&s->scram.message, ",r=%s", s->scram.nonce);
	free(name);
	(void)buf_add_slice(out, buf_slice(&s->scram.gs2));
	(void)buf_add_slice(out, buf_slice(&s->scram.message));
	return 0;
}

/* r=…,s=…,i=…[,extensions that may be passed over] (RFC 5802, 7) */
static int parse_first(const struct sasl *s, struct slice in, struct server_first *f, struct err *e)
{
	size_t ours = strlen(s->scram.nonce);
	struct slice value;
	uint64_t n;

	if (in.n > 0 && in.p[0] == 'm')
		return nonsense(s, "it demands an extension that we do not know", e);
	if (!scram_take(&in, 'r', &f->nonce))
		return nonsense(s, "its first message has no nonce", e);
	if (f->nonce.n <= ours || memcmp(f->nonce.p, s->scram.nonce, ours) != 0)
		return nonsense(s, "its nonce does not continue ours", e);
	if (!scram_printable(f->nonce))
		return nonsense(s, "its nonce is not printable", e);
	if (!scram_take(&in, 's', &value) || base64_decode(value, &f->salt) != 0 || f->salt.n == 0)
		return nonsense(s, "its first message has no good salt", e);
	if (!scram_take(&in, 'i', &value) || slice_number(value, UINT64_MAX, &n) != 0 || n == 0)
		return nonsense(s, "its first message has no good iteration count", e);
	if (n > SASL_ITERATIONS_MAX)
		return err_set(
		    e, ERR_PROTOCOL, 0,
		    "%s demands %llu iterations of the hash for %s, and %d are the most that are done; set auth to "
		    "another mechanism, if the server is to be trusted",
		    s->setup->host, (unsigned long long)n, s->way->name, SASL_ITERATIONS_MAX);
	f->iterations = (unsigned)n;
	return 0;
}

/* The proof for us into PROOF, the signature that the server must send into S (RFC 5802, 3). 0, or -1 when OpenSSL
 * fails. */
static int derive(struct sasl *s, const struct server_first *f, const char *password, unsigned char *proof)
{
	const enum scram_hash hash = s->way->hash;
	const struct slice message = buf_slice(&s->scram.message);
	unsigned char signature[SCRAM_KEY_MAX];
	struct scram_keys keys;
	int ret = -1;

	if (scram_keys(hash, password, buf_slice(&f->salt), f->iterations, &keys) == 0 &&
	    scram_mac(hash, keys.stored, message, signature) == 0 &&
	    scram_mac(hash, keys.server, message, s->scram.server_signature) == 0) {
		for (size_t i = 0; i < scram_size(hash); i++)
			proof[i] = keys.client[i] ^ signature[i];
		ret = 0;
	}
	mem_wipe(&keys, sizeof keys);
	mem_wipe(signature, sizeof signature);
	return ret;
}

/* c=<header and binding>,r=<nonce> */
static void add_final(struct sasl *s, struct slice nonce, struct buf *out)
{
	struct buf input;

	buf_init(&input, SASL_LINE_MAX);
	(void)buf_add_slice(&input, buf_slice(&s->scram.gs2));
	if (binds(s)) {
		const struct binding *b = &s->setup->bindings[s->way->binding];

		(void)buf_add(&input, b->p, b->n);
	}
	(void)buf_add_str(out, "c=");
	(void)base64_encode(buf_slice(&input), out);
	(void)buf_add_str(out, ",r=");
	(void)buf_add_slice(out, nonce);
	buf_free(&input);
}

static int client_final(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	unsigned char proof[SCRAM_KEY_MAX];
	struct server_first f = { .iterations = 0 };
	struct buf *message = &s->scram.message;
	char *password = NULL;
	int ret = -1;

	buf_init(&f.salt, SALT_MAX);
	if (parse_first(s, in, &f, e) != 0)
		goto done;
	add_final(s, f.nonce, out);
	(void)buf_add_char(message, ',');
	(void)buf_add_slice(message, in);
	(void)buf_add_char(message, ',');
	(void)buf_add_slice(message, buf_slice(out));
	password = sasl_prepare(s->setup->password);
	if (buf_failed(message) || password == NULL || derive(s, &f, password, proof) != 0) {
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s can't be done with this password or this OpenSSL; set auth to another "
			      "mechanism",
			      s->way->name);
		goto done;
	}
	(void)buf_add_str(out, ",p=");
	(void)base64_encode(slice_of((const char *)proof, scram_size(s->way->hash)), out);
	s->committed = true;
	ret = 0;
done:
	mem_wipe(proof, sizeof proof);
	mem_wipe_str(&password);
	buf_free(&f.salt);
	return ret;
}

/* "e=…" (RFC 5802, 7) */
static void read_error(struct sasl *s, struct slice word)
{
	static const struct {
		const char *word;
		enum sasl_verdict verdict;
	} known[] = {
		{ "channel-bindings-dont-match", SASL_RELAYED },
		{ "server-does-support-channel-binding", SASL_RELAYED },
		{ "channel-binding-not-supported", SASL_UNSUPPORTED },
		{ "unsupported-channel-binding-type", SASL_UNSUPPORTED },
		{ "extensions-not-supported", SASL_UNSUPPORTED },
		{ "no-resources", SASL_LATER },
	};
	enum sasl_verdict verdict = SASL_DENIED;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (slice_eq(word, slice_str(known[i].word)))
			verdict = known[i].verdict;
	}
	sasl_complain(s, verdict, word);
}

static int server_final(struct sasl *s, struct slice in, struct err *e)
{
	struct slice value;
	struct buf raw;
	bool good;

	if (!scram_take(&in, 'v', &value))
		return nonsense(s, "its last message has no signature", e);
	buf_init(&raw, SCRAM_KEY_MAX);
	good = base64_decode(value, &raw) == 0 && raw.n == scram_size(s->way->hash) &&
	       CRYPTO_memcmp(raw.p, s->scram.server_signature, raw.n) == 0;
	buf_free(&raw);
	if (!good)
		return err_set(
		    e, ERR_PROTOCOL, 0,
		    "%s does not know the password that it should check (its signature of %s is wrong); it may "
		    "not be the server that it says it is, so nothing is filed there",
		    s->setup->host, s->way->name);
	s->scram.verified = true;
	return 0;
}

int sasl_scram_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	struct slice word;

	if (s->round == 0)
		return client_first(s, out);
	if (scram_take(&in, 'e', &word)) {
		s->complete = true;
		read_error(s, word);
		return 0;
	}
	if (s->round == 1)
		return client_final(s, in, out, e);
	s->complete = true;
	return server_final(s, in, e);
}
