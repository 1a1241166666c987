/* What is known of accounts' stores: written and read, looked up by rules, and what it does to SIZE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "msg/special_use.h"
#include "smtp_fake.h"

/* ---- text ---- */

static void written_facts_are_read(void **state)
{
	static const struct {
		uint64_t limit;
		char separator;
		const char *prefix;
		bool cut;
	} rows[] = {
		{ UINT64_MAX, '/', "", false },
		{ 35651584, '.', "INBOX/", false },
		{ 0, '\0', "Grün/", true },
		{ UINT64_MAX - 1, ' ', "a b", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct facts f;
		struct buf b;

		buf_init(&b, FACTS_MAX);
		facts_begin(&b, rows[i].limit, i % 2 == 1, rows[i].separator, rows[i].prefix);
		assert_true(facts_add(&b, "Work/Äpfel", 0));
		assert_true(facts_add_with_id(&b, "INBOX", USE_JUNK | USE_IMPORTANT, i % 2 == 1 ? "F-1_x" : "no id"));
		assert_true(facts_add(&b, "bad\nname", 0));
		assert_true(facts_add(&b, "bad\xff", 0));
		facts_end(&b, rows[i].cut);
		assert_int_equal(facts_read(buf_slice(&b), &f), 0);
		assert_true(f.append_limit == rows[i].limit);
		assert_int_equal(f.utf8, i % 2 == 1);
		assert_int_equal(f.separator, rows[i].separator);
		assert_string_equal(f.prefix, rows[i].prefix);
		assert_int_equal(f.cut, rows[i].cut);
		assert_int_equal(f.n, 2);
		assert_string_equal(f.folders[0].name, "INBOX");
		assert_int_equal(f.folders[0].uses, USE_JUNK | USE_IMPORTANT);
		assert_string_equal(f.folders[1].name, "Work/Äpfel");
		assert_ptr_equal(facts_find_id(&f, SLICE_LIT("F-1_x")), i % 2 == 1 ? &f.folders[0] : NULL);
		assert_null(facts_find_id(&f, SLICE_LIT("f-1_x")));
		facts_free(&f);
		buf_free(&b);
	}
}

static void annotations_are_read(void **state)
{
	static const char odd[] = "a\0%\r\n \xc3\xa4";
	const struct slice value = SLICE_LIT(odd);
	struct facts f;
	struct buf b;
	size_t all = 0;

	(void)state;
	buf_init(&b, FACTS_MAX);
	facts_begin(&b, UINT64_MAX, false, '.', "INBOX/");
	facts_annotate(&b, &all, SLICE_LIT("/shared/admin"), SLICE_LIT("mailto:a@b"));
	assert_true(facts_add(&b, "Work", 0));
	facts_annotate(&b, &all, SLICE_LIT("/private/comment"), value);
	facts_annotate(&b, &all, SLICE_LIT("no name"), SLICE_LIT("x"));
	assert_true(facts_add(&b, "INBOX", 0));
	facts_annotate(&b, &all, SLICE_LIT("/private/comment"), SLICE_LIT(""));
	facts_end(&b, false);
	assert_int_equal(facts_read(buf_slice(&b), &f), 0);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.nannotations, 3);
	assert_true(slice_eq(facts_find_annotation(&f, SLICE_LIT(""), SLICE_LIT("/shared/Admin"))->value, SLICE_LIT("mailto:a@b")));
	assert_true(slice_eq(facts_find_annotation(&f, SLICE_LIT("INBOX.Work"), SLICE_LIT("/private/comment"))->value, value));
	assert_int_equal(facts_find_annotation(&f, SLICE_LIT("inbox"), SLICE_LIT("/private/comment"))->value.n, 0);
	assert_null(facts_find_annotation(&f, SLICE_LIT(""), SLICE_LIT("/private/comment")));
	assert_null(facts_find_annotation(&f, SLICE_LIT("None"), SLICE_LIT("/shared/admin")));
	facts_free(&f);
	/* Broken ones are none of ours. */
	assert_int_equal(facts_read(SLICE_LIT("- / \n@/a\n"), &f), -1);
	facts_free(&f);
	assert_int_equal(facts_read(SLICE_LIT("- / \n@/a %0\n"), &f), -1);
	facts_free(&f);
	/* There is an end to them. */
	all = FACTS_ANNOTATIONS_BYTES - 3;
	buf_clear(&b);
	facts_annotate(&b, &all, SLICE_LIT("/a"), SLICE_LIT("b"));
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void there_is_a_most(void **state)
{
	char name[1000];
	struct facts f;
	struct buf b;
	size_t n = 0;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	buf_init(&b, FACTS_MAX);
	facts_begin(&b, 5, true, '/', "");
	while (facts_add(&b, name, 255))
		n++;
	facts_end(&b, true);
	assert_false(buf_failed(&b));
	assert_in_range(n, 500, FACTS_MAX / 1000);
	assert_int_equal(facts_read(buf_slice(&b), &f), 0);
	assert_int_equal(f.n, n);
	assert_true(f.cut);
	facts_free(&f);
	/* More folders than there may be, from a store that does not care. */
	facts_begin(&b, 5, true, '/', "");
	for (n = 0; n <= FACTS_FOLDERS_MAX; n++)
		(void)buf_add_str(&b, "0 a\n");
	assert_int_equal(facts_read(buf_slice(&b), &f), -1);
	facts_free(&f);
	buf_free(&b);
}

static void bad_facts_are_refused(void **state)
{
	static const char *const rows[] = {
		"x",
		"\n",
		"5\n",
		"5 /\n",
		"x / \n",
		"-1 / \n",
		"18446744073709551616 / \n",
		"5 / \n0\n",
		"5 / \n256 a\n",
		"5 / \nx a\n",
		"5 / \n0 a",
		"5 / \n+\n0 a\n",
		"5 / \n0 a\tb\n",
		"5 / \n0 \xff\n",
		"5 / \xff\n",
		"5 // \n",
	};
	struct facts f;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (facts_read(slice_str(rows[i]), &f) != -1)
			fail_msg("read: %s", rows[i]);
		facts_free(&f);
	}
	assert_int_equal(facts_read(slice_of("5 / \n0 a\0b\n", 11), &f), -1);
	facts_free(&f);
	assert_int_equal(facts_read(SLICE_NONE, &f), 0);
	assert_true(f.append_limit == UINT64_MAX && f.n == 0);
	facts_free(&f);
}

static void names_find_folders(void **state)
{
	static const struct {
		const char *text, *name, *found; /* NULL: none */
	} rows[] = {
		{ "- . INBOX/\n0 Work\n0 Work/Bills\n", "Work/Bills", "Work/Bills" },
		{ "- . INBOX/\n0 Work\n0 Work/Bills\n", "Work.Bills", "Work/Bills" },
		{ "- . INBOX/\n0 Work\n0 Work/Bills\n", "INBOX.Work.Bills", "Work/Bills" },
		{ "- . INBOX/\n0 Work\n0 Work/Bills\n", "inbox/work", "Work" },
		{ "- . INBOX/\n0 Work\n", "Work2", NULL },
		{ "- / \n0 Work\n0 work\n", "work", "work" },
		{ "- / \n0 GRÜN\n", "grün", "GRÜN" },
		{ "- / \n0 Work.x\n", "Work.x", "Work.x" },
		{ "- - \n0 a/b\n", "a/b", "a/b" },
		{ "- / \n", "inbox", "INBOX" },
		{ "- / \n16 Müll\n0 Spam\n", "\\Junk", "Müll" },
		{ "- / \n0 Spam\n", "\\junk:Other", "Spam" },
		{ "- / \n0 Other\n", "\\Junk:other", "Other" },
		{ "- / \n16 Müll\n16 Spam\n", "\\Junk:Spam", "Spam" },
		{ "- / \n16 Müll\n0 Spam\n", "\\Junk:Spam", "Müll" },
		{ "- / \n0 x/Spam\n0 x/y/Junk\n", "\\Junk", "x/Spam" },
		{ "- / \n0 x/y/Junk\n2 Spam\n", "\\Junk", NULL },
		{ "", "Work", NULL },
		{ "", "INBOX", "INBOX" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct facts_folder *found;
		struct facts f;

		assert_int_equal(facts_read(slice_str(rows[i].text), &f), 0);
		found = facts_find(&f, slice_str(rows[i].name));
		if ((found == NULL) != (rows[i].found == NULL) ||
		    (found != NULL && strcmp(found->name, rows[i].found) != 0))
			fail_msg("%s in %s: %s", rows[i].name, rows[i].text, found == NULL ? "none" : found->name);
		facts_free(&f);
	}
}

/* ---- a receiver that knows ---- */

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"100K\"; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
    "accounts = { large = { host = \"imap.example.net\"; user = \"l\"; password = \"p\"; tls = \"implicit\";\n"
    "    rules = \"r.sieve\"; addresses = [ \"@large.example\" ]; };\n"
    "  small = { host = \"imap.example.net\"; user = \"s\"; password = \"p\"; tls = \"implicit\";\n"
    "    rules = \"r.sieve\"; addresses = [ \"@small.example\" ]; }; };\n";

enum { MX, LMTP, MOST = 100 * 1024 };

static void know(struct fake *f, const char *account, const char *text)
{
	struct facts facts;

	assert_int_equal(facts_read(slice_str(text), &facts), 0);
	intake_set_facts(f->intake, account, clock_wall_ms(), &facts);
	assert_true(facts.text == NULL);
}

static void sizes_leave_room_for_our_lines(void **state)
{
	const struct config_account *large, *small;
	struct facts old;
	struct fake f;
	uint64_t one, two;

	(void)state;
	fake_open(&f, config, NULL);
	large = &f.config->accounts[0];
	small = &f.config->accounts[1];
	assert_string_equal(small->name, "small");
	/* Nothing is known: the configuration's limit. */
	assert_int_equal(intake_size_max(f.intake, small, 0), MOST);
	assert_int_equal(intake_size_offer(f.intake), MOST);
	know(&f, "small", "20000 / \n");
	know(&f, "nobody", "1 / \n");
	one = intake_size_max(f.intake, small, 0);
	assert_in_range(one, 20000 - 2000, 20000 - 500);
	assert_int_equal(intake_size_max(f.intake, small, 1000), one - 1000);
	assert_int_equal(intake_size_max(f.intake, small, 50000), 1);
	/* Another account takes more. */
	assert_int_equal(intake_size_offer(f.intake), MOST);
	know(&f, "large", "50000 / \n");
	two = intake_size_max(f.intake, large, 0);
	assert_int_equal(intake_size_offer(f.intake), two);
	assert_true(two > one && two < 50000);
	/* More than the configuration allows, nothing at all, and a store that tells no more. */
	know(&f, "large", "18446744073709551614 / \n");
	assert_int_equal(intake_size_max(f.intake, large, 0), MOST);
	/* A slip, or what was true two days ago, keeps no mail away. */
	know(&f, "large", "0 / \n");
	assert_int_equal(intake_size_max(f.intake, large, 0), MOST);
	assert_int_equal(facts_read(SLICE_LIT("20000 / \n"), &old), 0);
	intake_set_facts(f.intake, "large", clock_wall_ms() - 2 * 24 * 3600 * 1000, &old);
	assert_int_equal(intake_size_max(f.intake, large, 0), MOST);
	assert_int_equal(intake_size_offer(f.intake), MOST);
	know(&f, "large", "- / \n");
	assert_int_equal(intake_size_max(f.intake, large, 0), MOST);
	fake_close(&f);
}

static void say(struct fake *f, const char *s)
{
	fake_send(f, slice_str(s));
}

static void expect(struct fake *f, const char *what)
{
	const char *told = fake_told(f);

	if (strstr(told, what) == NULL)
		fail_msg("expected %s, told %s", what, told);
}

/* A body of N octets, which its dot ends. */
static void send_body(struct fake *f, size_t n)
{
	struct buf b;

	buf_init(&b, n + 10);
	(void)buf_add_str(&b, "\r\n");
	while (b.n + 2 < n)
		(void)buf_add_char(&b, b.n % 78 == 76 ? '\r' : b.n % 78 == 77 ? '\n' : 'x');
	if (b.n >= 1 && b.p[b.n - 1] == '\r')
		b.p[b.n - 1] = 'x';
	(void)buf_add_str(&b, "\r\n.\r\n");
	assert_int_equal(b.n, n + 3);
	fake_send(f, buf_slice(&b));
	buf_free(&b);
}

static void declared_sizes_are_held_against_the_store(void **state)
{
	struct fake f;
	char text[200];

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "small", "20000 / \n");
	know(&f, "large", "60000 / \n");
	fake_connect(&f, MX);
	say(&f, "EHLO c\r\n");
	(void)snprintf(text, sizeof text, "250-SIZE %llu\r\n", (unsigned long long)intake_size_offer(f.intake));
	expect(&f, text);
	say(&f, "MAIL FROM:<a@b.example> SIZE=60000\r\n");
	expect(&f, "552 5.3.4 A message may have ");
	say(&f, "MAIL FROM:<a@b.example> SIZE=30000\r\nRCPT TO:<x@small.example>\r\n");
	expect(&f, "552 5.3.4 <x@small.example>: a message for this mailbox may have ");
	say(&f, "RCPT TO:<x@large.example>\r\nDATA\r\n");
	expect(&f, "250 2.1.5 Ok\r\n354 ");
	send_body(&f, 30000);
	expect(&f, "250 2.0.0 Ok");
	/* Just what fits: the lines of one recipient are less than was set aside for them. */
	(void)snprintf(text, sizeof text, "MAIL FROM:<a@b.example> SIZE=%llu\r\nRCPT TO:<x@small.example>\r\n",
		       (unsigned long long)intake_size_max(f.intake, &f.config->accounts[1],
							   intake_envelope_cost("a@b.example", "x@small.example")));
	say(&f, text);
	expect(&f, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
	/* One recipient more of the same mailbox, and it does not fit any more. */
	say(&f, "RCPT TO:<y@small.example>\r\n");
	expect(&f, "552 5.3.4 <y@small.example>");
	fake_close(&f);
}

static void content_is_held_against_the_smallest(void **state)
{
	struct fake f;
	size_t fits;

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "small", "20000 / \n");
	fake_connect(&f, MX);
	fits = (size_t)intake_size_max(f.intake, &f.config->accounts[1],
				       intake_envelope_cost("a@b.example", "x@small.example"));
	for (int more = 0; more < 2; more++) {
		say(&f, "RSET\r\nEHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@large.example>\r\n"
			"RCPT TO:<x@small.example>\r\nDATA\r\n");
		(void)fake_told(&f);
		send_body(&f, fits + (size_t)more);
		expect(&f, more == 0 ? "250 2.0.0 Ok" : "552 5.3.4 The message is too large");
		assert_int_equal(f.nmessages, 1);
	}
	/* What was set aside is enough: body and lines are within the store's limit. */
	assert_true(f.messages[0].body.n + f.messages[0].prefix.n <= 20000);
	fake_close(&f);
}

static void lmtp_answers_each(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	know(&f, "small", "20000 / \n");
	fake_connect(&f, LMTP);
	say(&f, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@large.example>\r\nRCPT TO:<x@small.example>\r\n"
		"RCPT TO:<y@large.example>\r\nDATA\r\n");
	(void)fake_told(&f);
	send_body(&f, 30000);
	{
		const char *told = fake_told(&f);

		assert_non_null(strstr(told, "250 2.0.0 <x@large.example>"));
		assert_non_null(strstr(told, "552 5.3.4 The message is too large for this mailbox\r\n250 2.0.0 "
					     "<y@large.example>"));
	}
	assert_int_equal(f.nmessages, 1);
	assert_null(strstr(f.messages[0].text, "small"));
	/* None can take it. */
	say(&f, "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@small.example>\r\nRCPT TO:<y@small.example>\r\nDATA\r\n");
	(void)fake_told(&f);
	send_body(&f, 30000);
	expect(&f, "552 5.3.4 The message is too large\r\n552 5.3.4 The message is too large\r\n");
	assert_int_equal(f.nmessages, 1);
	fake_close(&f);
}

/* ---- rules ---- */

static void rules_ask_for_folders(void **state)
{
#define NEED "require [\"fileinto\", \"mailbox\", \"special-use\"];\n"
	static const struct {
		const char *rules, *facts, *want; /* in the text of what the spool was asked to keep */
	} rows[] = {
		{ NEED "if mailboxexists \"Work\" { fileinto \"Work\"; }", "- / \n0 Work\n", "large/Work" },
		{ NEED "if mailboxexists \"Work\" { fileinto \"Work\"; }", "- / \n", "large/INBOX" },
		{ NEED "if mailboxexists \"Work\" { fileinto \"Work\"; }", "", "large/INBOX" },
		{ NEED "if mailboxexists [\"inbox\", \"work\"] { fileinto \"work\"; }", "- / \n0 Work\n",
		  "large/work" },
		{ NEED "if specialuse_exists \"\\\\Junk\" { fileinto \"\\\\Junk\"; }", "- / \n16 x\n",
		  "large/\\Junk " },
		{ NEED "if specialuse_exists \"\\\\Junk\" { fileinto \"\\\\Junk\"; }", "- / \n0 x\n", "large/INBOX" },
		{ NEED "if specialuse_exists \"Spam\" \"\\\\Junk\" { fileinto \"A\"; }", "- / \n16 Spam\n", "large/A" },
		{ NEED "if specialuse_exists \"Spam\" \"\\\\Junk\" { fileinto \"A\"; }", "- / \n16 x\n0 Spam\n",
		  "large/INBOX" },
		{ NEED "if specialuse_exists [\"\\\\Junk\", \"\\\\Sent\"] { fileinto \"A\"; }", "- / \n16 x\n",
		  "large/INBOX" },
		{ NEED "if specialuse_exists \"\\\\Nonsense\" { fileinto \"A\"; }", "- / \n255 x\n", "large/INBOX" },
		{ NEED "fileinto :specialuse \"\\\\junk\" \"Spam\";", "", "large/\\junk:Spam " },
		{ NEED "fileinto :create :specialuse \"\\\\Nonsense\" \"Spam\";", "", "large/Spam " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake f;

		fake_open(&f, config, rows[i].rules);
		know(&f, "large", rows[i].facts);
		/* Not another account's. */
		know(&f, "small", "- / \n");
		fake_connect(&f, MX);
		say(&f, "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@large.example>\r\nDATA\r\n");
		say(&f, "Subject: x\r\n\r\nx\r\n.\r\n");
		assert_int_equal(f.nmessages, 1);
		if (strstr(f.messages[0].text, rows[i].want) == NULL)
			fail_msg("row %zu: %s", i, f.messages[0].text);
		fake_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_facts_are_read),
		cmocka_unit_test(annotations_are_read),
		cmocka_unit_test(there_is_a_most),
		cmocka_unit_test(bad_facts_are_refused),
		cmocka_unit_test(names_find_folders),
		cmocka_unit_test(sizes_leave_room_for_our_lines),
		cmocka_unit_test(declared_sizes_are_held_against_the_store),
		cmocka_unit_test(content_is_held_against_the_smallest),
		cmocka_unit_test(lmtp_answers_each),
		cmocka_unit_test(rules_ask_for_folders),
	};

	return cmocka_run_group_tests_name("facts of stores", tests, NULL, NULL);
}
