/* Folder names: modified UTF-7, separators, prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "imap/folder.h"
#include "imap/utf7.h"

static void names_go_both_ways(void **state)
{
	static const struct {
		const char *utf8, *wire;
	} rows[] = {
		{ "INBOX", "INBOX" },
		{ "Tom & Jerry", "Tom &- Jerry" },
		{ "&", "&-" },
		{ "Entwürfe", "Entw&APw-rfe" },
		{ "台北", "&U,BTFw-" },
		{ "日本語", "&ZeVnLIqe-" },
		{ "~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "\xf0\x9f\x93\xa7 post", "&2D3c5w- post" },
		{ "ü&ü", "&APw-&-&APw-" },
		{ "\xc2\xa0", "&AKA-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(utf7_encode(slice_str(rows[i].utf8), &b), 0);
		assert_string_equal(buf_str(&b), rows[i].wire);
		buf_clear(&b);
		assert_int_equal(utf7_decode(slice_str(rows[i].wire), &b), 0);
		assert_string_equal(buf_str(&b), rows[i].utf8);
		buf_free(&b);
	}
}

static void bad_names_are_refused(void **state)
{
	static const char *const utf8[] = { "a\nb", "\x7f", "\xc2\x85", "\xff", "\xed\xa0\x80", "\x01" };
	/* Not ended, plain ASCII in base64, half a surrogate pair, non-zero padding, two runs in a row, 8-bit, "/" for
	 * ",". */
	static const char *const wire[] = { "&APw",	"&AGE-",    "&2D0-", "&APx-", "&APw-&APw-",
					    "\xc3\xbc", "&U/BTFw-", "&A-",   "&3Oc-", "a\tb" };

	(void)state;
	for (size_t i = 0; i < sizeof utf8 / sizeof utf8[0]; i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(utf7_encode(slice_str(utf8[i]), &b), -1);
		buf_free(&b);
	}
	for (size_t i = 0; i < sizeof wire / sizeof wire[0]; i++) {
		struct buf b;

		buf_init(&b, 1000);
		if (utf7_decode(slice_str(wire[i]), &b) != -1)
			fail_msg("%s was decoded", wire[i]);
		buf_free(&b);
	}
}

static void folders_meet_the_style_of_the_store(void **state)
{
	static const struct {
		char separator;
		const char *prefix, *other, *name, *wire, *canonical; /* wire NULL: refused */
	} rows[] = {
		{ '/', "", "", "inbox", "INBOX", "INBOX" },
		{ '/', "", "", "Work/Bills", "Work/Bills", "Work/Bills" },
		{ '/', "", "", "Work.Bills", "Work.Bills", "Work.Bills" },
		{ '.', "", "", "Work/Bills", "Work.Bills", "Work/Bills" },
		{ '.', "", "", "Work.Bills", "Work.Bills", "Work/Bills" },
		{ '.', "INBOX.", "", "Work/Bills", "INBOX.Work.Bills", "Work/Bills" },
		{ '.', "INBOX.", "", "INBOX.Work", "INBOX.Work", "Work" },
		{ '.', "INBOX.", "", "inbox/Work", "INBOX.Work", "Work" },
		{ '.', "INBOX.", "", "Inboxes", "INBOX.Inboxes", "Inboxes" },
		{ '.', "INBOX.", "shared.", "shared/Team", "shared.Team", "shared/Team" },
		{ '/', "", "", "inbox/Work", "INBOX/Work", "INBOX/Work" },
		{ '/', "", "", "Grün", "Gr&APw-n", "Grün" },
		{ '/', "mail/", "", "Work", "mail/Work", "Work" },
		{ '\0', "", "", "Work/Bills", "Work/Bills", "Work/Bills" },
		/* A second personal namespace, a newsreader's with its own separator, and names that only look so. */
		{ '/', "", "#mh/", "#mh/Work", "#mh/Work", "#mh/Work" },
		{ '/', "", "#news.", "#news/comp/mail", "#news.comp.mail", "#news/comp/mail" },
		{ '/', "", "#news.", "#news.comp.mail", "#news.comp.mail", "#news/comp/mail" },
		{ '/', "", "#news.", "#newsletter.x", "#newsletter.x", "#newsletter.x" },
		{ '.', "INBOX.", "#shared/", "#shared/a.b", "#shared/a.b", "#shared/a.b" },
		{ '.', "INBOX.", "", "inbox.work", "INBOX.work", "work" },
		{ '/', "Grp&APw-n/", "", "Work", "Grp&APw-n/Work", "Work" },
		{ '/', "", "~", "~fred/Work", "~fred/Work", "~fred/Work" },
		{ '^', "", "", "Work/Bills", "Work^Bills", "Work/Bills" },
		{ '/', "", "", "", NULL, NULL },
		{ '/', "", "", "/Work", NULL, NULL },
		{ '/', "", "", "Work/", NULL, NULL },
		{ '/', "", "", "Work//Bills", NULL, NULL },
		{ '/', "", "", "100%", NULL, NULL },
		{ '/', "", "", "*", NULL, NULL },
		{ '/', "", "", "a\r\nb", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct folder_style style = { .own = { .separator = rows[i].separator } };
		struct err e;
		char *wire, *canonical;

		strncpy(style.own.prefix, rows[i].prefix, sizeof style.own.prefix - 1);
		style.nothers = rows[i].other[0] != '\0';
		strncpy(style.others[0].prefix, rows[i].other, sizeof style.others[0].prefix - 1);
		style.others[0].separator = rows[i].separator;
		if (style.nothers > 0 && strchr("./", rows[i].other[strlen(rows[i].other) - 1]) != NULL)
			style.others[0].separator = rows[i].other[strlen(rows[i].other) - 1];
		wire = folder_to_wire(&style, rows[i].name, &e);
		if (rows[i].wire == NULL) {
			assert_null(wire);
			continue;
		}
		assert_non_null(wire);
		assert_string_equal(wire, rows[i].wire);
		canonical = folder_from_wire(&style, wire);
		assert_string_equal(canonical, rows[i].canonical);
		assert_true(folder_is_plain(&style, wire));
		free(canonical);
		free(wire);
	}
}

static void some_folders_have_no_name_for_rules(void **state)
{
	static const struct {
		char separator;
		const char *prefix, *wire;
	} rows[] = {
		{ '/', "", "a&b" },	     /* no modified UTF-7 */
		{ '.', "", "a/b" },	     /* "a/b" would be "a.b" */
		{ '.', "INBOX.", "public" }, /* would be below the prefix */
		{ '/', "", "a//b" },	     { '/', "", "a/" }, { '/', "", "100%" }, { '/', "", "Gr\xfcn" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct folder_style style = { .own = { .separator = rows[i].separator } };

		strncpy(style.own.prefix, rows[i].prefix, sizeof style.own.prefix - 1);
		assert_false(folder_is_plain(&style, rows[i].wire));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(folders_meet_the_style_of_the_store),
		cmocka_unit_test(some_folders_have_no_name_for_rules),
	};

	return cmocka_run_group_tests_name("folder names", tests, NULL, NULL);
}
