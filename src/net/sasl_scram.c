/*
 * SCRAM (RFC 5802; SHA-256: RFC 7677; bindings: RFC 5929, 9266). The password never
 * leaves us, and the server proves that it knows it too. Written here over OpenSSL's
 * HMAC and PBKDF2: see docs/architecture.md for why.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_impl.h"

enum { NONCE_OCTETS = 18, SALT_MAX = 1024 };

struct server_first {
	struct slice nonce;
	struct buf salt;
	int iterations;
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
		sasl_add_name(out, user == NULL ? setup->user : user);
		free(user);
	}
	(void)buf_add_char(out, ',');
}

static void make_nonce(struct sasl *s)
{
	char raw[NONCE_OCTETS];
	struct buf text;

	if (s->setup->nonce != NULL) {
		(void)snprintf(s->scram.nonce, sizeof s->scram.nonce, "%s", s->setup->nonce);
		return;
	}
	random_bytes(raw, sizeof raw);
	buf_init(&text, SASL_NONCE_MAX);
	(void)base64_encode(slice_of(raw, sizeof raw), &text);
	(void)snprintf(s->scram.nonce, sizeof s->scram.nonce, "%s", buf_str(&text));
	buf_free(&text);
}

static int client_first(struct sasl *s, struct buf *out)
{
	char *name = sasl_prepare(sasl_login_name(s->setup));

	make_nonce(s);
	add_gs2(s);
	(void)buf_add_str(&s->scram.message, "n=");
	sasl_add_name(&s->scram.message, name == NULL ? sasl_login_name(s->setup) : name);
	(void)buf_addf(&s->scram.message, ",r=%s", s->scram.nonce);
	free(name);
	(void)buf_add_slice(out, buf_slice(&s->scram.gs2));
	(void)buf_add_slice(out, buf_slice(&s->scram.message));
	return 0;
}

/* Takes "X=value" from the front of *IN, and the comma behind it. False when it is not attribute X. */
static bool take(struct slice *in, char attribute, struct slice *value)
{
	size_t n = slice_find(*in, ',');

	if (n < 2 || in->p[0] != attribute || in->p[1] != '=')
		return false;
	*value = slice_of(in->p + 2, n - 2);
	*in = slice_skip(*in, n < in->n ? n + 1 : n);
	return true;
}

/* r=…,s=…,i=…[,extensions that may be passed over] (RFC 5802, 7) */
static int parse_first(const struct sasl *s, struct slice in, struct server_first *f, struct err *e)
{
	size_t ours = strlen(s->scram.nonce);
	struct slice value;
	uint64_t n;

	if (in.n > 0 && in.p[0] == 'm')
		return nonsense(s, "it demands an extension that we do not know", e);
	if (!take(&in, 'r', &f->nonce))
		return nonsense(s, "its first message has no nonce", e);
	if (f->nonce.n <= ours || memcmp(f->nonce.p, s->scram.nonce, ours) != 0)
		return nonsense(s, "its nonce does not continue ours", e);
	for (size_t i = 0; i < f->nonce.n; i++) {
		if (f->nonce.p[i] < '!' || f->nonce.p[i] > '~')
			return nonsense(s, "its nonce is not printable", e);
	}
	if (!take(&in, 's', &value) || base64_decode(value, &f->salt) != 0 || f->salt.n == 0)
		return nonsense(s, "its first message has no good salt", e);
	if (!take(&in, 'i', &value) || slice_number(value, UINT64_MAX, &n) != 0 || n == 0)
		return nonsense(s, "its first message has no good iteration count", e);
	if (n > SASL_ITERATIONS_MAX)
		return err_set(
		    e, ERR_PROTOCOL, 0,
		    "%s demands %llu iterations of the hash for %s, and %d are the most that are done; set auth to "
		    "another mechanism, if the server is to be trusted",
		    s->setup->host, (unsigned long long)n, s->way->name, SASL_ITERATIONS_MAX);
	f->iterations = (int)n;
	return 0;
}

static int mac(const EVP_MD *md, const unsigned char *key, size_t size, struct slice text, unsigned char *out)
{
	unsigned n = 0;

	return HMAC(md, key, (int)size, (const unsigned char *)text.p, text.n, out, &n) != NULL && n == size ? 0 : -1;
}

/* The proof for us into PROOF, the signature that the server must send into S (RFC 5802, 3). 0, or -1 when OpenSSL
 * fails. */
static int derive(struct sasl *s, const struct server_first *f, const char *password, unsigned char *proof)
{
	const EVP_MD *md = EVP_get_digestbyname(s->way->hash);
	unsigned char salted[EVP_MAX_MD_SIZE], client[EVP_MAX_MD_SIZE], stored[EVP_MAX_MD_SIZE],
	    signature[EVP_MAX_MD_SIZE], server[EVP_MAX_MD_SIZE];
	struct slice message = buf_slice(&s->scram.message);
	size_t n = md == NULL ? 0 : (size_t)EVP_MD_get_size(md);
	int ret = -1;

	if (md == NULL ||
	    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)f->salt.p, (int)f->salt.n,
			      f->iterations, md, (int)n, salted) != 1 ||
	    mac(md, salted, n, SLICE_LIT("Client Key"), client) != 0 ||
	    EVP_Digest(client, n, stored, NULL, md, NULL) != 1 || mac(md, stored, n, message, signature) != 0 ||
	    mac(md, salted, n, SLICE_LIT("Server Key"), server) != 0 ||
	    mac(md, server, n, message, s->scram.server_signature) != 0)
		goto done;
	for (size_t i = 0; i < n; i++)
		proof[i] = client[i] ^ signature[i];
	s->scram.hash_size = n;
	ret = 0;
done:
	mem_wipe(salted, sizeof salted);
	mem_wipe(client, sizeof client);
	mem_wipe(stored, sizeof stored);
	mem_wipe(signature, sizeof signature);
	mem_wipe(server, sizeof server);
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
	unsigned char proof[EVP_MAX_MD_SIZE];
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
	(void)base64_encode(slice_of((const char *)proof, s->scram.hash_size), out);
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

	if (!take(&in, 'v', &value))
		return nonsense(s, "its last message has no signature", e);
	buf_init(&raw, EVP_MAX_MD_SIZE);
	good = base64_decode(value, &raw) == 0 && raw.n == s->scram.hash_size &&
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
	if (take(&in, 'e', &word)) {
		s->complete = true;
		read_error(s, word);
		return 0;
	}
	if (s->round == 1)
		return client_final(s, in, out, e);
	s->complete = true;
	return server_final(s, in, e);
}
