/* SASL with servers that do not play by the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sasl.h"
#include "sasl_tools.h"

static void scram_servers_are_checked(void **state)
{
#define R "r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j"
	static const struct {
		const char *first, *final; /* FINAL NULL: the error is in FIRST */
		const char *why;
	} rows[] = {
		{ "", NULL, "no nonce" },
		{ "r", NULL, "no nonce" },
		{ "s=QSXCR+Q6sek8bf92,i=4096", NULL, "no nonce" },
		{ "r=" NONCE_1 ",s=QSXCR+Q6sek8bf92,i=4096", NULL, "does not continue" },
		{ "r=other,s=QSXCR+Q6sek8bf92,i=4096", NULL, "does not continue" },
		{ "r=,s=QSXCR+Q6sek8bf92,i=4096", NULL, "does not continue" },
		{ R "\x01x,s=QSXCR+Q6sek8bf92,i=4096", NULL, "not printable" },
		{ "m=x," R ",s=QSXCR+Q6sek8bf92,i=4096", NULL, "extension" },
		{ R, NULL, "no good salt" },
		{ R ",", NULL, "no good salt" },
		{ R ",s=,i=4096", NULL, "no good salt" },
		{ R ",s=QSX*R+Q6sek8bf92,i=4096", NULL, "no good salt" },
		{ R ",s=QSXCR,i=4096", NULL, "no good salt" },
		{ R ",x=1,s=QSXCR+Q6sek8bf92,i=4096", NULL, "no good salt" },
		{ R ",s=QSXCR+Q6sek8bf92", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=0", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=-1", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=4096x", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=99999999999999999999999", NULL, "iteration count" },
		{ R ",s=QSXCR+Q6sek8bf92,i=2000001", NULL, "are the most" },
		{ R ",s=QSXCR+Q6sek8bf92,i=4294967295", NULL, "are the most" },
		{ SCRAM_1_SERVER, "", "no signature" },
		{ SCRAM_1_SERVER, "v", "no signature" },
		{ SCRAM_1_SERVER, "v=", "does not know the password" },
		{ SCRAM_1_SERVER, "x=" SCRAM_1_PROOF, "no signature" },
		{ SCRAM_1_SERVER, "v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "does not know the password" },
		{ SCRAM_1_SERVER, "v=smF9pqV8S7suAoZWja4dJRkFsKQ=", "does not know the password" },
		{ SCRAM_1_SERVER, "v=rmF9pqV8S7suAoZWja4dJRkFsA==", "does not know the password" },
		{ SCRAM_1_SERVER, "v=rmF9pqV8S7suAoZWja4dJRkFsKQAAAA=", "does not know the password" },
		/* Extensions behind what we know are passed over, but covered by the signature. */
		{ SCRAM_1_SERVER ",t=x", SCRAM_1_PROOF, "does not know the password" },
		{ SCRAM_1_SERVER, SCRAM_1_PROOF ",t=x", NULL },
		{ SCRAM_1_SERVER, SCRAM_1_PROOF, NULL },
	};
	struct sasl_setup setup = exchange_setup(&exchanges[0]);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e = { 0 };
		int ret;

		buf_init(&out, SASL_LINE_MAX);
		assert_int_equal(exchange_step(s, "", &out, &e), 0);
		ret = exchange_step(s, rows[i].first, &out, &e);
		if (rows[i].final != NULL) {
			assert_int_equal(ret, 0);
			ret = exchange_step(s, rows[i].final, &out, &e);
		}
		if (ret != (rows[i].why == NULL ? 0 : -1))
			fail_msg("row %zu: %d", i, ret);
		if (rows[i].why == NULL) {
			assert_int_equal(sasl_accept(s, &e), 0);
		} else {
			assert_int_equal(e.class, ERR_PROTOCOL);
			if (strstr(e.text, rows[i].why) == NULL)
				fail_msg("row %zu: %s", i, e.text);
			/* "OK" does not make it good. */
			assert_int_equal(sasl_accept(s, &e), -1);
		}
		sasl_free(&s);
		buf_wipe(&out);
	}
}

static void a_proof_can_not_be_left_out(void **state)
{
	struct sasl_setup setup = exchange_setup(&exchanges[0]);
	struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
	struct buf out;
	struct err e = { 0 };

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(exchange_step(s, i == 0 ? "" : SCRAM_1_SERVER, &out, &e), 0);
		assert_int_equal(sasl_accept(s, &e), -1);
		assert_non_null(strstr(e.text, "without a proof"));
	}
	sasl_free(&s);
	buf_wipe(&out);
}

static void iterations_are_bounded_in_time(void **state)
{
	struct sasl_setup setup = exchange_setup(&exchanges[1]);
	struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
	struct buf out;
	struct err e = { 0 };
	char text[200];

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	assert_int_equal(exchange_step(s, "", &out, &e), 0);
	/* As many as are done; what counts is that they are done at all. */
	(void)snprintf(text, sizeof text, "r=%sx,s=QSXCR+Q6sek8bf92,i=%d", setup.nonce, SASL_ITERATIONS_MAX);
	assert_int_equal(exchange_step(s, text, &out, &e), 0);
	assert_true(sasl_committed(s));
	sasl_free(&s);
	buf_wipe(&out);
}

/* What servers say within the mechanism. */
static void complaints_are_read(void **state)
{
	static const struct {
		const char *mechanism, *said, *complaint;
		enum sasl_verdict verdict;
		struct slice answer;
	} rows[] = {
		{ "SCRAM-SHA-1", "e=invalid-proof", "invalid-proof", SASL_DENIED, SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=unknown-user,x=y", "unknown-user", SASL_DENIED, SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=channel-bindings-dont-match", "channel-bindings-dont-match", SASL_RELAYED,
		  SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=server-does-support-channel-binding", "server-does-support-channel-binding",
		  SASL_RELAYED, SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=unsupported-channel-binding-type", "unsupported-channel-binding-type",
		  SASL_UNSUPPORTED, SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=no-resources", "no-resources", SASL_LATER, SLICE_LIT("") },
		{ "SCRAM-SHA-1", "e=\x1b[2Jno", "?[2Jno", SASL_DENIED, SLICE_LIT("") },
		{ "OAUTHBEARER",
		  "{\"status\":\"invalid_token\",\"scope\":\"example_scope\","
		  "\"openid-configuration\":\"https://example.com/.well-known/openid-config\"}",
		  "invalid_token", SASL_DENIED, SLICE_LIT("\1") },
		{ "XOAUTH2", "{\"status\":\"401\",\"schemes\":\"bearer mac\",\"scope\":\"https://mail.example.com/\"}",
		  "401", SASL_DENIED, SLICE_LIT("") },
		{ "XOAUTH2", "{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"\"}", "400", SASL_DENIED,
		  SLICE_LIT("") },
		{ "XOAUTH2", "{\"status\":\"503\"}", "503", SASL_LATER, SLICE_LIT("") },
		{ "XOAUTH2", "{\"status\":\"\\u001b\\u0007\"}", "??", SASL_DENIED, SLICE_LIT("") },
		{ "XOAUTH2", "{\"status\":401}", "no status", SASL_DENIED, SLICE_LIT("") },
		{ "XOAUTH2", "[[[[[[", "no status", SASL_DENIED, SLICE_LIT("") },
		{ "XOAUTH2", "", "no status", SASL_DENIED, SLICE_LIT("") },
		{ "OAUTHBEARER", "not JSON", "no status", SASL_DENIED, SLICE_LIT("\1") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool scram = strcmp(rows[i].mechanism, "SCRAM-SHA-1") == 0;
		struct sasl_setup setup = { .host = "h",
					    .user = "user",
					    .nonce = NONCE_1,
					    .password = scram ? "pencil" : NULL,
					    .token = scram ? NULL : "t",
					    .offered = exchange_offered(rows[i].mechanism) };
		/* In place of SCRAM's first message, and of its last. */
		for (int late = 0; late < (scram ? 2 : 1); late++) {
			struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
			struct buf out;
			struct err e = { 0 };

			buf_init(&out, SASL_LINE_MAX);
			assert_int_equal(exchange_step(s, "", &out, &e), 0);
			if (late)
				assert_int_equal(exchange_step(s, SCRAM_1_SERVER, &out, &e), 0);
			assert_int_equal(sasl_verdict(s), SASL_UNSAID);
			assert_int_equal(exchange_step(s, rows[i].said, &out, &e), 0);
			assert_true(slice_eq(buf_slice(&out), rows[i].answer));
			assert_string_equal(sasl_complaint(s), rows[i].complaint);
			assert_int_equal(sasl_verdict(s), rows[i].verdict);
			assert_int_equal(sasl_accept(s, &e), -1);
			assert_int_equal(exchange_step(s, rows[i].said, &out, &e), -1);
			sasl_free(&s);
			buf_wipe(&out);
		}
	}
}

static void challenges_have_an_end(void **state)
{
	static const struct {
		const char *mechanism;
		int most; /* steps that go well, whatever the server says */
	} rows[] = {
		{ "PLAIN", 1 },	      { "LOGIN", 2 },	{ "CRAM-MD5", 1 },
		{ "OAUTHBEARER", 2 }, { "XOAUTH2", 2 }, { "EXTERNAL", 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl_setup setup = { .host = "h",
					    .user = "u",
					    .certificate = strcmp(rows[i].mechanism, "EXTERNAL") == 0,
					    .offered = exchange_offered(rows[i].mechanism),
					    .password = "p",
					    .token = strstr(rows[i].mechanism, "OAUTH") != NULL ? "t" : NULL };
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e = { 0 };

		buf_init(&out, SASL_LINE_MAX);
		for (int k = 0; k < rows[i].most; k++)
			assert_int_equal(exchange_step(s, "more", &out, &e), 0);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(exchange_step(s, "more", &out, &e), -1);
			assert_int_equal(e.class, ERR_PROTOCOL);
			assert_int_equal(out.n, 0);
		}
		sasl_free(&s);
		buf_wipe(&out);
	}
}

static void challenges_are_base64(void **state)
{
	static const char *const rows[] = { "=",   "*", "PDE4", "PDE", "PDE4OTYu!jk3", "P D E 4", "\xff\xff\xff\xff",
					    "====" };
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = exchange_offered("LOGIN") };
	char *huge = malloc(SASL_LINE_MAX + 8);
	struct buf response;
	struct sasl *s;
	struct err e;

	(void)state;
	assert_non_null(huge);
	buf_init(&response, SASL_LINE_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		s = sasl_new(sasl_pick(&setup), &setup);
		assert_int_equal(sasl_step(s, slice_str(rows[i]), &response, &e),
				 strcmp(rows[i], "PDE4") == 0 ? 0 : -1);
		sasl_free(&s);
	}
	memset(huge, 'A', SASL_LINE_MAX + 8);
	s = sasl_new(sasl_pick(&setup), &setup);
	assert_int_equal(sasl_step(s, slice_of(huge, SASL_LINE_MAX + 8), &response, &e), -1);
	assert_int_equal(sasl_step(s, slice_of(huge, SASL_LINE_MAX), &response, &e), 0);
	sasl_free(&s);
	buf_wipe(&response);
	free(huge);
}

/* Servers that speak first to a client-first mechanism say all sorts of things. */
static void the_go_ahead_is_not_looked_at(void **state)
{
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = exchange_offered("PLAIN") };
	struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
	struct buf response;
	struct err e;

	(void)state;
	buf_init(&response, SASL_LINE_MAX);
	assert_int_equal(sasl_step(s, SLICE_LIT("go ahead!"), &response, &e), 0);
	assert_string_equal(buf_str(&response), "AHUAcA==");
	buf_wipe(&response);
	sasl_free(&s);
}

static void what_does_not_fit_is_told(void **state)
{
	static const struct {
		const char *token, *why;
	} tokens[] = {
		{ "a\1b", "no token has" }, { "a b", "no token has" }, { "\xc3\xbc", "no token has" }, { "", "empty" }
	};
	char *huge = malloc(SASL_LINE_MAX + 1);
	struct buf out;
	struct err e = { 0 };
	struct sasl *s;

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	assert_non_null(huge);
	memset(huge, 'x', SASL_LINE_MAX);
	huge[SASL_LINE_MAX] = '\0';
	for (size_t i = 0; i <= COUNT(tokens); i++) {
		struct sasl_setup setup = { .host = "h", .user = "u", .offered = exchange_offered("XOAUTH2") };

		setup.token = i < COUNT(tokens) ? tokens[i].token : huge;
		s = sasl_new(sasl_pick(&setup), &setup);
		assert_int_equal(exchange_step(s, "", &out, &e), -1);
		assert_int_equal(e.class, ERR_CONFIG);
		if (strstr(e.text, i < COUNT(tokens) ? tokens[i].why : "too long") == NULL)
			fail_msg("row %zu: %s", i, e.text);
		/* Never the secret itself. */
		assert_null(strstr(e.text, "xxxx"));
		sasl_free(&s);
	}
	buf_wipe(&out);
	free(huge);
}

/* LOGIN and CRAM-MD5: an OK before the password was asked for is no OK. */
static void an_early_ok_is_none(void **state)
{
	static const char *const rows[] = { "LOGIN", "CRAM-MD5" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = exchange_offered(rows[i]) };
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct err e;

		assert_int_equal(sasl_accept(s, &e), -1);
		assert_false(sasl_committed(s));
		sasl_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram_servers_are_checked),
		cmocka_unit_test(a_proof_can_not_be_left_out),
		cmocka_unit_test(iterations_are_bounded_in_time),
		cmocka_unit_test(complaints_are_read),
		cmocka_unit_test(challenges_have_an_end),
		cmocka_unit_test(challenges_are_base64),
		cmocka_unit_test(the_go_ahead_is_not_looked_at),
		cmocka_unit_test(what_does_not_fit_is_told),
		cmocka_unit_test(an_early_ok_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
