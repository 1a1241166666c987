/*
 * A client that may say anything to the SASL server. The first octet picks the
 * mechanism and whether there is TLS; the rest is lines, each a response: base64
 * as it comes, or, behind a '!', what is to be encoded. Whatever it says: an
 * exchange ends after a few steps, and nobody gets in without the password.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl_server.h"

enum { STEPS_MAX = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct sasl_users *users(void)
{
	static struct sasl_users *u;
	struct err e;

	/* Of the smallest number of rounds; "pencil" is what a fuzzer would find among its words. */
	if (u == NULL) {
		u = sasl_users_new();
		if (sasl_users_set(u, "user", "n0b0dy-guesses-this", SASL_ROUNDS_MIN, true, &e) != 0)
			abort();
	}
	return u;
}

/* False when the exchange is over. */
static int step(struct sasl_server *s, const struct slice *response, struct buf *challenge, unsigned *checks)
{
	enum sasl_server_said said = sasl_server_step(s, response, challenge);
	struct buf plain;

	if (said == SASL_CLAIMS) {
		if (sasl_server_user(s)[0] == '\0' || sasl_server_cost(s) == 0 || ++*checks > 1)
			abort();
		said = sasl_server_check(s, challenge);
		if (said == SASL_CLAIMS || said == SASL_NONSENSE)
			abort();
	}
	if (said == SASL_PASSED || said == SASL_BROKEN)
		abort();
	if (said == SASL_REFUSED && sasl_server_reason(s)[0] == '\0')
		abort();
	if (said != SASL_ASKS)
		return 0;
	buf_init(&plain, SASL_SERVER_LINE_MAX);
	if (challenge->n > 2048 || base64_decode(buf_slice(challenge), &plain) != 0)
		abort();
	/* RFC 5802: only the signature of a server begins so, and it comes after the proof. */
	if (plain.n > 1 && plain.p[0] == 'v')
		abort();
	buf_free(&plain);
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct binding bindings[BINDING_TYPES] = { { "exporter", 8 }, { "unique", 6 }, { "end", 3 } };
	struct sasl_server_setup setup = { .users = users(), .nonce = "n" };
	struct slice in = slice_of((const char *)p, n);
	struct buf challenge, encoded;
	struct sasl_server *s;
	unsigned checks = 0;
	int steps = 0;

	if (n < 1)
		return 0;
	in = slice_skip(in, 1);
	if ((p[0] & 8) != 0)
		setup.bindings = bindings;
	s = sasl_server_new((p[0] & 7) % SASL_SERVER_WAYS, &setup);
	buf_init(&challenge, SASL_SERVER_LINE_MAX);
	buf_init(&encoded, 4 * SASL_SERVER_LINE_MAX);
	if ((p[0] & 16) != 0)
		(void)step(s, NULL, &challenge, &checks);
	for (;;) {
		size_t end = slice_find(in, '\n');
		struct slice line = slice_of(in.p, end);

		in = slice_skip(in, end < in.n ? end + 1 : end);
		buf_clear(&encoded);
		if (line.n > 0 && line.p[0] == '!')
			(void)base64_encode(slice_skip(line, 1), &encoded);
		else
			(void)buf_add_slice(&encoded, line);
		line = buf_slice(&encoded);
		if (!step(s, &line, &challenge, &checks))
			break;
		if (++steps > STEPS_MAX)
			abort();
		if (in.n == 0)
			break;
	}
	buf_free(&encoded);
	buf_free(&challenge);
	sasl_server_free(&s);
	return 0;
}
