/* Changes of who may authenticate, and the text of the file. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_prep.h"
#include "net/sasl_users.h"
#include "net/sasl_users_impl.h"

char *sasl_users_name(const char *name, struct err *e)
{
	char *prepared = strlen(name) > SASL_NAME_MAX ? NULL : sasl_prepare(name);
	const char *wrong = sasl_users_bad_name(prepared == NULL ? name : prepared);

	if (wrong == NULL && prepared != NULL)
		return prepared;
	free(prepared);
	(void)err_set(e, ERR_INPUT, 0, "%s", wrong != NULL ? wrong : "that can't be a user's name");
	return NULL;
}

static int verifier_make(struct scram_verifier *v, enum scram_hash hash, const char *password, unsigned rounds)
{
	struct scram_keys keys;
	int r;

	*v = (struct scram_verifier){ .rounds = rounds, .salt_size = SASL_SALT_SIZE };
	random_bytes(v->salt, SASL_SALT_SIZE);
	r = scram_keys(hash, password, slice_of((const char *)v->salt, SASL_SALT_SIZE), rounds, &keys);
	memcpy(v->stored, keys.stored, scram_size(hash));
	memcpy(v->server, keys.server, scram_size(hash));
	mem_wipe(&keys, sizeof keys);
	return r;
}

int sasl_users_set(struct sasl_users *u, const char *name, const char *password, unsigned rounds, bool sha1,
		   struct err *e)
{
	const struct sasl_user *old = sasl_users_find(u, name);
	struct sasl_user made = { .name = mem_strdup(name), .line = old == NULL ? 0 : old->line };
	char *prepared = sasl_prepare(password);
	int ret = -1;

	if (prepared == NULL || prepared[0] == '\0' || strlen(prepared) > SASL_PASSWORD_MAX) {
		(void)err_set(e, ERR_INPUT, 0,
			      "a password has 1 to %d octets, is UTF-8, and holds no control characters",
			      SASL_PASSWORD_MAX);
		goto done;
	}
	if (sha1)
		made.sha1 = mem_alloc(sizeof *made.sha1);
	if (verifier_make(&made.sha256, SCRAM_SHA256, prepared, rounds) != 0 ||
	    (sha1 && verifier_make(made.sha1, SCRAM_SHA1, prepared, rounds) != 0)) {
		(void)err_set(e, ERR_TEMP, 0, "OpenSSL does not give the hash that verifiers are made with");
		goto done;
	}
	if (old == NULL) {
		u->all = mem_resize(u->all, u->n + 1, sizeof *u->all);
		u->all[u->n++] = made;
	} else {
		struct sasl_user *at = &u->all[old - u->all];

		sasl_user_clear(at);
		*at = made;
	}
	made = (struct sasl_user){ 0 };
	sasl_users_sort(u);
	ret = 0;
done:
	sasl_user_clear(&made);
	mem_wipe_str(&prepared);
	return ret;
}

bool sasl_users_remove(struct sasl_users *u, const char *name)
{
	const struct sasl_user *user = sasl_users_find(u, name);
	size_t i;

	if (user == NULL)
		return false;
	i = (size_t)(user - u->all);
	sasl_user_clear(&u->all[i]);
	memmove(&u->all[i], &u->all[i + 1], (u->n - i - 1) * sizeof *u->all);
	u->n--;
	sasl_users_sort(u);
	return true;
}

bool sasl_users_check(const struct sasl_users *u, const char *name, const char *password)
{
	char *prepared = sasl_prepare(password);
	struct scram_verifier v;
	struct scram_keys keys = { { 0 }, { 0 }, { 0 } };
	bool good = sasl_users_verifier(u, name, SCRAM_SHA256, &v);

	/* What can't be a password is wrong, but not sooner. */
	if (scram_keys(SCRAM_SHA256, prepared == NULL ? "" : prepared, slice_of((const char *)v.salt, v.salt_size),
		       v.rounds, &keys) != 0 ||
	    prepared == NULL)
		good = false;
	good = CRYPTO_memcmp(keys.stored, v.stored, scram_size(SCRAM_SHA256)) == 0 && good;
	mem_wipe(&keys, sizeof keys);
	mem_wipe(&v, sizeof v);
	mem_wipe_str(&prepared);
	return good;
}

static void verifier_print(const struct scram_verifier *v, enum scram_hash hash, struct buf *out)
{
	const size_t size = scram_size(hash);

	(void)buf_addf(out, " %s$%u:", scram_name(hash), v->rounds);
	(void)base64_encode(slice_of((const char *)v->salt, v->salt_size), out);
	(void)buf_add_char(out, '$');
	(void)base64_encode(slice_of((const char *)v->stored, size), out);
	(void)buf_add_char(out, ':');
	(void)base64_encode(slice_of((const char *)v->server, size), out);
}

void sasl_users_print(const struct sasl_users *u, struct buf *out)
{
	(void)buf_add_str(out, "# Who may log in to send mail. Made by `mailferry user', which keeps no comments.\n"
			       "# Secret: closed to all but mailferry, and not to be copied elsewhere.\n"
			       "!decoys ");
	(void)base64_encode(slice_of((const char *)u->secret, sizeof u->secret), out);
	(void)buf_add_char(out, '\n');
	for (size_t i = 0; i < u->n; i++) {
		const struct sasl_user *user = &u->all[i];

		(void)buf_add_str(out, user->name);
		verifier_print(&user->sha256, SCRAM_SHA256, out);
		if (user->sha1 != NULL)
			verifier_print(user->sha1, SCRAM_SHA1, out);
		(void)buf_add_char(out, '\n');
	}
}
