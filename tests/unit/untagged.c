/* Untagged responses that hold names of folders, and what folders are for. Each row passes the filter first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/filter.h"
#include "imap/untagged.h"
#include "msg/special_use.h"

/* What the filter keeps of LINES before a tagged reply; free R. */
static struct slice keep(const char *lines, struct filter_reply *r)
{
	struct imap_filter *f = imap_filter_new();
	struct buf in, out;
	struct err e;

	buf_init(&in, FILTER_KEPT_MAX * 2);
	buf_init(&out, 100000);
	(void)buf_addf(&in, "* OK hello\r\n%s7 OK done\r\n", lines);
	imap_filter_allow(f, 100, UINT64_MAX);
	if (imap_filter_feed(f, buf_slice(&in), &out, &e) != 0)
		fail_msg("%s: %s", lines, e.text);
	assert_true(imap_filter_take(f, r));
	assert_string_equal(buf_str(&out), "* OK -\r\n7 OK -\r\n");
	buf_free(&in);
	buf_free(&out);
	imap_filter_free(&f);
	return slice_of(r->kept, r->kept_len);
}

static void lists_are_read(void **state)
{
	static const struct {
		const char *line;
		const char *name; /* NULL: left out */
		char separator;
		unsigned attributes, uses;
	} rows[] = {
		{ "* LIST () \"/\" a\r\n", "a", '/', 0, 0 },
		{ "* list (\\HasNoChildren \\junk) \".\" \"INBOX.Junk\"\r\n", "INBOX.Junk", '.', 0, USE_JUNK },
		{ "* LIST (\\Noselect \\HasChildren) NIL x\r\n", "x", '\0', ATTRIBUTE_NOSELECT, 0 },
		{ "* LIST (\\NonExistent) \"/\" x\r\n", "x", '/', ATTRIBUTE_NOSELECT | ATTRIBUTE_NONEXISTENT, 0 },
		{ "* LIST (\\NoInferiors \\Sent \\Drafts) \"/\" x\r\n", "x", '/', ATTRIBUTE_NOINFERIORS,
		  USE_SENT | USE_DRAFTS },
		{ "* LIST (\\Important $x \\Spam) \"/\" \"[Gmail]/x\"\r\n", "[Gmail]/x", '/', 0,
		  USE_IMPORTANT | USE_JUNK },
		{ "* LIST () \"\\\\\" \"a \\\"b\\\" \\\\c\"\r\n", "a \"b\" \\c", '\\', 0, 0 },
		{ "* LIST () \"/\" {7}\r\na\"b (c)\r\n", "a\"b (c)", '/', 0, 0 },
		{ "* LIST () \"/\" {1+}\r\na (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n", "a", '/', 0, 0 },
		{ "* LIST () \"/\" ~{2}\r\n\xc3\xbc\r\n", "\xc3\xbc", '/', 0, 0 },
		{ "* LIST () \"/\" a (\"OLDNAME\" (\"b\"))\r\n", "a", '/', 0, 0 },
		{ "* LIST () \"/\" \"UID 99999999999 Guid 99999999999\"\r\n", "UID 99999999999 Guid 99999999999", '/',
		  0, 0 },
		{ "* LIST () \"/\" \"\"\r\n", "", '/', 0, 0 },
		/* Separators that a name could not be taken apart at. */
		{ "* LIST () \"&\" a\r\n", "a", '\0', 0, 0 },
		{ "* LIST () \"-\" a\r\n", "a", '\0', 0, 0 },
		{ "* LIST () \"e\" a\r\n", "a", '\0', 0, 0 },
		{ "* LIST () \"//\" a\r\n", "a", '\0', 0, 0 },
		{ "* LIST () \"\" a\r\n", "a", '\0', 0, 0 },
		{ "* LIST () \"NIL\" a\r\n", "a", '\0', 0, 0 },
		/* Broken ones are as good as not said. */
		{ "* LIST () \"/\"\r\n", NULL, 0, 0, 0 },
		{ "* LIST (\\Junk \"/\" a\r\n", NULL, 0, 0, 0 },
		{ "* LIST \"/\" a\r\n", NULL, 0, 0, 0 },
		{ "* LIST () \"/\" \"a\r\n", NULL, 0, 0, 0 },
		{ "* LIST () \"/\" {4}\r\na\r\nb\r\n", NULL, 0, 0, 0 },
		{ "* LIST (((\r\n", NULL, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct filter_reply r;
		struct slice kept = keep(rows[i].line, &r), args;
		enum untagged_kind kind;
		struct untagged_list l;
		int ret;

		assert_true(untagged_next(&kept, &kind, &args));
		assert_int_equal(kind, UNTAGGED_LIST);
		ret = untagged_list(args, &l);
		if ((ret == 0) != (rows[i].name != NULL))
			fail_msg("%s: %d", rows[i].line, ret);
		if (ret == 0) {
			assert_string_equal(buf_str(&l.name), rows[i].name);
			assert_int_equal(l.separator, rows[i].separator);
			assert_int_equal(l.attributes, rows[i].attributes);
			assert_int_equal(l.uses, rows[i].uses);
		}
		buf_free(&l.name);
		assert_false(untagged_next(&kept, &kind, &args));
		filter_reply_free(&r);
	}
}

static void status_is_read(void **state)
{
	static const struct {
		const char *line;
		int ret;
		uint32_t validity, next;
		uint64_t limit;
		const char *id;
	} rows[] = {
		{ "* STATUS a (MAILBOXID (F2_-x) UIDNEXT 7)\r\n", 0, 0, 7, UINT64_MAX, "F2_-x" },
		{ "* STATUS a (UIDNEXT 7 MAILBOXID (F2))\r\n", 0, 0, 7, UINT64_MAX, "F2" },
		{ "* STATUS a (MAILBOXID NIL)\r\n", -1, 0, 0, 0, NULL },
		{ "* STATUS a (MAILBOXID (a.b) UIDNEXT 7)\r\n", 0, 0, 7, UINT64_MAX, "" },
		{ "* STATUS a (MAILBOXID () UIDNEXT 7)\r\n", 0, 0, 7, UINT64_MAX, "" },
		{ "* STATUS a (MAILBOXID (a b))\r\n", -1, 0, 0, 0, NULL },
		{ "* STATUS INBOX (UIDVALIDITY 5 UIDNEXT 7)\r\n", 0, 5, 7, UINT64_MAX, NULL },
		{ "* STATUS \"UID 99999999999\" (UIDNEXT 7 UIDVALIDITY 5)\r\n", 0, 5, 7, UINT64_MAX, NULL },
		{ "* STATUS {3}\r\na(b (UIDNEXT 7)\r\n", 0, 0, 7, UINT64_MAX, NULL },
		{ "* STATUS a (UIDNEXT 4294967296 UIDVALIDITY x)\r\n", 0, 0, 0, UINT64_MAX, NULL },
		{ "* STATUS Lists/News &- (more (UIDNEXT 7 UIDVALIDITY 5)\r\n", 0, 5, 7, UINT64_MAX, NULL }, /* GNU Mailutils */
		{ "* STATUS a (APPENDLIMIT 257890)\r\n", 0, 0, 0, 257890, NULL },
		{ "* STATUS a (APPENDLIMIT NIL)\r\n", 0, 0, 0, UINT64_MAX, NULL },
		{ "* STATUS a ()\r\n", 0, 0, 0, UINT64_MAX, NULL },
		{ "* STATUS a (UIDNEXT\r\n", -1, 0, 0, 0, NULL },
		{ "* STATUS a\r\n", -1, 0, 0, 0, NULL },
		{ "* STATUS a (UIDNEXT (7))\r\n", -1, 0, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct filter_reply r;
		struct slice kept = keep(rows[i].line, &r), args;
		struct untagged_status st;
		enum untagged_kind kind;

		assert_true(untagged_next(&kept, &kind, &args));
		assert_int_equal(kind, UNTAGGED_STATUS);
		if (untagged_status(args, &st) != rows[i].ret)
			fail_msg("%s", rows[i].line);
		if (rows[i].ret == 0) {
			assert_int_equal(st.uidvalidity, rows[i].validity);
			assert_int_equal(st.uidnext, rows[i].next);
			assert_true(st.append_limit == rows[i].limit);
			assert_true(slice_eq(st.id, slice_str(rows[i].id)));
		}
		filter_reply_free(&r);
	}
}

static void note_entry(void *arg, struct slice entry, struct slice value)
{
	(void)buf_addf(arg, "%.*s=%.*s;", (int)entry.n, entry.p, (int)value.n, value.p != NULL ? value.p : "");
}

static void metadata_is_read(void **state)
{
	static const struct {
		const char *line, *gives;
	} rows[] = {
		{ "* METADATA \"INBOX\" (/private/a \"x y\" /shared/b {3}\r\na\r\n /shared/c NIL)\r\n",
		  "/private/a=x y;/shared/b=a\r\n;" },
		{ "* METADATA \"\" (/shared/admin \"\")\r\n", "/shared/admin=;" },
		{ "* METADATA a (/shared/long \"123456789\" /shared/b ~{1}\r\nz)\r\n", "/shared/b=z;" },
		{ "* METADATA a /shared/changed\r\n", "" },
		{ "* METADATA a ()\r\n", "" },
		{ "* METADATA a (/shared/a\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct filter_reply r;
		struct slice kept = keep(rows[i].line, &r), args;
		enum untagged_kind kind;
		struct buf got;

		buf_init(&got, 1000);
		assert_true(untagged_next(&kept, &kind, &args));
		assert_int_equal(kind, UNTAGGED_METADATA);
		untagged_metadata(args, 8, note_entry, &got);
		assert_string_equal(buf_str(&got), rows[i].gives);
		buf_free(&got);
		filter_reply_free(&r);
	}
}

static void note_space(void *arg, int class, struct slice prefix, char separator)
{
	(void)buf_addf(arg, "%d:%.*s:%c ", class, (int)prefix.n, prefix.p, separator == '\0' ? '0' : separator);
}

static void namespaces_are_read(void **state)
{
	static const struct {
		const char *args, *want;
	} rows[] = {
		{ "NIL NIL NIL", "" },
		{ "((\"\" \"/\")) NIL ((\"a\" \".\")(\"b\" NIL))", "0::/ 2:a:. 2:b:0 " },
		{ "((\"\" \"/\")(\"#mh/\" \"/\" \"X-PARAM\" (\"FLAG1\" \"FLAG2\"))) NIL NIL", "0::/ 0:#mh/:/ " },
		{ "((\"\" \"/\") (\"x\" \"/\")) ((\"~\" \"/\")) ((\"#shared/\" \"/\")(\"#news.\" \".\"))",
		  "0::/ 0:x:/ 1:~:/ 2:#shared/:/ 2:#news.:. " },
		{ "((INBOX. \".\")) NIL NIL", "0:INBOX.:. " },
		{ "NIL NIL ((\"\" \".\"))", "2::. " },
		/* Broken: what came before counts. */
		{ "((\"a\" \"/\")) ((", "0:a:/ " },
		{ "((\"a\" \"/\" ((((", "" },
		{ "(())", "" },
		{ "((", "" },
		{ "x", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b;

		buf_init(&b, 1000);
		untagged_namespace(slice_str(rows[i].args), note_space, &b);
		assert_string_equal(buf_str(&b), rows[i].want);
		buf_free(&b);
	}
	assert_true(untagged_enabled(SLICE_LIT("CONDSTORE utf8=accept\r\n"), SLICE_LIT("UTF8=ACCEPT")));
	assert_false(untagged_enabled(SLICE_LIT("UTF8=ACCEPTED X"), SLICE_LIT("UTF8=ACCEPT")));
	assert_false(untagged_enabled(SLICE_LIT(""), SLICE_LIT("UTF8=ACCEPT")));
}

/* A name of nearly a megabyte a line would be refused, so it takes many lines. */
static void too_much_is_left_out(void **state)
{
	struct filter_reply r;
	struct slice kept, args;
	enum untagged_kind kind;
	struct buf lines;
	size_t n = 0;

	(void)state;
	buf_init(&lines, FILTER_KEPT_MAX * 2);
	for (size_t i = 0; i < FILTER_KEPT_MAX / 50; i++)
		(void)buf_addf(&lines, "* LIST () \"/\" \"folder %06zu aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\r\n", i);
	kept = keep(buf_str(&lines), &r);
	assert_true(r.cut);
	assert_in_range(kept.n, FILTER_KEPT_MAX - 1000, FILTER_KEPT_MAX);
	for (; untagged_next(&kept, &kind, &args); n++)
		assert_int_equal(kind, UNTAGGED_LIST);
	assert_in_range(n, 1000, FILTER_KEPT_MAX / 50 - 1);
	assert_int_equal(kept.n, 0);
	filter_reply_free(&r);
	buf_free(&lines);
}

static void uses_are_known_by_name(void **state)
{
	static const struct {
		const char *name;
		unsigned use;
	} rows[] = {
		{ "Junk", USE_JUNK },
		{ "SPAM", USE_JUNK },
		{ "Junk E-mail", USE_JUNK },
		{ "unerwünscht", USE_JUNK },
		{ "Courrier indésirable", USE_JUNK },
		{ "迷惑メール", USE_JUNK },
		{ "ARCHIV", USE_ARCHIVE },
		{ "ÉLÉMENTS ENVOYÉS", USE_SENT },
		{ "Gesendete Elemente", USE_SENT },
		{ "отправленные", USE_SENT },
		{ "Entwürfe", USE_DRAFTS },
		{ "Papierkorb", USE_TRASH },
		{ "Wysłane", USE_SENT },
		{ "Junk mail of others", 0 },
		{ "", 0 },
		{ "INBOX", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (special_use_guess(slice_str(rows[i].name)) != rows[i].use)
			fail_msg("%s: %u", rows[i].name, special_use_guess(slice_str(rows[i].name)));
	/* What we make for a use is found for it again. */
	for (unsigned use = 1; use < USE_ANY; use <<= 1) {
		const char *name = special_use_default(use);

		assert_int_equal(special_use_of(slice_str(special_use_name(use))), use);
		if (name != NULL)
			assert_int_equal(special_use_guess(slice_str(name)), use);
	}
}

static void rules_name_uses(void **state)
{
	static const struct {
		const char *folder;
		unsigned use; /* 0: a folder of that name */
		const char *name;
	} rows[] = {
		{ "\\Junk", USE_JUNK, "" },
		{ "\\junk:Spam", USE_JUNK, "Spam" },
		{ "\\Sent:a:b/c", USE_SENT, "a:b/c" },
		{ "\\Archive:", USE_ARCHIVE, "" },
		{ "\\Seen", 0, "" },
		{ "Junk", 0, "" },
		{ "\\Junk/x", 0, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice name;
		unsigned use;

		assert_int_equal(special_use_split(slice_str(rows[i].folder), &use, &name), rows[i].use != 0);
		assert_int_equal(use, rows[i].use);
		if (use != 0)
			assert_true(slice_eq(name, slice_str(rows[i].name)));
	}
}

static void letters_lose_their_case(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "INBOX", "inbox" },
		{ "ÄÖÜ×ÞSS", "äöü×þss" },
		{ "ŁÓDŹ ŽŠČ Ÿ", "łódź žšč ÿ" },
		{ "ΑΩ", "αω" },
		{ "ЖЯЁ", "жяё" },
		{ "İı", "İı" },
		{ "日本", "日本" },
		{ "a\xff"
		  "B",
		  "a\xff"
		  "b" },
		{ "Ạ", "ạ" },
		{ "Ĺľń", "ĺľń" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b;

		buf_init(&b, 100);
		assert_int_equal(utf8_fold(slice_str(rows[i].in), &b), 0);
		assert_string_equal(buf_str(&b), rows[i].out);
		assert_true(utf8_eq_nocase(slice_str(rows[i].in), slice_str(rows[i].out)));
		buf_free(&b);
	}
	assert_false(utf8_eq_nocase(SLICE_LIT("a"), SLICE_LIT("ab")));
	assert_false(utf8_eq_nocase(SLICE_LIT("\xc3\xa4"), SLICE_LIT("\xc3")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),	   cmocka_unit_test(status_is_read),
		cmocka_unit_test(metadata_is_read),
		cmocka_unit_test(namespaces_are_read),	   cmocka_unit_test(too_much_is_left_out),
		cmocka_unit_test(uses_are_known_by_name),  cmocka_unit_test(rules_name_uses),
		cmocka_unit_test(letters_lose_their_case),
	};

	return cmocka_run_group_tests_name("responses with folder names", tests, NULL, NULL);
}
