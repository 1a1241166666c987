/* What becomes of a fetched message: where it is filed, with which lines, flags and time, and that it is filed at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/message.h"
#include "msg/header.h"
#include "smtp_fake.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"1M\"; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\", \"me@h.example\" ]; rules = \"/etc/home.sieve\"; };\n"
    "  plain = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@o.example\" ]; }; };\n";

#define NEED "require [\"fileinto\", \"reject\", \"imap4flags\", \"copy\", \"envelope\", \"mailbox\"];\n"
#define BY   "Received: from a\r\n\tby mail.office.example with IMAP id 0123456789abcdef\r\n\tfor <me@h.example>; Mon\r\n"

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static char *headers[] = { NULL, NULL };

static struct config_source old_source(void)
{
	struct config_source s = { .name = word("old"),
				   .protocol = CONFIG_POP3,
				   .account = word("home"),
				   .to = word("me@h.example"),
				   .unmatched = word("Unmatched"),
				   .rejected = word("Rejected"),
				   .recipient_headers = headers,
				   .nrecipient_headers = 2 };

	headers[0] = word("X-Original-To");
	headers[1] = word("Delivered-To");
	s.server.host = word("pop.far.example");
	s.server.user = word("all@h.example");
	return s;
}

struct row {
	const char *name;
	bool by_header;
	const char *rules, *flags, *text;
	const char *kept;   /* all that the spool got */
	const char *prefix; /* front of the lines of the first delivery */
};

static const struct row rows[] = {
	{ "to the address of the source", false, "", "", "Return-Path: <s@b.example>\r\n\r\nx\r\n",
	  "POP3 from=<s@b.example> to=home:me@h.example{implicit keep} [home/INBOX flags= rule=]",
	  "Delivered-To: me@h.example\r\nReceived: from pop.far.example\r\n\tby mail.office.example with POP3 id " },
	{ "rules and flags", false, NEED "fileinto :create :flags \"\\\\Flagged\" \"A/B\";",
	  "\\seen $Forwarded \\Recent \\Deleted \\deleted bad{ \\FLAGGED", "x\r\n",
	  "POP3 from=<> to=home:me@h.example{fileinto A/B (line 2)} [home/A/B flags=\\Flagged \\Seen $Forwarded "
	  "rule=home.sieve:2 create]",
	  NULL },
	{ "discard is an end too", false, NEED "discard;", "", "x\r\n",
	  "POP3 from=<> to=home:me@h.example{discard (line 2)}", NULL },
	{ "the envelope of rules", true, NEED "if envelope [\"to\", \"from\"] [\"b@h.example\"] { fileinto \"Boss\"; }",
	  "", "Return-Path: <x@b.example>\r\nX-Original-To: b@h.example\r\n\r\nx\r\n",
	  "POP3 from=<x@b.example> to=home:b@h.example{fileinto Boss (line 2)} [home/Boss flags= rule=home.sieve:2]",
	  "Delivered-To: b@h.example\r\n" },
	{ "Delivered-To stands once", true, "", "", "Delivered-To: b@h.example\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:b@h.example{implicit keep} [home/INBOX flags= rule=]",
	  "Received: from pop.far.example\r\n\tby mail.office.example with POP3 id " },
	{ "several recipients", true, "", "\\Seen",
	  "X-Original-To: b@h.example\r\nX-Original-To: c@o.example\r\nX-Original-To: d@h.example\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:b@h.example{implicit keep},plain:c@o.example{keep (the account has no rules)},"
	  "home:d@h.example{implicit keep} [home/INBOX flags=\\Seen rule=] [plain/INBOX flags=\\Seen rule=]",
	  "Delivered-To: b@h.example\r\nDelivered-To: d@h.example\r\nReceived: " },
	{ "nobody's", true, NEED "discard;", "", "Delivered-To: b@far.example\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{kept for a person: no recipient of ours} [home/Unmatched flags= rule= "
	  "create note=kept here: no account has the address b@far.example]",
	  NULL },
	{ "for whom is not known", true, NEED "discard;", "", "To: b@h.example\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{kept for a person: no recipient of ours} [home/Unmatched flags= rule= "
	  "create note=kept here: for whom it is can't be read from its header (X-Original-To, Delivered-To)]",
	  NULL },
	{ "rejected", false, NEED "reject \"no\r\nthanks\";", "\\Seen", "x\r\n",
	  "POP3 from=<> to=home:me@h.example{reject no  thanks (line 2): kept in Rejected} [home/Rejected flags=\\Seen "
	  "rule= create note=rejected by the rules: no  thanks]",
	  NULL },
	{ "rejected without a word", false, NEED "reject \"\";", "", "x\r\n",
	  "POP3 from=<> to=home:me@h.example{reject  (line 2): kept in Rejected} [home/Rejected flags= rule= create "
	  "note=rejected by the rules: no reason given]",
	  NULL },
	{ "Delivered-To is no loop", false, "", "", "Delivered-To: me@h.example\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{implicit keep} [home/INBOX flags= rule=]", "Received: " },
	{ "nor is one pass through here", false, "", "", "Delivered-To: me@h.example\r\n" BY "\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{implicit keep} [home/INBOX flags= rule=]", "Received: " },
	{ "more of them are", false, NEED "discard;", "", BY "X: y\r\nDelivered-To: me@h.example\r\n" BY "\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{kept for a person: it goes round} [home/Rejected flags= rule= create "
	  "note=kept here, as it goes round: mailferry filed it for this recipient more than once before]",
	  "Received: " },
	{ "NULs are mended", false, "", "", "N",
	  "POP3 from=<> to=home:me@h.example{implicit keep} [home/INBOX flags= rule= note=2 NULs in it, which no store "
	  "takes, became octets 0x80]",
	  NULL },
	{ "a broken rule", false, NEED "if header :matches \"x\" \"*\" { fileinto \"A\"; reject \"no\"; }", "",
	  "X: y\r\n\r\nx\r\n",
	  "POP3 from=<> to=home:me@h.example{implicit keep: the rules failed: /etc/home.sieve:2:", NULL },
};

struct run {
	struct fake *f;
	struct intake_message *m;
	bool resumed, done;
};

static void resumed(void *arg)
{
	((struct run *)arg)->resumed = true;
}

static void done(void *arg)
{
	((struct run *)arg)->done = true;
}

static const struct intake_events events = { .resume = resumed, .done = done };

/* Takes TEXT in, in pieces. The caller ends R->m. */
static void take(struct run *r, struct fake *f, const struct intake_fetched *fetched, struct slice text)
{
	const struct intake_envelope env = { .session = "s", .fetched = fetched };

	*r = (struct run){ .f = f };
	r->m = intake_begin(f->intake, &env, &events, r);
	for (size_t at = 0; at < text.n; at += 7000) {
		enum intake_flow flow =
		    intake_add(r->m, slice_of(text.p + at, text.n - at < 7000 ? text.n - at : 7000));

		if (flow == INTAKE_STOP)
			break;
		if (flow == INTAKE_WAIT) {
			assert_true(fake_answer(f));
			assert_true(r->resumed);
		}
	}
	if (!intake_finish(r->m))
		while (!r->done)
			assert_true(fake_answer(f));
}

static void every_message_ends_somewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct config_source source = old_source();
		const struct spool_origin origin = { .uid = 7 };
		const struct intake_fetched fetched = { .origin = &origin, .flags = row->flags, .source = &source };
		struct slice text = row->text[0] == 'N' ? SLICE_LIT("X: \0\r\n\r\n\0\r\n") : slice_str(row->text);
		const char *why;
		struct run r;
		struct fake f;

		if (!row->by_header)
			source.nrecipient_headers = 0;
		fake_open(&f, config, row->rules);
		take(&r, &f, &fetched, text);
		assert_int_equal(intake_outcome(r.m, &why), INTAKE_ACCEPTED);
		assert_null(why);
		assert_int_equal(f.nmessages, 1);
		if (strncmp(f.messages[0].text, row->kept, strlen(row->kept)) != 0) {
			print_error("%s: kept %s\n", row->name, f.messages[0].text);
			fail();
		}
		if (row->prefix != NULL && strncmp(f.messages[0].prefix.p, row->prefix, strlen(row->prefix)) != 0) {
			print_error("%s: lines %s\n", row->name, f.messages[0].prefix.p);
			fail();
		}
		if (f.messages[0].ndeliveries > 0)
			assert_int_equal(f.messages[0].body.n, text.n);
		intake_end(&r.m);
		fake_close(&f);
	}
}

/* ROWS rules run for what comes to nobody's hands: a copy goes where it is told. */
static void copies_pass_all_rules(void **state)
{
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	struct intake_fetched fetched = {
		.origin = &origin, .flags = "\\Seen", .source = &source, .folder = "A/B", .internal_ms = 1234567000
	};
	const char *why;
	struct run r;
	struct fake f;

	(void)state;
	fake_open(&f, config, NEED "discard;");
	fetched.account = config_account(f.config, "plain");
	source.protocol = CONFIG_IMAP;
	take(&r, &f, &fetched, SLICE_LIT("Delivered-To: me@h.example\r\n" BY BY BY "\r\nx\r\n"));
	assert_int_equal(intake_outcome(r.m, &why), INTAKE_ACCEPTED);
	assert_string_equal(f.messages[0].text, "IMAP from=<> to=plain:postmaster@mail.office.example{filed past all "
						"rules} [plain/A/B flags=\\Seen rule= create]");
	assert_int_equal(f.messages[0].internal_ms, 1234567000);
	assert_int_equal(strncmp(f.messages[0].prefix.p, "Received: from pop.far.example\r\n\tby ", 36), 0);
	assert_null(strstr(f.messages[0].prefix.p, "for <"));
	intake_end(&r.m);
	fake_close(&f);
}

/* A copy in other words is filed as the message would be, and what is remembered holds for mail however it comes. */
static void rules_may_change_it(void **state)
{
	static const char rules[] = "require [\"editheader\", \"duplicate\", \"fileinto\"];\n"
				    "if duplicate { fileinto \"Again\"; stop; }\n"
				    "addheader \"X-A\" \"b\"; fileinto \"Edited\";";
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	const struct intake_fetched fetched = { .origin = &origin, .flags = "\\Seen", .source = &source };
	struct run r;
	struct fake f;

	(void)state;
	source.nrecipient_headers = 0;
	fake_open(&f, config, rules);
	take(&r, &f, &fetched, SLICE_LIT("Message-ID: <1@x>\r\n\r\n\0\r\n"));
	assert_string_equal(f.messages[0].text, "POP3 from=<> to=home:me@h.example{fileinto Edited (line 3)}");
	assert_string_equal(f.messages[0].further,
			    " + rules from=<> to=home:me@h.example{fileinto Edited (line 3), as the rules changed it}"
			    " [home/Edited flags=\\Seen rule=home.sieve:3 note=1 NULs in it, which no store takes, became"
			    " octets 0x80] body=X-A: b\r\nMessage-ID: <1@x>\r\n\r\n\x80\r\n");
	intake_end(&r.m);
	take(&r, &f, &fetched, SLICE_LIT("Message-ID: <1@x>\r\n\r\n"));
	assert_non_null(strstr(f.messages[1].text, "[home/Again "));
	assert_string_equal(f.messages[1].further, "");
	intake_end(&r.m);
	fake_close(&f);
}

static void times_are_carried(void **state)
{
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	const struct intake_fetched fetched = { .origin = &origin, .source = &source };
	struct run r;
	struct fake f;

	(void)state;
	source.nrecipient_headers = 0;
	fake_open(&f, config, NULL);
	take(&r, &f, &fetched, SLICE_LIT("Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\nx\r\n"));
	assert_int_equal(f.messages[0].internal_ms, 1772442000000);
	intake_end(&r.m);
	fake_close(&f);
}

/* Two originals with the same bytes. */
static void twins_are_two(void **state)
{
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	const struct intake_fetched fetched = { .origin = &origin, .source = &source };
	struct run r;
	struct fake f;

	(void)state;
	fake_open(&f, config, "");
	for (unsigned i = 0; i < 2; i++) {
		take(&r, &f, &fetched, SLICE_LIT("Message-ID: <a@b>\r\n\r\nx\r\n"));
		intake_end(&r.m);
	}
	assert_int_equal(f.nmessages, 2);
	assert_memory_not_equal(f.messages[0].fingerprint, f.messages[1].fingerprint, 32);
	fake_close(&f);
}

static void sizes_are_held(void **state)
{
	static const size_t sizes[] = {
		1000, IPC_INLINE_MAX, IPC_INLINE_MAX + 1, HEADER_MAX_BYTES + 1, 500000, 1100000
	};
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	const struct intake_fetched fetched = { .origin = &origin, .source = &source };
	struct buf b;

	(void)state;
	source.nrecipient_headers = 0;
	buf_init(&b, 2 << 20);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (unsigned head = 0; head < 2; head++) {
			const char *why;
			struct run r;
			struct fake f;

			buf_clear(&b);
			(void)buf_add_str(&b, head == 0 ? "" : "Subject: x\r\n\r\n");
			while (b.n + 102 <= sizes[i])
				(void)buf_addf(&b, "X: %097d\r\n", 1);
			fake_open(&f, config, "");
			take(&r, &f, &fetched, buf_slice(&b));
			if (sizes[i] > 1 << 20) {
				assert_int_equal(intake_outcome(r.m, &why), INTAKE_LARGE);
				assert_non_null(strstr(why, "octets, and the store takes 1048576 at most"));
				assert_int_equal(f.nmessages, 0);
			} else {
				assert_int_equal(intake_outcome(r.m, &why), INTAKE_ACCEPTED);
				assert_int_equal(f.nmessages, 1);
				assert_true(slice_eq(buf_slice(&f.messages[0].body), buf_slice(&b)));
				assert_int_equal(strstr(f.messages[0].text, "its header is so long") != NULL,
						 head == 0 && b.n > HEADER_MAX_BYTES);
			}
			intake_end(&r.m);
			fake_close(&f);
			assert_int_equal(f.uploads_open, 0);
		}
	}
	buf_free(&b);
}

static void only_heads(void **state)
{
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7, .size = 900000 };
	const struct intake_fetched fetched = { .origin = &origin, .source = &source, .head_only = true };
	struct buf b;

	(void)state;
	source.nrecipient_headers = 0;
	buf_init(&b, 2 << 20);
	for (unsigned big = 0; big < 2; big++) {
		const char *why;
		struct run r;
		struct fake f;

		buf_clear(&b);
		while (b.n < (big ? 300000 : 1000))
			(void)buf_add_str(&b, "X: y\r\n");
		(void)buf_add_str(&b, "\r\n");
		fake_open(&f, config, NEED "if size :over 800K { fileinto \"Big\"; }");
		f.heads = true;
		take(&r, &f, &fetched, buf_slice(&b));
		assert_int_equal(intake_outcome(r.m, &why), INTAKE_ACCEPTED);
		assert_non_null(strstr(f.messages[0].text, "[home/Big"));
		intake_end(&r.m);
		fake_close(&f);
		assert_int_equal(f.uploads_open, 0);
	}
	buf_free(&b);
}

static void spools_that_fail(void **state)
{
	static const struct {
		enum spool_answer answer;
		enum intake_result want;
	} cases[] = { { SPOOL_FULL, INTAKE_FULL }, { SPOOL_FAILED, INTAKE_FAILED }, { SPOOL_LOST, INTAKE_LOST } };
	struct config_source source = old_source();
	const struct spool_origin origin = { .uid = 7 };
	const struct intake_fetched fetched = { .origin = &origin, .source = &source };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *why;
		struct run r;
		struct fake f;

		fake_open(&f, config, "");
		f.answer = cases[i].answer;
		take(&r, &f, &fetched, SLICE_LIT("x\r\n"));
		assert_int_equal(intake_outcome(r.m, &why), cases[i].want);
		assert_non_null(why);
		intake_end(&r.m);
		fake_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_ends_somewhere),
		cmocka_unit_test(copies_pass_all_rules),
		cmocka_unit_test(rules_may_change_it),
		cmocka_unit_test(times_are_carried),
		cmocka_unit_test(twins_are_two),
		cmocka_unit_test(sizes_are_held),
		cmocka_unit_test(only_heads),
		cmocka_unit_test(spools_that_fail),
	};

	return cmocka_run_group_tests_name("fetched", tests, NULL, NULL);
}
