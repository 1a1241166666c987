/*
 * A server that may say anything, against every mechanism. The first octet picks
 * the way, the second what we have; the rest is lines, each a challenge: base64
 * as it comes, or, behind a '!', what is to be encoded. Whatever it says: the
 * exchange ends, and SCRAM never ends well without the server's proof.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl.h"

enum { STEPS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Iterations cost time, which the fuzzer has better uses for: a count of more digits than three is not tried. */
static int dear(struct slice text)
{
	for (size_t i = 0; i + 6 < text.n; i++) {
		size_t digits = 0;

		if (text.p[i] != ',' || text.p[i + 1] != 'i' || text.p[i + 2] != '=')
			continue;
		while (i + 3 + digits < text.n && ascii_is_digit(text.p[i + 3 + digits]))
			digits++;
		if (digits > 3 && digits < 8)
			return 1;
	}
	return 0;
}

static int run(struct sasl *s, struct slice in)
{
	struct buf challenge, plain, response;
	struct err e = { 0 };
	int steps = 0, ret = 0;

	buf_init(&challenge, 2 * SASL_LINE_MAX);
	buf_init(&plain, 2 * SASL_LINE_MAX);
	buf_init(&response, SASL_LINE_MAX);
	if (sasl_client_first(s))
		ret = sasl_step(s, SLICE_NONE, &response, &e);
	while (ret == 0 && in.n > 0) {
		size_t end = slice_find(in, '\n');
		struct slice line = slice_of(in.p, end);

		in = slice_skip(in, end < in.n ? end + 1 : end);
		buf_clear(&challenge);
		buf_clear(&plain);
		if (line.n > 0 && line.p[0] == '!')
			(void)base64_encode(slice_skip(line, 1), &challenge);
		else
			(void)buf_add_slice(&challenge, line);
		if (base64_decode(buf_slice(&challenge), &plain) == 0 && dear(buf_slice(&plain)))
			break;
		ret = sasl_step(s, buf_slice(&challenge), &response, &e);
		if (ret == 0 && ++steps > STEPS_MAX)
			abort();
		if (ret != 0 && (e.class == ERR_NONE || e.text[0] == '\0' || strstr(e.text, "pencil") != NULL))
			abort();
	}
	if (strlen(sasl_complaint(s)) > SASL_COMPLAINT_MAX)
		abort();
	buf_free(&challenge);
	buf_free(&plain);
	buf_wipe(&response);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const names[] = { "EXTERNAL",
					     "SCRAM-SHA-256-PLUS",
					     "SCRAM-SHA-1-PLUS",
					     "SCRAM-SHA-256",
					     "SCRAM-SHA-1",
					     "CRAM-MD5",
					     "PLAIN",
					     "LOGIN",
					     "OAUTHBEARER",
					     "XOAUTH2" };
	struct binding bindings[BINDING_TYPES] = { { .n = 32 }, { .n = 12 }, { .n = 32 } };
	struct sasl_setup setup = { .host = "imap.example.net", .port = 993, .user = "user", .nonce = "abc" };
	struct sasl *s;
	struct err e;
	int way;

	if (n < 2)
		return 0;
	setup.offered = sasl_offered(slice_str(names[p[0] % (sizeof names / sizeof names[0])]));
	if ((p[1] & 1) != 0)
		setup.login_as = "other";
	if ((p[1] & 2) != 0)
		setup.bindings = bindings;
	if ((p[1] & 4) != 0)
		setup.token = "token";
	setup.certificate = (p[1] & 8) != 0;
	setup.password = "pencil";
	way = sasl_pick(&setup);
	if (way == SASL_NO_WAY)
		return 0;
	s = sasl_new(way, &setup);
	/* Nobody guesses the proof. */
	if (run(s, slice_of((const char *)p + 2, n - 2)) == 0 && strncmp(sasl_name(way), "SCRAM", 5) == 0 &&
	    sasl_accept(s, &e) == 0)
		abort();
	sasl_free(&s);
	return 0;
}
