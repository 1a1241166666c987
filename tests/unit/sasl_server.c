/* The SASL server: the examples of the RFCs, our own client as its peer, and clients that don't keep to the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "net/sasl.h"
#include "net/sasl_server.h"

/* RFC 7677, 3 and RFC 5802, 5 */
#define SALT256 "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SALT1	"QSXCR+Q6sek8bf92"

static void verifier(struct buf *out, enum scram_hash hash, const char *password, const char *salt64, unsigned rounds)
{
	struct scram_keys keys;
	struct buf salt;

	buf_init(&salt, 100);
	assert_int_equal(base64_decode(slice_str(salt64), &salt), 0);
	assert_int_equal(scram_keys(hash, password, buf_slice(&salt), rounds, &keys), 0);
	(void)buf_addf(out, " %s$%u:%s$", scram_name(hash), rounds, salt64);
	(void)base64_encode(slice_of((const char *)keys.stored, scram_size(hash)), out);
	(void)buf_add_char(out, ':');
	(void)base64_encode(slice_of((const char *)keys.server, scram_size(hash)), out);
	buf_free(&salt);
}

static struct sasl_users *make_users(void)
{
	struct sasl_users *u;
	struct buf text, errors;

	buf_init(&text, 10000);
	buf_init(&errors, 10000);
	(void)buf_add_str(&text, "# a comment\n!decoys MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n\nuser");
	verifier(&text, SCRAM_SHA256, "pencil", SALT256, 4096);
	verifier(&text, SCRAM_SHA1, "pencil", SALT1, 4096);
	(void)buf_add_str(&text, "\r\nslow");
	verifier(&text, SCRAM_SHA256, "crayon", SALT256, 5000);
	(void)buf_add_str(&text, "\nj\xc3\xb6rg,=@office.example");
	verifier(&text, SCRAM_SHA256, "p\xc3\xa4sswort", SALT256, 4096);
	u = sasl_users_parse("users", buf_slice(&text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(u);
	buf_free(&text);
	buf_free(&errors);
	return u;
}

struct talk {
	struct sasl_users *users;
	struct sasl_server_setup setup;
	struct sasl_server *s;
	struct buf challenge, plain;
};

static void talk_open(struct talk *t)
{
	*t = (struct talk){ .users = make_users() };
	t->setup.users = t->users;
	buf_init(&t->challenge, SASL_SERVER_LINE_MAX);
	buf_init(&t->plain, SASL_SERVER_LINE_MAX);
}

static void talk_close(struct talk *t)
{
	sasl_server_free(&t->s);
	sasl_users_free(&t->users);
	buf_free(&t->challenge);
	buf_free(&t->plain);
}

static void talk_begin(struct talk *t, const char *mechanism)
{
	int way = sasl_server_way(slice_str(mechanism));

	assert_int_not_equal(way, SASL_SERVER_NONE);
	sasl_server_free(&t->s);
	t->s = sasl_server_new(way, &t->setup);
}

/* Says SAYS (to be encoded), and checks at once what may be checked. */
static enum sasl_server_said say(struct talk *t, struct slice says)
{
	struct slice response;
	enum sasl_server_said said;
	struct buf encoded;

	buf_init(&encoded, 2 * SASL_SERVER_LINE_MAX);
	assert_int_equal(base64_encode(says, &encoded), 0);
	response = buf_slice(&encoded);
	said = sasl_server_step(t->s, &response, &t->challenge);
	if (said == SASL_CLAIMS)
		said = sasl_server_check(t->s, &t->challenge);
	buf_clear(&t->plain);
	assert_int_equal(base64_decode(buf_slice(&t->challenge), &t->plain), 0);
	buf_free(&encoded);
	return said;
}

static void scram_of_the_rfcs(void **state)
{
	static const struct {
		const char *mechanism, *nonce, *first, *challenge, *final, *signature;
	} all[] = {
		{ "SCRAM-SHA-256", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		  "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=" SALT256 ",i=4096",
		  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		  "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		  "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
		{ "scram-sha-1", "3rfcNHYJY1ZVvWVs7j", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		  "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=" SALT1 ",i=4096",
		  "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	};
	struct talk t;

	(void)state;
	talk_open(&t);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct buf bad;

		t.setup.nonce = all[i].nonce;
		talk_begin(&t, all[i].mechanism);
		/* No initial response: an empty challenge. */
		assert_int_equal(sasl_server_step(t.s, NULL, &t.challenge), SASL_ASKS);
		assert_int_equal(t.challenge.n, 0);
		assert_int_equal(say(&t, slice_str(all[i].first)), SASL_ASKS);
		assert_string_equal(buf_str(&t.plain), all[i].challenge);
		assert_int_equal(say(&t, slice_str(all[i].final)), SASL_ASKS);
		assert_string_equal(buf_str(&t.plain), all[i].signature);
		assert_int_equal(say(&t, SLICE_NONE), SASL_PASSED);
		assert_string_equal(sasl_server_user(t.s), "user");

		/* One bit of the proof is another. */
		buf_init(&bad, 1000);
		(void)buf_add_str(&bad, all[i].final);
		strstr(bad.p, ",p=")[7] = strstr(bad.p, ",p=")[7] == 'A' ? 'B' : 'A';
		talk_begin(&t, all[i].mechanism);
		assert_int_equal(say(&t, slice_str(all[i].first)), SASL_ASKS);
		assert_int_equal(say(&t, buf_slice(&bad)), SASL_REFUSED);
		assert_int_equal(say(&t, slice_str(all[i].final)), SASL_NONSENSE);
		buf_free(&bad);
	}
	talk_close(&t);
}

/* All that our client can do, with right and wrong passwords. */
static void our_client(void **state)
{
	static const struct {
		const char *mechanism, *user, *password;
		bool good;
	} all[] = {
		{ "SCRAM-SHA-256-PLUS", "user", "pencil", true },
		{ "SCRAM-SHA-256-PLUS", "user", "pencils", false },
		{ "SCRAM-SHA-1-PLUS", "user", "pencil", true },
		{ "SCRAM-SHA-256", "user", "pencil", true },
		{ "SCRAM-SHA-256", "slow", "crayon", true },
		{ "SCRAM-SHA-256", "slow", "pencil", false },
		{ "SCRAM-SHA-256", "nobody", "pencil", false },
		{ "SCRAM-SHA-1", "user", "pencil", true },
		{ "SCRAM-SHA-1", "slow", "crayon", false }, /* has no such verifier */
		{ "SCRAM-SHA-256", "j\xc3\xb6rg,=@office.example", "p\xc3\xa4sswort", true },
		{ "PLAIN", "user", "pencil", true },
		{ "PLAIN", "user", "Pencil", false },
		{ "PLAIN", "User", "pencil", false },
		{ "PLAIN", "slow", "crayon", true },
		{ "PLAIN", "nobody", "pencil", false },
		{ "PLAIN", "j\xc3\xb6rg,=@office.example", "p\xc3\xa4sswort", true },
		/* Decomposed: SASLprep makes one character of it. */
		{ "PLAIN", "jo\xcc\x88rg,=@office.example", "pa\xcc\x88sswort", true },
		{ "PLAIN", "user", "\xff\xfe", false },
		{ "LOGIN", "user", "pencil", true },
		{ "LOGIN", "user", "pencil ", false },
		{ "LOGIN", "nobody", "x", false },
	};
	struct binding bindings[BINDING_TYPES] = { { "exporter value", 14 }, { "", 0 }, { "hash", 4 } };
	struct talk t;

	(void)state;
	talk_open(&t);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct sasl_setup setup = { .host = "mail.office.example", .port = 25 };
		enum sasl_server_said said = SASL_ASKS;
		struct sasl *client;
		struct buf response;
		struct err e;
		int way;

		t.setup.bindings = setup.bindings = strstr(all[i].mechanism, "PLUS") != NULL ? bindings : NULL;
		setup.user = all[i].user;
		setup.password = all[i].password;
		setup.offered = sasl_offered(slice_str(all[i].mechanism));
		talk_begin(&t, all[i].mechanism);
		way = sasl_pick(&setup);
		/* Ours does not even begin with what can't be a password. */
		if (way == SASL_NO_WAY) {
			assert_false(all[i].good);
			continue;
		}
		client = sasl_new(way, &setup);
		buf_init(&response, SASL_LINE_MAX);
		if (!sasl_client_first(client))
			said = sasl_server_step(t.s, NULL, &t.challenge);
		for (int rounds = 0; said == SASL_ASKS; rounds++) {
			struct slice r;

			assert_true(rounds < 5);
			assert_int_equal(sasl_step(client, buf_slice(&t.challenge), &response, &e), 0);
			r = buf_slice(&response);
			said = sasl_server_step(t.s, &r, &t.challenge);
			if (said == SASL_CLAIMS)
				said = sasl_server_check(t.s, &t.challenge);
		}
		assert_int_equal(said, all[i].good ? SASL_PASSED : SASL_REFUSED);
		if (all[i].good) {
			assert_int_equal(sasl_accept(client, &e), 0);
			assert_non_null(sasl_users_find(t.users, sasl_server_user(t.s)));
		} else {
			assert_string_equal(sasl_server_reason(t.s), "user or password");
		}
		buf_wipe(&response);
		sasl_free(&client);
	}
	talk_close(&t);
}

#define LIT(s) SLICE_LIT(s)
#define N256   "n=user,r=abc"

static void first_messages(void **state)
{
	static const struct {
		const char *mechanism;
		struct slice says;
		enum sasl_server_said want;
	} all[] = {
		{ "PLAIN", LIT("\0user\0pencil"), SASL_PASSED },
		{ "PLAIN", LIT("user\0user\0pencil"), SASL_PASSED },
		{ "PLAIN", LIT("root\0user\0pencil"), SASL_REFUSED },
		{ "PLAIN", LIT("USER\0user\0pencil"), SASL_REFUSED },
		{ "PLAIN", LIT("nobody\0nobody\0pencil"), SASL_REFUSED },
		{ "PLAIN", LIT(""), SASL_NONSENSE },
		{ "PLAIN", LIT("user"), SASL_NONSENSE },
		{ "PLAIN", LIT("user\0pencil"), SASL_NONSENSE },
		{ "PLAIN", LIT("\0\0pencil"), SASL_NONSENSE },
		{ "PLAIN", LIT("\0user\0"), SASL_NONSENSE },
		{ "PLAIN", LIT("\0user\0pencil\0"), SASL_NONSENSE },
		{ "PLAIN", LIT("\0user\0pen\0cil"), SASL_NONSENSE },
		{ "PLAIN", LIT("\0\xff\xfe\0pencil"), SASL_REFUSED },
		{ "PLAIN", LIT("\0user\0\xff"), SASL_REFUSED },
		{ "PLAIN", LIT("\0user\0pen\ncil"), SASL_REFUSED },
		{ "LOGIN", LIT(""), SASL_NONSENSE },
		{ "LOGIN", LIT("us\0er"), SASL_NONSENSE },
		{ "LOGIN", LIT("user"), SASL_ASKS },
		{ "SCRAM-SHA-256", LIT("n,," N256), SASL_ASKS },
		{ "SCRAM-SHA-256", LIT("y,," N256), SASL_ASKS },
		{ "SCRAM-SHA-256", LIT("n,," N256 ",x=new,y=er"), SASL_ASKS },
		{ "SCRAM-SHA-256", LIT("n,a=user," N256), SASL_ASKS },
		{ "SCRAM-SHA-256", LIT("n,a=root," N256), SASL_REFUSED },
		{ "SCRAM-SHA-256", LIT("n,b=user," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,a=," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("p=tls-exporter,," N256), SASL_REFUSED },
		{ "SCRAM-SHA-256", LIT("p=,," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("p,," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("x,," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT(",," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT(""), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,m=must," N256), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=,r=abc"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=user,r="), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=user"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=user,r=a\x7f"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=user,r=a\0b"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=us=er,r=abc"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=user=2,r=abc"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=us\0er,r=abc"), SASL_NONSENSE },
		{ "SCRAM-SHA-256", LIT("n,,n=\xff,r=abc"), SASL_ASKS }, /* as anybody who is not there */
		{ "SCRAM-SHA-256-PLUS", LIT("n,," N256), SASL_REFUSED },
		{ "SCRAM-SHA-256-PLUS", LIT("p=tls-exporter,," N256), SASL_REFUSED }, /* there is no TLS */
	};
	struct talk t;

	(void)state;
	talk_open(&t);
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		enum sasl_server_said said;

		talk_begin(&t, all[i].mechanism);
		said = say(&t, all[i].says);
		if (said != all[i].want)
			print_message("row %zu: %s\n", i, all[i].says.p);
		assert_int_equal(said, all[i].want);
		/* After an end there is nothing more. */
		if (said != SASL_ASKS)
			assert_int_equal(say(&t, LIT("\0user\0pencil")), SASL_NONSENSE);
	}
	talk_close(&t);
}

static void last_messages(void **state)
{
	static const struct {
		struct slice says;
		enum sasl_server_said want;
	} all[] = {
		{ LIT("c=biws,r=abcDEF"), SASL_NONSENSE },
		{ LIT("c=biws,r=abcDEF,p="), SASL_NONSENSE },
		{ LIT("c=biws,r=abcDEF,p=AAAA"), SASL_NONSENSE },
		{ LIT("c=biws,r=abcDEF,p=!"), SASL_NONSENSE },
		{ LIT(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_NONSENSE },
		{ LIT("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_NONSENSE },
		{ LIT("c=biws,r=abcDE,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_NONSENSE },
		{ LIT("c=biws,r=abcDEF,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_REFUSED },
		{ LIT("c=biws,r=abcDEF,x=y,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_REFUSED },
		{ LIT("c=eSws,r=abcDEF,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_REFUSED },
		{ LIT("c=,r=abcDEF,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_REFUSED },
		{ LIT("r=abcDEF,c=biws,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), SASL_NONSENSE },
		{ LIT(""), SASL_NONSENSE },
		{ LIT("\0\0\0"), SASL_NONSENSE },
	};
	struct talk t;

	(void)state;
	talk_open(&t);
	t.setup.nonce = "DEF";
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		talk_begin(&t, "SCRAM-SHA-256");
		assert_int_equal(say(&t, LIT("n,," N256)), SASL_ASKS);
		assert_int_equal(say(&t, all[i].says), all[i].want);
		assert_int_equal(say(&t, SLICE_NONE), SASL_NONSENSE);
	}
	talk_close(&t);
}

/* RFC 5802, 6 */
static void bindings(void **state)
{
	struct binding exporter[BINDING_TYPES] = { { "the right one", 13 }, { "", 0 }, { "end point", 9 } };
	struct talk t;

	(void)state;
	talk_open(&t);
	t.setup.bindings = exporter;
	assert_true(sasl_server_able(sasl_server_way(LIT("SCRAM-SHA-256-PLUS")), &t.setup));
	talk_begin(&t, "SCRAM-SHA-256-PLUS");
	assert_int_equal(say(&t, LIT("p=tls-unique,," N256)), SASL_REFUSED);
	talk_begin(&t, "SCRAM-SHA-256-PLUS");
	assert_int_equal(say(&t, LIT("p=tls-server-end-point,," N256)), SASL_ASKS);
	/* It could bind, and was made to believe that we can't. */
	talk_begin(&t, "SCRAM-SHA-256");
	assert_int_equal(say(&t, LIT("y,," N256)), SASL_REFUSED);
	/* It can't. */
	talk_begin(&t, "SCRAM-SHA-256");
	assert_int_equal(say(&t, LIT("n,," N256)), SASL_ASKS);
	/* Between two connections: the client is bound to another one. */
	t.setup.nonce = "DEF";
	talk_begin(&t, "SCRAM-SHA-256-PLUS");
	assert_int_equal(say(&t, LIT("p=tls-exporter,," N256)), SASL_ASKS);
	assert_int_equal(say(&t, LIT("c=cD10bHMtZXhwb3J0ZXIsLHRoZSB3cm9uZyBvbmU=,r=abcDEF,"
				     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")),
			 SASL_REFUSED);
	assert_non_null(strstr(sasl_server_reason(t.s), "binding"));
	t.setup.bindings = NULL;
	assert_false(sasl_server_able(sasl_server_way(LIT("SCRAM-SHA-256-PLUS")), &t.setup));
	talk_close(&t);
}

/* What is as large as it may be, and larger. */
static void large(void **state)
{
	static char text[20000];
	struct slice all;
	struct talk t;

	(void)state;
	talk_open(&t);
	memset(text, 'A', sizeof text);
	talk_begin(&t, "PLAIN");
	all = slice_of(text, SASL_SERVER_LINE_MAX);
	assert_int_equal(sasl_server_step(t.s, &all, &t.challenge), SASL_NONSENSE);
	talk_begin(&t, "PLAIN");
	all = slice_of(text, sizeof text);
	assert_int_equal(sasl_server_step(t.s, &all, &t.challenge), SASL_NONSENSE);
	/* 255 octets of name and password, and one more of either. */
	for (size_t extra = 0; extra < 3; extra++) {
		size_t n = 255 + (extra == 1), p = 255 + (extra == 2);

		memset(text, 'a', sizeof text);
		text[0] = text[1 + n] = '\0';
		talk_begin(&t, "PLAIN");
		assert_int_equal(say(&t, slice_of(text, 2 + n + p)), extra == 0 ? SASL_REFUSED : SASL_NONSENSE);
	}
	memset(text, 'a', sizeof text);
	memcpy(text, "n,,n=user,r=", 12);
	talk_begin(&t, "SCRAM-SHA-256");
	assert_int_equal(say(&t, slice_of(text, 12 + 256)), SASL_ASKS);
	talk_begin(&t, "SCRAM-SHA-256");
	assert_int_equal(say(&t, slice_of(text, 12 + 257)), SASL_NONSENSE);
	talk_close(&t);
}

/* Nothing in a challenge tells who is there: the same each time, in the shape of what others have. */
static void nobody_can_be_told(void **state)
{
	bool seen[2] = { false, false };
	struct talk t, again;

	(void)state;
	talk_open(&t);
	talk_open(&again);
	t.setup.nonce = again.setup.nonce = "DEF";
	for (int i = 0; i < 64; i++) {
		char says[] = "n,,n=nobody__,r=abc";
		struct scram_verifier v;
		char *first, *second;

		says[11] = (char)('a' + i % 8);
		says[12] = (char)('a' + i / 8);
		talk_begin(&t, "SCRAM-SHA-256");
		talk_begin(&again, "SCRAM-SHA-256");
		assert_int_equal(say(&t, slice_str(says)), SASL_ASKS);
		assert_int_equal(say(&again, slice_str(says)), SASL_ASKS);
		assert_string_equal(buf_str(&t.plain), buf_str(&again.plain));
		first = strstr(buf_str(&t.plain), "i=");
		assert_non_null(first);
		assert_true(strcmp(first, "i=4096") == 0 || strcmp(first, "i=5000") == 0);
		seen[strcmp(first, "i=5000") == 0] = true;
		/* The salt is as long as real ones that we make, and no two names share one. */
		second = strstr(buf_str(&t.plain), ",s=");
		assert_int_equal(first - second, (long)strlen(",s=" SALT256 ","));
		assert_false(sasl_users_verifier(t.users, says + 5, SCRAM_SHA256, &v));
	}
	assert_true(seen[0] && seen[1]);
	talk_close(&t);
	talk_close(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scram_of_the_rfcs), cmocka_unit_test(our_client),
		cmocka_unit_test(first_messages),    cmocka_unit_test(last_messages),
		cmocka_unit_test(bindings),	     cmocka_unit_test(large),
		cmocka_unit_test(nobody_can_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
