/* SASL: the examples of the RFCs, which way is picked, and servers that do not play by the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum { STEPS = 4 };

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

/* "PLAIN LOGIN" as the server would list them. */
static unsigned offered(const char *names)
{
	struct slice all = slice_str(names);
	unsigned bits = 0;

	while (all.n > 0) {
		size_t n = slice_find(all, ' ');

		bits |= sasl_offered(slice_of(all.p, n));
		all = slice_skip(all, n < all.n ? n + 1 : n);
	}
	return bits;
}

/* One step; IN is what the server means, OUT becomes what we mean. */
static int step(struct sasl *s, const char *in, struct buf *out, struct err *e)
{
	struct buf challenge, response;
	int ret;

	buf_init(&challenge, 64 * 1024);
	buf_init(&response, SASL_LINE_MAX);
	buf_clear(out);
	assert_int_equal(base64_encode(slice_str(in), &challenge), 0);
	ret = sasl_step(s, buf_slice(&challenge), &response, e);
	if (ret == 0)
		assert_int_equal(base64_decode(buf_slice(&response), out), 0);
	buf_free(&challenge);
	buf_wipe(&response);
	return ret;
}

/* ---- the exchanges ---- */

#define SCRAM_1_FIRST  "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
#define SCRAM_1_SERVER "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define SCRAM_1_FINAL  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
#define SCRAM_1_PROOF  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
#define NONCE_1	       "fyko+d2lbbFgONRv9qkxdawL"

static const struct exchange {
	const char *what, *mechanism;
	const char *user, *login_as, *password, *token, *nonce;
	struct {
		const char *in;
		struct slice out;
	} steps[STEPS];
} exchanges[] = {
	{ "RFC 5802, 5",
	  "SCRAM-SHA-1",
	  "user",
	  NULL,
	  "pencil",
	  NULL,
	  NONCE_1,
	  { { "", SLICE_LIT(SCRAM_1_FIRST) },
	    { SCRAM_1_SERVER, SLICE_LIT(SCRAM_1_FINAL) },
	    { SCRAM_1_PROOF, SLICE_LIT("") } } },
	{ "RFC 7677, 3",
	  "SCRAM-SHA-256",
	  "user",
	  NULL,
	  "pencil",
	  NULL,
	  "rOprNGfwEbeRWgbNEkqO",
	  { { "", SLICE_LIT("n,,n=user,r=rOprNGfwEbeRWgbNEkqO") },
	    { "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	      SLICE_LIT("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") },
	    { "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SLICE_LIT("") } } },
	{ "RFC 2195, 2",
	  "CRAM-MD5",
	  "tim",
	  NULL,
	  "tanstaaftanstaaf",
	  NULL,
	  NULL,
	  { { "<1896.697170952@postoffice.reston.mci.net>", SLICE_LIT("tim b913a602c7eda7a495b4e6e7334d3890") } } },
	{ "RFC 4616, 4",
	  "PLAIN",
	  "tim",
	  NULL,
	  "tanstaaftanstaaf",
	  NULL,
	  NULL,
	  { { "", SLICE_LIT("\0tim\0tanstaaftanstaaf") } } },
	{ "RFC 4616, 4: for another",
	  "PLAIN",
	  "Ursel",
	  "Kurt",
	  "xipj3plmq",
	  NULL,
	  NULL,
	  { { "", SLICE_LIT("Ursel\0Kurt\0xipj3plmq") } } },
	{ "login_as that is user", "PLAIN", "tim", "tim", "x", NULL, NULL, { { "", SLICE_LIT("\0tim\0x") } } },
	{ "LOGIN",
	  "LOGIN",
	  "tim",
	  NULL,
	  "tanstaaf",
	  NULL,
	  NULL,
	  { { "Username:", SLICE_LIT("tim") }, { "Password:", SLICE_LIT("tanstaaf") } } },
	{ "RFC 7628, 4.1",
	  "OAUTHBEARER",
	  "user@example.com",
	  NULL,
	  NULL,
	  "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
	  NULL,
	  { { "", SLICE_LIT("n,a=user@example.com,\1host=server.example.com\1port=143\1"
			    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1") } } },
	{ "XOAUTH2",
	  "XOAUTH2",
	  "someuser@example.com",
	  NULL,
	  NULL,
	  "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	  NULL,
	  { { "", SLICE_LIT("user=someuser@example.com\1"
			    "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1") } } },
	{ "a shared mailbox",
	  "XOAUTH2",
	  "scans@example.org",
	  "tim@example.org",
	  NULL,
	  "t",
	  NULL,
	  { { "", SLICE_LIT("user=scans@example.org\1auth=Bearer t\1\1") } } },
	{ "names with , and =",
	  "SCRAM-SHA-1",
	  "a,b=c",
	  "d=,",
	  "pencil",
	  NULL,
	  "abc",
	  { { "", SLICE_LIT("n,a=a=2Cb=3Dc,n=d=3D=2C,r=abc") } } },
	{ "names with , and =",
	  "OAUTHBEARER",
	  "a,b=c",
	  NULL,
	  NULL,
	  "t",
	  NULL,
	  { { "", SLICE_LIT("n,a=a=2Cb=3Dc,\1host=server.example.com\1port=143\1auth=Bearer t\1\1") } } },
	{ "RFC 4013, 3: a soft hyphen goes",
	  "SCRAM-SHA-1",
	  "I\xc2\xadX",
	  NULL,
	  "pencil",
	  NULL,
	  "abc",
	  { { "", SLICE_LIT("n,,n=IX,r=abc") } } },
};

static struct sasl_setup setup_of(const struct exchange *x)
{
	return (struct sasl_setup){ .host = "server.example.com",
				    .port = 143,
				    .user = x->user,
				    .login_as = x->login_as,
				    .password = x->password,
				    .token = x->token,
				    .nonce = x->nonce,
				    .only = x->mechanism,
				    .offered = offered(x->mechanism) };
}

static void examples_come_out_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(exchanges); i++) {
		const struct exchange *x = &exchanges[i];
		struct sasl_setup setup = setup_of(x);
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
			if (step(s, x->steps[n].in, &out, &e) != 0)
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
				    .offered = offered("EXTERNAL PLAIN"),
				    .password = "x" };
	struct sasl *s;
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	s = sasl_new(sasl_pick(&setup), &setup);
	assert_int_equal(step(s, "", &out, &e), 0);
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
					    .offered = offered(rows[i].offered) };
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
					offered("LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS "
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
					    .offered = offered(rows[i].offered) };
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
		assert_int_equal(step(s, "", &out, &e), 0);
		if (strncmp(buf_str(&out), rows[i].header, n) != 0 || strncmp(out.p + n, "n=user,r=abc", 12) != 0)
			fail_msg("row %zu: %s", i, buf_str(&out));
		assert_int_equal(step(s, "r=abcdef,s=QSXCR+Q6sek8bf92,i=1", &out, &e), 0);
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
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = offered("SCRAM-SHA-1") };
	char seen[2][200];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e;

		buf_init(&out, SASL_LINE_MAX);
		assert_int_equal(step(s, "", &out, &e), 0);
		(void)snprintf(seen[i], sizeof seen[i], "%s", buf_str(&out));
		assert_true(out.n >= strlen("n,,n=u,r=") + 24);
		buf_wipe(&out);
		sasl_free(&s);
	}
	assert_string_not_equal(seen[0], seen[1]);
}

/* ---- servers that do not play by the rules ---- */

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
	struct sasl_setup setup = setup_of(&exchanges[0]);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e = { 0 };
		int ret;

		buf_init(&out, SASL_LINE_MAX);
		assert_int_equal(step(s, "", &out, &e), 0);
		ret = step(s, rows[i].first, &out, &e);
		if (rows[i].final != NULL) {
			assert_int_equal(ret, 0);
			ret = step(s, rows[i].final, &out, &e);
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
	struct sasl_setup setup = setup_of(&exchanges[0]);
	struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
	struct buf out;
	struct err e = { 0 };

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(step(s, i == 0 ? "" : SCRAM_1_SERVER, &out, &e), 0);
		assert_int_equal(sasl_accept(s, &e), -1);
		assert_non_null(strstr(e.text, "without a proof"));
	}
	sasl_free(&s);
	buf_wipe(&out);
}

static void iterations_are_bounded_in_time(void **state)
{
	struct sasl_setup setup = setup_of(&exchanges[1]);
	struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
	struct buf out;
	struct err e = { 0 };
	char text[200];

	(void)state;
	buf_init(&out, SASL_LINE_MAX);
	assert_int_equal(step(s, "", &out, &e), 0);
	/* As many as are done; what counts is that they are done at all. */
	(void)snprintf(text, sizeof text, "r=%sx,s=QSXCR+Q6sek8bf92,i=%d", setup.nonce, SASL_ITERATIONS_MAX);
	assert_int_equal(step(s, text, &out, &e), 0);
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
					    .offered = offered(rows[i].mechanism) };
		/* In place of SCRAM's first message, and of its last. */
		for (int late = 0; late < (scram ? 2 : 1); late++) {
			struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
			struct buf out;
			struct err e = { 0 };

			buf_init(&out, SASL_LINE_MAX);
			assert_int_equal(step(s, "", &out, &e), 0);
			if (late)
				assert_int_equal(step(s, SCRAM_1_SERVER, &out, &e), 0);
			assert_int_equal(sasl_verdict(s), SASL_UNSAID);
			assert_int_equal(step(s, rows[i].said, &out, &e), 0);
			assert_true(slice_eq(buf_slice(&out), rows[i].answer));
			assert_string_equal(sasl_complaint(s), rows[i].complaint);
			assert_int_equal(sasl_verdict(s), rows[i].verdict);
			assert_int_equal(sasl_accept(s, &e), -1);
			assert_int_equal(step(s, rows[i].said, &out, &e), -1);
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
					    .offered = offered(rows[i].mechanism),
					    .password = "p",
					    .token = strstr(rows[i].mechanism, "OAUTH") != NULL ? "t" : NULL };
		struct sasl *s = sasl_new(sasl_pick(&setup), &setup);
		struct buf out;
		struct err e = { 0 };

		buf_init(&out, SASL_LINE_MAX);
		for (int k = 0; k < rows[i].most; k++)
			assert_int_equal(step(s, "more", &out, &e), 0);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(step(s, "more", &out, &e), -1);
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
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = offered("LOGIN") };
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
	struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = offered("PLAIN") };
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
		struct sasl_setup setup = { .host = "h", .user = "u", .offered = offered("XOAUTH2") };

		setup.token = i < COUNT(tokens) ? tokens[i].token : huge;
		s = sasl_new(sasl_pick(&setup), &setup);
		assert_int_equal(step(s, "", &out, &e), -1);
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
		struct sasl_setup setup = { .host = "h", .user = "u", .password = "p", .offered = offered(rows[i]) };
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
		cmocka_unit_test(examples_come_out_as_written),
		cmocka_unit_test(external_names_the_mailbox),
		cmocka_unit_test(the_strongest_is_picked),
		cmocka_unit_test(what_was_refused_is_not_tried_again),
		cmocka_unit_test(bindings_are_covered),
		cmocka_unit_test(nonces_differ),
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
