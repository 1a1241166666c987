/* The file of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sasl_users.h"

#define DECOYS	 "!decoys MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"
#define KEY256	 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define KEY1	 "MDEyMzQ1Njc4OTAxMjM0NTY3ODk="
#define SALT	 "MDEyMzQ1Njc4OTAxMjM0NQ=="
#define SHA256	 "SCRAM-SHA-256$4096:" SALT "$" KEY256 ":" KEY256
#define SHA1	 "SCRAM-SHA-1$4096:" SALT "$" KEY1 ":" KEY1

static void lines(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: good */
	} all[] = {
		{ DECOYS, NULL },
		{ "", "users:1: the line !decoys is missing" },
		{ DECOYS DECOYS, "users:2: !decoys must stand there once" },
		{ "!decoys AAAA\n", "users:1: !decoys must stand there once" },
		{ "!decoys\n", "users:1: !decoys must stand there once" },
		{ DECOYS "a " SHA256, NULL },
		{ DECOYS "a " SHA256 "\r\n# x\n\nb " SHA256 " " SHA1 "\n", NULL },
		{ DECOYS "a  " SHA1 "  " SHA256 " \n", NULL },
		{ "a " SHA256 "\n" DECOYS, NULL },
		{ DECOYS "a\n", "users:2: the user has no verifier of SCRAM-SHA-256" },
		{ DECOYS "a " SHA1 "\n", "users:2: the user has no verifier of SCRAM-SHA-256" },
		{ DECOYS "a " SHA256 " " SHA256 "\n", "users:2: two verifiers of SCRAM-SHA-256" },
		{ DECOYS "a " SHA256 " " SHA1 " " SHA1 "\n", "users:2: two verifiers of SCRAM-SHA-1" },
		{ DECOYS "a secret\n", "users:2: expected a verifier" },
		{ DECOYS "a SCRAM-SHA-256\n", "users:2: the number of rounds" },
		{ DECOYS "a SCRAM-SHA-256$4095:" SALT "$" KEY256 ":" KEY256 "\n", "users:2: the number of rounds" },
		{ DECOYS "a SCRAM-SHA-256$1000001:" SALT "$" KEY256 ":" KEY256 "\n", "users:2: the number of rounds" },
		{ DECOYS "a SCRAM-SHA-256$99999999999999999999:" SALT "$" KEY256 ":" KEY256 "\n",
		  "users:2: the number of rounds" },
		{ DECOYS "a SCRAM-SHA-256$4096:AAAA$" KEY256 ":" KEY256 "\n", "users:2: the salt" },
		{ DECOYS "a SCRAM-SHA-256$4096:$" KEY256 ":" KEY256 "\n", "users:2: the salt" },
		{ DECOYS "a SCRAM-SHA-256$4096:" SALT "$" KEY256 ":" KEY1 "\n", "users:2: a key in a verifier" },
		{ DECOYS "a SCRAM-SHA-256$4096:" SALT "$" KEY256 "\n", "users:2: a key in a verifier" },
		{ DECOYS "a SCRAM-SHA-256$4096:" SALT "$" KEY256 ":" KEY256 ":x\n", "users:2: a key in a verifier" },
		{ DECOYS "a " SHA256 "\nb " SHA256 "\na " SHA256 "\n", "users:4: the user stands in the file twice" },
		{ DECOYS "a\tb " SHA256 "\n", "users:2: a name can't hold blanks" },
		{ DECOYS " a " SHA256 "\n", "users:2: a name has 1 to 255 octets" },
		{ DECOYS "!a " SHA256 "\n", "users:2: a name can't begin" },
		{ DECOYS "\xff " SHA256 "\n", "users:2: a name must be UTF-8" },
		{ DECOYS "jo\xcc\x88rg " SHA256 "\n", "users:2: a name must be as SASLprep" },
		{ DECOYS "a\xc2\xad " SHA256 "\n", "users:2: a name must be as SASLprep" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		struct sasl_users *u;
		struct buf errors;

		buf_init(&errors, 10000);
		u = sasl_users_parse("users", slice_str(all[i].text), &errors);
		if ((u == NULL) != (all[i].error != NULL) ||
		    strncmp(buf_str(&errors), all[i].error == NULL ? "" : all[i].error,
			    all[i].error == NULL ? 1 : strlen(all[i].error)) != 0)
			print_message("row %zu: %s\n", i, buf_str(&errors));
		assert_true((u == NULL) == (all[i].error != NULL));
		assert_memory_equal(buf_str(&errors), all[i].error == NULL ? "" : all[i].error,
				    all[i].error == NULL ? 1 : strlen(all[i].error));
		sasl_users_free(&u);
		buf_free(&errors);
	}
}

/* A NUL is no end. */
static void nul(void **state)
{
	static const char text[] = DECOYS "a\0b " SHA256 "\n";
	struct buf errors;

	(void)state;
	buf_init(&errors, 1000);
	assert_null(sasl_users_parse("users", slice_of(text, sizeof text - 1), &errors));
	assert_string_equal(buf_str(&errors), "users:2: the line holds a NUL\n");
	buf_free(&errors);
}

/* Only so many errors are told of a file that is something else. */
static void another_file(void **state)
{
	struct buf text, errors;
	size_t lines = 0;

	(void)state;
	buf_init(&text, 100000);
	buf_init(&errors, 100000);
	for (int i = 0; i < 1000; i++)
		(void)buf_add_str(&text, "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n");
	assert_null(sasl_users_parse("users", buf_slice(&text), &errors));
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	assert_int_equal(lines, 20);
	buf_free(&text);
	buf_free(&errors);
}

static struct sasl_users *again(const struct sasl_users *u)
{
	struct sasl_users *copy;
	struct buf text, errors;

	buf_init(&text, SASL_USERS_TEXT_MAX);
	buf_init(&errors, 10000);
	sasl_users_print(u, &text);
	copy = sasl_users_parse("users", buf_slice(&text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_null(memmem(text.p, text.n, "pencil", 6));
	buf_free(&text);
	buf_free(&errors);
	return copy;
}

static void edit(void **state)
{
	struct sasl_users *u = sasl_users_new(), *copy;
	struct scram_verifier before, after;
	struct err e;
	char *name;

	(void)state;
	assert_false(sasl_users_know(u, SCRAM_SHA256));
	assert_int_equal(sasl_users_set(u, "scanner", "pencil", 4096, false, &e), 0);
	assert_int_equal(sasl_users_set(u, "info@office.example", "pencil", 5000, true, &e), 0);
	assert_int_equal(sasl_users_set(u, "alarm", "pencil", 4096, false, &e), 0);
	copy = again(u);
	assert_int_equal(sasl_users_count(copy), 3);
	assert_string_equal(sasl_users_at(copy, 0)->name, "alarm");
	assert_string_equal(sasl_users_at(copy, 1)->name, "info@office.example");
	assert_true(sasl_users_know(copy, SCRAM_SHA1));
	assert_true(sasl_users_check(copy, "scanner", "pencil"));
	assert_false(sasl_users_check(copy, "scanner", "pencil "));
	assert_false(sasl_users_check(copy, "scanner", ""));
	assert_false(sasl_users_check(copy, "scanner", "\xff"));
	assert_false(sasl_users_check(copy, "nobody", "pencil"));
	/* The same password twice: other salts, other keys. */
	assert_true(memcmp(&sasl_users_at(copy, 0)->sha256, &sasl_users_at(copy, 2)->sha256,
			   sizeof(struct scram_verifier)) != 0);
	/* A new password, without SHA-1: nothing of the old one stays. */
	assert_int_equal(sasl_users_set(copy, "info@office.example", "crayon", 4096, false, &e), 0);
	assert_int_equal(sasl_users_count(copy), 3);
	assert_false(sasl_users_know(copy, SCRAM_SHA1));
	assert_false(sasl_users_check(copy, "info@office.example", "pencil"));
	assert_true(sasl_users_check(copy, "info@office.example", "crayon"));
	/* Who is not there gets the same decoy, whatever comes and goes. */
	assert_false(sasl_users_verifier(u, "nobody", SCRAM_SHA256, &before));
	assert_true(sasl_users_remove(copy, "scanner"));
	assert_false(sasl_users_remove(copy, "scanner"));
	assert_false(sasl_users_verifier(copy, "nobody", SCRAM_SHA256, &after));
	assert_memory_equal(before.salt, after.salt, sizeof before.salt);
	assert_true(sasl_users_remove(copy, "alarm"));
	assert_true(sasl_users_remove(copy, "info@office.example"));
	assert_int_equal(sasl_users_count(copy), 0);

	assert_int_equal(sasl_users_set(copy, "x", "", 4096, false, &e), -1);
	assert_int_equal(sasl_users_set(copy, "x", "a\nb", 4096, false, &e), -1);
	assert_int_equal(sasl_users_set(copy, "x", "\xff", 4096, false, &e), -1);
	name = sasl_users_name("jo\xcc\x88rg", &e);
	assert_string_equal(name, "j\xc3\xb6rg");
	free(name);
	assert_null(sasl_users_name("", &e));
	assert_null(sasl_users_name("a b", &e));
	assert_null(sasl_users_name("#a", &e));
	assert_null(sasl_users_name("a\xc2\xa0" "b", &e)); /* SASLprep makes a blank of it */
	sasl_users_free(&u);
	sasl_users_free(&copy);
}

static void many(void **state)
{
	enum { MANY = 5000 };
	struct buf text, errors;
	struct sasl_users *u;
	char name[20];

	(void)state;
	buf_init(&text, SASL_USERS_TEXT_MAX);
	buf_init(&errors, 1000);
	(void)buf_add_str(&text, DECOYS);
	for (unsigned i = 0; i < MANY; i++)
		(void)buf_addf(&text, "user%u " SHA256 "\n", i * 7919 % MANY);
	u = sasl_users_parse("users", buf_slice(&text), &errors);
	assert_non_null(u);
	assert_int_equal(sasl_users_count(u), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof name, "user%u", i);
		assert_string_equal(sasl_users_find(u, name)->name, name);
	}
	assert_null(sasl_users_find(u, "user"));
	assert_null(sasl_users_find(u, "user5000"));
	assert_null(sasl_users_find(u, "zzz"));
	sasl_users_free(&u);
	buf_free(&text);
	buf_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines), cmocka_unit_test(nul),	 cmocka_unit_test(another_file),
		cmocka_unit_test(edit),	 cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
