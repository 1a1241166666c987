/* Folder trees of sources, and what becomes of them in an account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "fetch/copy_map.h"
#include "msg/special_use.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
enum { FOLDERS = 8 };

static const struct {
	const char *name;
	char separator; /* of the source */
	size_t prefix;	/* of all its folders but INBOX */
	struct {
		const char *name;
		unsigned uses;
	} folders[FOLDERS];
	char target;		   /* separator of the store */
	const char *below;	   /* its prefix */
	const char *also;	   /* named by the operator */
	const char *want[FOLDERS]; /* "-": left out; "!" in front: told that it is changed */
} rows[] = {
	{ "the same tree",
	  '/',
	  0,
	  { { "INBOX", 0 }, { "A", 0 }, { "A/B", 0 }, { "\xc3\xa4/\xe6\x97\xa5", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "INBOX", "A", "A/B", "\xc3\xa4/\xe6\x97\xa5" } },
	{ "another separator", '.', 0, { { "inbox", 0 }, { "A.B.C", 0 } }, '/', NULL, NULL, { "INBOX", "A/B/C" } },
	{ "the target's in a level",
	  '/',
	  0,
	  { { "v1.0/x", 0 }, { "v1.0", 0 } },
	  '.',
	  NULL,
	  NULL,
	  { "!v1_0/x", "!v1_0" } },
	{ "not known yet", '/', 0, { { "v1.0/x", 0 } }, '\0', NULL, NULL, { "v1.0/x" } },
	{ "a slash in a level", '.', 0, { { "A/B", 0 }, { "A.B", 0 } }, '.', NULL, NULL, { "!A_B", "A/B" } },
	{ "flat", '\0', 0, { { "A/B.C", 0 } }, '/', NULL, NULL, { "!A_B.C" } },
	{ "below INBOX there",
	  '.',
	  6,
	  { { "INBOX", 0 }, { "INBOX.A", 0 }, { "INBOX.A.B", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "INBOX", "A", "A/B" } },
	{ "below INBOX here",
	  '/',
	  0,
	  { { "INBOX", 0 }, { "INBOX/A", 0 }, { "A", 0 } },
	  '.',
	  "INBOX/",
	  NULL,
	  { "INBOX", "!A_2", "A" } },
	{ "folders in INBOX",
	  '/',
	  0,
	  { { "INBOX", 0 }, { "INBOX/A", 0 }, { "A", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "INBOX", "INBOX/A", "A" } },
	{ "special uses",
	  '/',
	  0,
	  { { "Sent Items", USE_SENT }, { "Papierkorb", USE_TRASH }, { "Trash", 0 }, { "Junk", 0 }, { "X/Sent", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "\\Sent:Sent Items", "\\Trash:Papierkorb", "Trash", "\\Junk:Junk", "X/Sent" } },
	{ "one folder for one use",
	  '/',
	  0,
	  { { "B", USE_SENT }, { "A", USE_SENT }, { "C", USE_JUNK | USE_TRASH } },
	  '/',
	  NULL,
	  NULL,
	  { "B", "\\Sent:A", "\\Junk:C" } },
	{ "what is shown twice",
	  '/',
	  0,
	  { { "[M]/All Mail", USE_ALL },
	    { "[M]/Starred", USE_FLAGGED },
	    { "[M]/Important", USE_IMPORTANT },
	    { "All", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "-", "-", "-", "All" } },
	{ "but for what the operator asks for",
	  '/',
	  0,
	  { { "[M]/All Mail", USE_ALL }, { "[M]/Starred", USE_FLAGGED } },
	  '/',
	  NULL,
	  "\\All",
	  { "[M]/All Mail", "-" } },
	{ "capitals",
	  '/',
	  0,
	  { { "work", 0 }, { "Work", 0 }, { "WORK", 0 }, { "work_2", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "!work_4", "!Work_3", "WORK", "work_2" } },
	{ "what no name may hold",
	  '/',
	  0,
	  { { "50%", 0 },
	    { "a*b", 0 },
	    { "\\Junk", 0 },
	    { "#x/#y", 0 },
	    { "~a/~b", 0 },
	    { "a\x01"
	      "b",
	      0 },
	    { "A:B", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "!50_", "!a_b_2", "!_Junk", "!_x/#y", "!_a/~b", "!a_b", "A:B" } },
	{ "levels without a name",
	  '/',
	  0,
	  { { "//A//B/", 0 }, { "/", 0 }, { "", 0 } },
	  '/',
	  NULL,
	  NULL,
	  { "A/B", "!Folder_2", "!Folder" } },
	{ "broken UTF-8", '/', 0, { { "A\xff", 0 } }, '/', NULL, NULL, { "!Folder" } },
};

static void trees_are_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct source_folder folders[FOLDERS];
		char target_prefix[64];
		struct facts facts = { .separator = rows[i].target };
		char also[64];
		char *names[] = { also };
		struct copy_target *t;
		size_t n = 0;

		for (; n < FOLDERS && rows[i].want[n] != NULL; n++) {
			const bool inbox = strcasecmp(rows[i].folders[n].name, "INBOX") == 0;

			folders[n] = (struct source_folder){ .name = (char *)(uintptr_t)rows[i].folders[n].name,
							     .separator = rows[i].separator,
							     .prefix = inbox ? 0 : rows[i].prefix,
							     .uses = rows[i].folders[n].uses };
		}
		if (rows[i].below != NULL) {
			(void)snprintf(target_prefix, sizeof target_prefix, "%s", rows[i].below);
			facts.prefix = target_prefix;
		}
		(void)snprintf(also, sizeof also, "%s", rows[i].also == NULL ? "INBOX" : rows[i].also);
		t = copy_map(folders, n, &facts, names, 1);
		for (size_t j = 0; j < n; j++) {
			const char *want = rows[i].want[j];
			const bool told = want[0] == '!' || want[0] == '-';
			const char *got = t[j].folder == NULL ? "-" : t[j].folder;

			if (want[0] == '!')
				want++;
			if (strcmp(got, want) != 0 || told != (t[j].why != NULL)) {
				print_error("%s: %s became %s (%s)\n", rows[i].name, rows[i].folders[j].name, got,
					    t[j].why == NULL ? "no word" : t[j].why);
				fail();
			}
		}
		copy_map_free(t, n);
	}
}

/* As many as a source may have, all hard: bounded in time and length, and each has a name of its own. */
static void hostile_trees(void **state)
{
	enum { MANY = 10000, LONG = 60000 };
	static struct source_folder folders[MANY];
	static char long_name[LONG + 20];
	const struct facts facts = { .separator = '/' };
	struct copy_target *t;

	(void)state;
	for (size_t i = 0; i < LONG; i += 2)
		memcpy(long_name + i, i % 300 == 298 ? "//" : "\xc3\xa4", 2);
	for (size_t i = 0; i < MANY; i++) {
		folders[i].separator = '/';
		folders[i].name = i % 2 == 0 ? long_name : (char *)(uintptr_t) "a*b";
	}
	t = copy_map(folders, MANY, &facts, NULL, 0);
	for (size_t i = 0; i < MANY; i++) {
		assert_non_null(t[i].folder);
		assert_true(strlen(t[i].folder) < COPY_NAME_MAX + 10);
		assert_true(utf8_valid(slice_str(t[i].folder)));
		assert_true(i < 2 || strcmp(t[i].folder, t[i - 2].folder) != 0);
	}
	copy_map_free(t, MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_are_mapped),
		cmocka_unit_test(hostile_trees),
	};

	return cmocka_run_group_tests_name("copy_map", tests, NULL, NULL);
}
