/* The server of SCRAM (RFC 5802; SHA-256: RFC 7677; bindings: RFC 9266 and 5929). */
#include <openssl/crypto.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_server_impl.h"

/* Takes what stands in front of the next comma, and the comma. False when there is none. */
static bool field(struct slice *in, struct slice *value)
{
	size_t n = slice_find(*in, ',');

	if (n == in->n)
		return false;
	*value = slice_of(in->p, n);
	*in = slice_skip(*in, n + 1);
	return true;
}

/* RFC 5802, 6. NULL, or why not. */
static const char *bind(struct sasl_server *s, struct slice flag)
{
	const struct binding *have = s->setup->bindings;
	bool able = false;

	for (int i = 0; have != NULL && i < BINDING_TYPES; i++) {
		able = able || have[i].n > 0;
		if (have[i].n > 0 && flag.n > 2 &&
		    slice_eq(slice_skip(flag, 2), slice_str(binding_name((enum binding_type)i))))
			s->scram.binding = (enum binding_type)i;
	}
	if (flag.p[0] == 'p')
		return s->scram.binding == BINDING_TYPES || !s->way->plus ? "channel binding not possible here" : NULL;
	if (s->way->plus)
		return "channel binding is missing";
	/* It could bind, and believes that we can't: somebody cut -PLUS from our list. */
	return flag.p[0] == 'y' && able ? "somebody changed the list of mechanisms on its way" : NULL;
}

static bool flag_good(struct slice flag)
{
	if (flag.n > 2 && flag.p[0] == 'p' && flag.p[1] == '=')
		return true;
	return flag.n == 1 && (flag.p[0] == 'n' || flag.p[0] == 'y');
}

static bool read_authzid(struct slice text, struct buf *out)
{
	if (text.n == 0)
		return true;
	return text.n > 2 && text.p[0] == 'a' && text.p[1] == '=' && scram_read_name(slice_skip(text, 2), out) == 0;
}

/* r=…,s=…,i=… */
static void server_first(struct sasl_server *s, struct slice nonce, struct buf *out)
{
	char ours[SCRAM_NONCE_SIZE];

	scram_nonce(ours);
	(void)buf_add_slice(&s->scram.nonce, nonce);
	(void)buf_add_str(&s->scram.nonce, s->setup->nonce != NULL ? s->setup->nonce : ours);
	s->scram.real = sasl_users_verifier(s->setup->users, sasl_server_user(s), s->way->hash, &s->scram.verifier);
	(void)buf_add_str(out, "r=");
	(void)buf_add_slice(out, buf_slice(&s->scram.nonce));
	(void)buf_add_str(out, ",s=");
	(void)base64_encode(slice_of((const char *)s->scram.verifier.salt, s->scram.verifier.salt_size), out);
	(void)buf_addf(out, ",i=%u", s->scram.verifier.rounds);
}

/* gs2-header n=…,r=…[,extensions that may be passed over] (RFC 5802, 7) */
static enum sasl_server_said client_first(struct sasl_server *s, struct slice in, struct buf *out)
{
	struct slice all = in, flag, authzid, bare, name, nonce;
	struct buf user, other;
	enum sasl_server_said said = SASL_NONSENSE;
	const char *why;

	buf_init(&user, SASL_NAME_MAX);
	buf_init(&other, SASL_NAME_MAX);
	if (!field(&in, &flag) || !flag_good(flag) || !field(&in, &authzid) || !read_authzid(authzid, &other))
		goto done;
	bare = in;
	/* An extension that must be understood (m=) stands where the name should. */
	if (!scram_take(&in, 'n', &name) || !scram_take(&in, 'r', &nonce) || nonce.n == 0 ||
	    nonce.n > SASL_CLIENT_NONCE_MAX || !scram_printable(nonce) || scram_read_name(name, &user) != 0 ||
	    !sasl_server_names(s, buf_slice(&user)))
		goto done;
	why = bind(s, flag);
	if (why == NULL && !sasl_server_acts_for(s, buf_slice(&other)))
		why = "may not act for another user";
	if (why != NULL) {
		said = sasl_server_refuse(s, why);
		goto done;
	}
	(void)buf_add(&s->scram.gs2, all.p, (size_t)(bare.p - all.p));
	server_first(s, nonce, out);
	(void)buf_add_slice(&s->scram.message, bare);
	(void)buf_add_char(&s->scram.message, ',');
	(void)buf_add_slice(&s->scram.message, buf_slice(out));
	said = buf_failed(&s->scram.message) || buf_failed(&s->scram.nonce) ? SASL_BROKEN : SASL_ASKS;
done:
	buf_free(&user);
	buf_free(&other);
	return said;
}

/* Is VALUE the base64 of our header and the binding? */
static bool binding_good(const struct sasl_server *s, struct slice value)
{
	struct buf want, got;
	bool good;

	buf_init(&want, s->scram.gs2.n + sizeof s->setup->bindings->p + 1);
	buf_init(&got, want.max);
	(void)buf_add_slice(&want, buf_slice(&s->scram.gs2));
	if (s->scram.binding != BINDING_TYPES) {
		const struct binding *b = &s->setup->bindings[s->scram.binding];

		(void)buf_add(&want, b->p, b->n);
	}
	good = base64_decode(value, &got) == 0 && got.n == want.n && CRYPTO_memcmp(got.p, want.p, want.n) == 0;
	buf_free(&want);
	buf_free(&got);
	return good;
}

/* c=…,r=…[,extensions],p=… : the proof is last */
static enum sasl_server_said client_final(struct sasl_server *s, struct slice in)
{
	static const char mark[] = ",p=";
	const size_t size = scram_size(s->way->hash);
	struct slice without = in, value, nonce;
	struct buf proof;
	bool good;

	while (without.n > 0 && (in.n - without.n < sizeof mark - 1 ||
				 memcmp(without.p + without.n, mark, sizeof mark - 1) != 0))
		without.n--;
	if (without.n == 0)
		return SASL_NONSENSE;
	buf_init(&proof, size);
	good = base64_decode(slice_skip(in, without.n + sizeof mark - 1), &proof) == 0 && proof.n == size;
	if (good)
		memcpy(s->scram.proof, proof.p, size);
	buf_wipe(&proof);
	in = without;
	if (!good || !scram_take(&in, 'c', &value) || !scram_take(&in, 'r', &nonce) ||
	    !slice_eq(nonce, buf_slice(&s->scram.nonce)))
		return SASL_NONSENSE;
	if (!binding_good(s, value))
		return sasl_server_refuse(s, "channel bindings differ: somebody may stand between");
	(void)buf_add_char(&s->scram.message, ',');
	(void)buf_add_slice(&s->scram.message, without);
	return buf_failed(&s->scram.message) ? SASL_BROKEN : SASL_CLAIMS;
}

enum sasl_server_said sasl_server_scram_step(struct sasl_server *s, struct slice in, struct buf *out)
{
	if (s->user == NULL)
		return client_first(s, in, out);
	if (!s->scram.checked)
		return client_final(s, in);
	/* Our signature was sent; there is nothing to say to it (RFC 4954, 4). */
	return in.n == 0 ? SASL_PASSED : SASL_NONSENSE;
}

enum sasl_server_said sasl_server_scram_check(struct sasl_server *s, struct buf *out)
{
	const enum scram_hash hash = s->way->hash;
	const struct slice message = buf_slice(&s->scram.message);
	unsigned char key[SCRAM_KEY_MAX], signature[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX];
	const size_t size = scram_size(hash);
	enum sasl_server_said said = SASL_BROKEN;
	bool good;

	if (scram_mac(hash, s->scram.verifier.stored, message, signature) != 0)
		goto done;
	for (size_t i = 0; i < size; i++)
		key[i] = s->scram.proof[i] ^ signature[i];
	if (scram_digest(hash, slice_of((const char *)key, size), stored) != 0 ||
	    scram_mac(hash, s->scram.verifier.server, message, signature) != 0)
		goto done;
	good = CRYPTO_memcmp(stored, s->scram.verifier.stored, size) == 0;
	if (!good || !s->scram.real || s->prepared == NULL) {
		said = sasl_server_refuse(s, "user or password");
		goto done;
	}
	s->scram.checked = true;
	(void)buf_add_str(out, "v=");
	(void)base64_encode(slice_of((const char *)signature, size), out);
	said = SASL_ASKS;
done:
	mem_wipe(key, sizeof key);
	mem_wipe(signature, sizeof signature);
	mem_wipe(stored, sizeof stored);
	return said;
}
