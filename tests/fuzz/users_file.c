/* Any text as the file of users. What is taken comes out again and means the same; what is not is told with its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sasl_users.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void same(const struct scram_verifier *a, const struct scram_verifier *b, enum scram_hash hash)
{
	if (a->rounds != b->rounds || a->salt_size != b->salt_size || memcmp(a->salt, b->salt, a->salt_size) != 0 ||
	    memcmp(a->stored, b->stored, scram_size(hash)) != 0 || memcmp(a->server, b->server, scram_size(hash)) != 0)
		abort();
}

static void compare(const struct sasl_users *a, const struct sasl_users *b)
{
	if (sasl_users_count(a) != sasl_users_count(b))
		abort();
	for (size_t i = 0; i < sasl_users_count(a); i++) {
		const struct sasl_user *x = sasl_users_at(a, i), *y = sasl_users_find(b, x->name);

		if (y == NULL || x->sha256.rounds < SASL_ROUNDS_MIN || x->sha256.rounds > SASL_ROUNDS_MAX ||
		    (x->sha1 == NULL) != (y->sha1 == NULL))
			abort();
		same(&x->sha256, &y->sha256, SCRAM_SHA256);
		if (x->sha1 != NULL)
			same(x->sha1, y->sha1, SCRAM_SHA1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sasl_users *u, *again;
	struct buf text, errors;

	buf_init(&text, SASL_USERS_TEXT_MAX);
	buf_init(&errors, 100000);
	u = sasl_users_parse("users", slice_of((const char *)p, n), &errors);
	if ((u == NULL) != (errors.n > 0) || buf_failed(&errors))
		abort();
	if (u == NULL && strncmp(buf_str(&errors), "users:", 6) != 0)
		abort();
	if (u != NULL) {
		sasl_users_print(u, &text);
		again = sasl_users_parse("again", buf_slice(&text), &errors);
		if (again == NULL)
			abort();
		compare(u, again);
		sasl_users_free(&again);
	}
	sasl_users_free(&u);
	buf_free(&text);
	buf_free(&errors);
	return 0;
}
