/* Which folders patterns mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fetch/folder_match.h"
#include "msg/special_use.h"

static void patterns_match(void **state)
{
	static const struct {
		const char *pattern;
		const char *name, *people;
		char separator;
		unsigned uses;
		bool in;
	} rows[] = {
		{ "INBOX", "INBOX", "INBOX", '/', 0, true },
		{ "inbox", "INBOX", "INBOX", '/', 0, true },
		{ "INBOX", "INBOXES", "INBOXES", '/', 0, false },
		{ "inbox/a", "INBOX/a", "INBOX/a", '/', 0, true },
		{ "inbox/A", "INBOX/a", "INBOX/a", '/', 0, false },
		{ "Work", "Work", "Work", '/', 0, true },
		{ "work", "Work", "Work", '/', 0, false },
		{ "Work", "INBOX.Work", "Work", '.', 0, true },
		{ "INBOX.Work", "INBOX.Work", "Work", '.', 0, true },
		{ "a/b", "INBOX.a.b", "a/b", '.', 0, true },
		{ "a.b", "INBOX.a.b", "a/b", '.', 0, false },
		{ "a.b", "a.b", "a/b", '.', 0, true },
		{ "*", "INBOX", "INBOX", '/', 0, true },
		{ "*", "a/b/c", "a/b/c", '/', 0, true },
		{ "%", "a", "a", '/', 0, true },
		{ "%", "a/b", "a/b", '/', 0, false },
		{ "%", "INBOX.a.b", "a/b", '.', 0, false },
		{ "%", "INBOX.a", "a", '.', 0, true },
		{ "%", "a.b", "a.b", '\0', 0, true },
		{ "a/%", "a/b", "a/b", '/', 0, true },
		{ "a/%", "a/b/c", "a/b/c", '/', 0, false },
		{ "a/*", "a/b/c", "a/b/c", '/', 0, true },
		{ "a/*", "a", "a", '/', 0, false },
		{ "*/c", "a/b/c", "a/b/c", '/', 0, true },
		{ "%/c", "a/b/c", "a/b/c", '/', 0, false },
		{ "*%c", "a/b/c", "a/b/c", '/', 0, true },
		{ "*b%", "a/b/c", "a/b/c", '/', 0, false },
		{ "*b%", "a/b/bc", "a/b/bc", '/', 0, true },
		{ "%a%", "bab", "bab", '/', 0, true },
		{ "*a*b*", "xxaxxbxx", "xxaxxbxx", '/', 0, true },
		{ "*a*b*", "xxbxxaxx", "xxbxxaxx", '/', 0, false },
		{ "B\xc3\xbcro", "B\xc3\xbcro", "B\xc3\xbcro", '/', 0, true },
		{ "\\Junk", "Spam", "Spam", '/', USE_JUNK, true },
		{ "\\junk", "Spam", "Spam", '/', USE_JUNK | USE_ALL, true },
		{ "\\Sent", "Spam", "Spam", '/', USE_JUNK, false },
		{ "\\Odd", "\\Odd", "\\Odd", '/', 0, true },
		{ "", "a", "a", '/', 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct folder_known f = { rows[i].name, rows[i].people, rows[i].separator, rows[i].uses };

		if (folder_pattern_matches(rows[i].pattern, &f) != rows[i].in)
			fail_msg("%s and %s", rows[i].pattern, rows[i].name);
	}
}

static void sets_are_meant(void **state)
{
	static const struct {
		char *patterns[4];
		const char *name;
		bool in;
		unsigned uses;
	} rows[] = {
		{ { (char *)(uintptr_t) "*" }, "[Gmail]/All Mail", false, USE_ALL },
		{ { (char *)(uintptr_t) "[Gmail]/%" }, "[Gmail]/Important", false, USE_IMPORTANT },
		{ { (char *)(uintptr_t) "!Trash" }, "[Gmail]/Starred", false, USE_FLAGGED },
		{ { (char *)(uintptr_t) "*" }, "Important", true, 0 },
		{ { (char *)(uintptr_t) "*" }, "Sent", true, USE_SENT },
		{ { (char *)(uintptr_t) "[Gmail]/All Mail" }, "[Gmail]/All Mail", true, USE_ALL },
		{ { (char *)(uintptr_t) "*", (char *)(uintptr_t) "\\All" }, "[Gmail]/All Mail", true, USE_ALL },
		{ { (char *)(uintptr_t) "*", (char *)(uintptr_t) "!Trash" }, "Trash", false, 0 },
		{ { (char *)(uintptr_t) "!Trash", (char *)(uintptr_t) "*" }, "Trash", false, 0 },
		{ { (char *)(uintptr_t) "*", (char *)(uintptr_t) "!Trash" }, "Work", true, 0 },
		{ { (char *)(uintptr_t) "!Trash" }, "Work", true, 0 },
		{ { (char *)(uintptr_t) "!T*" }, "Trash", false, 0 },
		{ { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" }, "b", true, 0 },
		{ { (char *)(uintptr_t) "a", (char *)(uintptr_t) "b" }, "c", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct folder_known f = { rows[i].name, rows[i].name, '/', rows[i].uses };
		size_t n = 0;

		while (n < 4 && rows[i].patterns[n] != NULL)
			n++;
		if (folder_is_meant(rows[i].patterns, n, &f) != rows[i].in)
			fail_msg("row %zu: %s", i, rows[i].name);
	}
}

/* What a server names can't make matching slow. */
static void long_names_are_quick(void **state)
{
	static char name[4000], pattern[1000];
	struct folder_known f = { name, name, '/', 0 };

	(void)state;
	memset(name, 'a', sizeof name - 1);
	for (size_t i = 0; i + 2 < sizeof pattern; i += 2) {
		pattern[i] = i % 4 == 0 ? '*' : '%';
		pattern[i + 1] = 'a';
	}
	pattern[sizeof pattern - 2] = 'b';
	assert_false(folder_pattern_matches(pattern, &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match),
		cmocka_unit_test(sets_are_meant),
		cmocka_unit_test(long_names_are_quick),
	};

	return cmocka_run_group_tests_name("folders that are meant", tests, NULL, NULL);
}
