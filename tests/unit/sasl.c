/* SASL: the examples of the RFCs, and which way is picked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl.h"
#include "sasl_tools.h"

static const char digest_a[] = "0123456789abcdef0123456789abcdef";

static void bindings_fill(struct binding b[BINDING_TYPES], unsigned types)
{
	memset(b, 0, BINDING_TYPES * sizeof *b);
	for (int i = 0; i < BINDING_TYPES; i++) {
		if ((types & 1U << i) != 0) {
			b[i].n = sizeof digest_a - 1;
			memcpy(b[i].p, digest_a, sizeof digest_a - 1);
		}
	}
}

static void examples_come_out_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < exchanges_n; i++) {
		const struct exchange *x = &exchanges[i];
		struct sasl_setup setup = exchange_setup(x);
		int way = sasl_pick(&setup);
		struct sasl *s;
		struct buf out;
		struct err e = { 0 };
		size_t n = 0;

		if (way == SASL_NO_WAY)
			fail_msg("%s: no way", x->what);
		assert_string_equal(sasl_name(way), x->mechanism);
		s = sasl_new(way, &setup);
		buf_init(&out, SASL_LINE_MAX);
		assert_int_equal(sasl_client_first(s),
				 strcmp(x->mechanism, "LOGIN") != 0 && strcmp(x->mechanism, "CRAM-MD5") != 0);
		for (; n < STEPS && x->steps[n].in != NULL; n++) {
			if (exchange_step(s, x->steps[n].in, &out, &e) != 0)
				fail_msg("%s, step %zu: %s", x->what, n, e.text);
			if (!slice_eq(buf_slice(&out), x->steps[n].out))
				fail_msg("%s, step %zu: %s", x->what, n, buf_str(&out));
		}
		/* Whole exchanges only: rows may show no more than a beginning. */
		if (strncmp(x->mechanism, "SCRAM", 5) != 0 || n == 3) {
			assert_true(sasl_committed(s));
			assert_int_equal(sasl_accept(s, &e), 0);
		} else {
			assert_false(sasl_committed(s));
			assert_int_equal(sasl_accept(s, &e), -1);
		}
		buf_wipe(&out);
		sasl_free(&s);
	}
}

static void external_names_the_mailbox(void **state)
{
	struct sasl_setup setup = { .host = "h",
				    .user = "office@example.net",
				    .certificate = true,
				    .offered = exchange_offered("EXTERNAL PLAIN"),
				    .password = "x" };
	struct sasl *s;
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	s = sasl_new(sasl_pick(&setup), &setup);
	assert_int_equal(exchange_step(s, "", &out, &e), 0);
	assert_string_equal(buf_str(&out), "office@example.net");
	assert_int_equal(sasl_accept(s, &e), 0);
	sasl_free(&s);
	buf_wipe(&out);
}

/* ---- which way ---- */

enum { EXPORTER = 1 << BINDING_EXPORTER, UNIQUE = 1 << BINDING_UNIQUE, END_POINT = 1 << BINDING_END_POINT };

static void the_strongest_is_picked(void **state)
{
	static const char all[] = "LOGIN PLAIN CRAM-MD5 scram-sha-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS "
				  "EXTERNAL XOAUTH2 OAUTHBEARER GSSAPI NTLM";
	static const struct {
		const char *offered, *password, *token, *login_as, *only;
		bool certificate;
		unsigned bindings;
		const char *picked; /* NULL: none */
	} rows[] = {
		{ all, "p", NULL, NULL, NULL, true, EXPORTER, "EXTERNAL" },
		{ all, NULL, NULL, NULL, NULL, true, 0, "EXTERNAL" },
		{ all, "p", NULL, NULL, NULL, false, EXPORTER, "SCRAM-SHA-256-PLUS" },
		{ all, "p", NULL, NULL, NULL, false, END_POINT, "SCRAM-SHA-256-PLUS" },
		{ all, "p", NULL, NULL, NULL, false, 0, "SCRAM-SHA-256" },
		{ "SCRAM-SHA-1-PLUS SCRAM-SHA-256", "p", NULL, NULL, NULL, false, UNIQUE, "SCRAM-SHA-1-PLUS" },
		{ "SCRAM-SHA-1-PLUS SCRAM-SHA-256", "p", NULL, NULL, NULL, false, 0, "SCRAM-SHA-256" },
		{ "LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1", "p", NULL, NULL, NULL, false, 0, "SCRAM-SHA-1" },
		{ "LOGIN PLAIN CRAM-MD5", "p", NULL, NULL, NULL, false, 0, "CRAM-MD5" },
		{ "LOGIN PLAIN", "p", NULL, NULL, NULL, false, 0, "PLAIN" },
		{ "LOGIN", "p", NULL, NULL, NULL, false, 0, "LOGIN" },
		{ "GSSAPI NTLM PLAIN-X", "p", NULL, NULL, NULL, false, 0, NULL },
		{ "", "p", NULL, NULL, NULL, false, 0, NULL },
		/* A token goes by its own mechanisms, and a password is never sent beside it. */
		{ all, NULL, "t", NULL, NULL, true, EXPORTER, "OAUTHBEARER" },
		{ "XOAUTH2 PLAIN", "p", "t", NULL, NULL, false, 0, "XOAUTH2" },
		{ "PLAIN LOGIN", "p", "t", NULL, NULL, false, 0, NULL },
		{ "XOAUTH2 OAUTHBEARER", "p", NULL, NULL, NULL, false, 0, NULL },
		/* Two names. */
		{ "LOGIN CRAM-MD5 PLAIN", "p", NULL, "other", NULL, false, 0, "PLAIN" },
		{ "LOGIN CRAM-MD5", "p", NULL, "other", NULL, false, 0, NULL },
		{ "LOGIN CRAM-MD5", "p", NULL, "user", NULL, false, 0, "CRAM-MD5" },
		/* The operator's choice. */
		{ all, "p", NULL, NULL, "PLAIN", true, EXPORTER, "PLAIN" },
		{ all, "p", NULL, NULL, "SCRAM-SHA-256", false, EXPORTER, "SCRAM-SHA-256" },
		{ all, "p", NULL, NULL, "EXTERNAL", false, 0, NULL },
		{ "PLAIN", "p", NULL, NULL, "CRAM-MD5", false, 0, NULL },
		/* What Unicode 3.2 does not know can't be prepared (RFC 5802, 2.2). */
		{ "PLAIN SCRAM-SHA-1", "\xf0\x9f\x94\x91", NULL, NULL, NULL, false, 0, "PLAIN" },
		{ "PLAIN SCRAM-SHA-1", "gr\xc3\xbc\xc3\x9f", NULL, NULL, NULL, false, 0, "SCRAM-SHA-1" },
		{ "PLAIN SCRAM-SHA-1", "latin \xfc", NULL, NULL, NULL, false, 0, "PLAIN" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct binding b[BINDING_TYPES];
		struct sasl_setup setup = { .host = "h",
					    .user = "user",
					    .login_as = rows[i].login_as,
					    .password = rows[i].password,
					    .token = rows[i].token,
					    .only = rows[i].only,
					    .certificate = rows[i].certificate,
					    .bindings = rows[i].bindings == 0 ? NULL : b,
					    .offered = exchange_offered(rows[i].offered) };
		int way;

		bindings_fill(b, rows[i].bindings);
		way = sasl_pick(&setup);
		if (rows[i].picked == NULL && way != SASL_NO_WAY)
			fail_msg("row %zu: %s", i, sasl_name(way));
		if (rows[i].picked != NULL && (way == SASL_NO_WAY || strcmp(sasl_name(way), rows[i].picked) != 0))
			fail_msg("row %zu: %s, not %s", i, way == SASL_NO_WAY ? "none" : sasl_name(way),
				 rows[i].picked);
	}
}

static void what_was_refused_is_not_tried_again(void **state)
{
	struct binding b[BINDING_TYPES];
	struct sasl_setup setup = { .host = "h",
				    .user = "u",
				    .password = "p",
				    .bindings = b,
				    .offered =
					exchange_offered("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
						"SCRAM-SHA-256-PLUS") };
	static const char *const order[] = {
		"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"
	};

	(void)state;
	bindings_fill(b, EXPORTER | END_POINT);
	for (size_t i = 0; i < COUNT(order); i++) {
		int way = sasl_pick(&setup);

		assert_int_not_equal(way, SASL_NO_WAY);
		assert_string_equal(sasl_name(way), order[i]);
		sasl_exclude(&setup, way);
	}
	assert_int_equal(sasl_pick(&setup), SASL_NO_WAY);
}

/* ---- channel binding ---- */

static void bindings_are_covered(void **state)
{
	static const struct {
		const char *offered, *only;
		unsigned bindings;
		bool refused; /* the first way was, and this is the next */
		const char *header;
	} rows[] = {
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", NULL, EXPORTER | END_POINT, false, "p=tls-exporter,," },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", NULL, EXPORTER | END_POINT, true, "p=tls-server-end-point,," },
		{ "SCRAM-SHA-1-PLUS", NULL, UNIQUE | END_POINT, false, "p=tls-unique,," },
		/* We could; the server does not seem to: it must know, for somebody may have cut its list. */
		{ "SCRAM-SHA-256", NULL, EXPORTER, false, "y,," },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", NULL, END_POINT, true, "y,," },
		{ "SCRAM-SHA-256", "SCRAM-SHA-256", EXPORTER, false, "y,," },
		/* We can't, or shall not. */
		{ "SCRAM-SHA-256", NULL, 0, false, "n,," },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", NULL, 0, false, "n,," },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "SCRAM-SHA-256", EXPORTER, false, "n,," },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct binding b[BINDING_TYPES];
		struct sasl_setup setup = { .host = "h",
					    .user = "user",
					    .password = "pencil",
					    .nonce = "abc",
					    .only = rows[i].only,
					    .bindings = rows[i].bindings == 0 ? NULL : b,
					    .offered = exchange_offered(rows[i].offered) };
		size_t n = strlen(rows[i].header);
		struct buf out, covered;
		struct slice value;
		struct sasl *s;
		struct err e = { 0 };

		bindings_fill(b, rows[i].bindings);
		if (rows[i].refused)
			sasl_exclude(&setup, sasl_pick(&setup));
		buf_init(&out, SASL_LINE_MAX);
		buf_init(&covered, SASL_LINE_MAX);
		s = sasl_new(sasl_pick(&setup), &setup);
		assert_int_equal(exchange_step(s, "", &out, &e), 0);
		if (strncmp(buf_str(&out), rows[i].header, n) != 0 || strncmp(out.p + n, "n=user,r=abc", 12) != 0)
			fail_msg("row %zu: %s", i, buf_str(&out));
		assert_int_equal(exchange_step(s, "r=abcdef,s=QSXCR+Q6sek8bf92,i=1", &out, &e), 0);
		value = slice_of(out.p + 2, slice_find(buf_slice(&out), ',') - 2);
		assert_int_equal(base64_decode(value, &covered), 0);
		assert_int_equal(covered.n, n + (rows[i].header[0] == 'p' ? sizeof digest_a - 1 : 0));
		assert_memory_equal(covered.p, rows[i].header, n);
		assert_memory_equal(covered.p + n, digest_a, covered.n - n);
		sasl_free(&s);
		buf_wipe(&out);
		buf_wipe(&covered);
	}
}

static void nonces_differ(void **state)
{
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = exchange_offered("SCRAM-SHA-1") };
	char seen[2][200];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e;

		buf_init(&out, SASL_LINE_MAX);
		assert_int_equal(exchange_step(s, "", &out, &e), 0);
		(void)snprintf(seen[i], sizeof seen[i], "%s", buf_str(&out));
		assert_true(out.n >= strlen("n,,n=u,r=") + 24);
		buf_wipe(&out);
		sasl_free(&s);
	}
	assert_string_not_equal(seen[0], seen[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_come_out_as_written),
		cmocka_unit_test(external_names_the_mailbox),
		cmocka_unit_test(the_strongest_is_picked),
		cmocka_unit_test(what_was_refused_is_not_tried_again),
		cmocka_unit_test(bindings_are_covered),
		cmocka_unit_test(nonces_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
