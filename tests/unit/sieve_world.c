/* Extensions that ask the world around, by the text of their RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sieve_tools.h"

static void ihave_enables(void **state)
{
#define R "require \"ihave\"; "
#define NEEDS(place, ext)                                                                                              \
	"implicit; t:" place ": error: this needs the extension \"" ext                                                \
	"\", which was neither required nor found by \"ihave\" before"
	static const struct sieve_case rows[] = {
		/* RFC 5463, 4. */
		{ R "if ihave \"fileinto\" { fileinto \"a\"; }", .plan = "fileinto a" },
		{ R "if ihave \"vnd.none\" { none 1 [\"2\"] :three; } else { discard; }", .plan = "discard" },
		{ R "if ihave [\"fileinto\", \"vnd.none\"] { discard; }\nfileinto \"a\";", .plan = NEEDS("2:1", "fileinto") },
		{ R "if ihave [\"fileinto\", \"copy\"] { fileinto :copy \"a\"; }", .plan = "fileinto:copy a; implicit" },
		{ R "if ihave \"fileinto\" {\nfileinto :copy \"a\"; }", .plan = NEEDS("2:1", "copy") },
		/* To the end of the script, also outside the block (item 1). */
		{ R "if ihave \"fileinto\" { }\nfileinto \"a\";", .plan = "fileinto a" },
		{ R "\nfileinto \"a\"; if ihave \"fileinto\" { }", .plan = NEEDS("2:1", "fileinto") },
		{ R "if false { fileinto \"a\"; }", .plan = "implicit" },
		{ R "if not ihave \"fileinto\" { discard; } else { fileinto \"a\"; }", .plan = "fileinto a" },
		{ R "if not ihave \"vnd.none\" { discard; }", .plan = "discard" },
		/* Short-circuits (item 5). */
		{ R "if allof (ihave \"envelope\", envelope \"from\" \"coyote@desert.example.org\") { discard; }",
		  .plan = "discard" },
		{ R "if allof (false, ihave \"envelope\", envelope \"from\" \"a\") { discard; }", .plan = "implicit" },
		{ R "if anyof (true, ihave \"fileinto\") {\nfileinto \"a\"; }", .plan = NEEDS("2:1", "fileinto") },
		{ R "if anyof (\nenvelope \"from\" \"a\", ihave \"envelope\") { discard; }",
		  .plan = NEEDS("2:1", "envelope") },
		{ R "if anyof (ihave \"vnd.none\", true) { discard; }", .plan = "discard" },
		/* In both (item 3). */
		{ "require [\"ihave\", \"fileinto\"]; if ihave \"fileinto\" { fileinto \"a\"; }", .plan = "fileinto a" },
		{ "require [\"ihave\", \"variables\"]; if ihave \"variables\" { discard; }", .plan = "discard" },
		/* What changes the meaning of strings can't be enabled. */
		{ R "if ihave \"variables\" { discard; }", .plan = "implicit" },
		{ R "if ihave [\"fileinto\", \"variables\"] { discard; }\nfileinto \"a\";", .plan = NEEDS("2:1", "fileinto") },
		{ R "if ihave \"encoded-character\" { discard; }", .plan = "implicit" },
		{ R "if ihave \"comparator-i;octet\" { discard; }", .plan = "discard" },
		{ R "if ihave \"FileInto\" { discard; }", .plan = "implicit" },
		/* What nobody knows is an error of the run, wherever it stands. */
		{ R "\nnone;", .plan = "implicit; t:2:1: error: unknown command \"none\"" },
		{ R "if\nnone { discard; }", .plan = "implicit; t:2:1: error: unknown test \"none\"" },
		{ R "\nkeep :none;", .plan = "implicit; t:2:1: error: \"keep\" takes no tags, found \"none\"" },
		{ R "if false { keep :none \"x\"; if none { a { b; } } redirect :none [\"a\"] 1; }", .plan = "implicit" },
		{ R "if\nheader :comparator \"none\" \"a\" \"b\" { discard; }",
		  .plan = "implicit; t:2:1: error: unknown comparator \"none\": expected \"i;octet\" or "
			  "\"i;ascii-casemap\"" },
		{ R "if ihave \"envelope\" { if\nenvelope \"none\" \"a\" { discard; } }",
		  .plan = "implicit; t:2:1: error: unknown envelope part \"none\": expected \"from\" or \"to\"" },
		/* Any other error is one of the script. */
		{ R "\nkeep 1;", .plan = "compile error: t:2:6: error: \"keep\" takes no arguments, found a number\n" },
		{ "if ihave \"fileinto\" { }",
		  .plan = "compile error: t:1:4: error: \"ihave\" needs the extension: expected require \"ihave\"; at the "
			  "top of the script\n" },
		{ "require [\"ihave\", \"variables\"];\nif ihave \"${x}\" { }",
		  .plan = "compile error: t:2:10: error: \"${x}\" must not hold variables here\n" },
		/* 5. */
		{ R "discard;\nerror \"no\";", .plan = "implicit; t:2:1: error: no" },
		{ R "\nerror \"a\nb\x7f\";", .plan = "implicit; t:2:1: error: a  b " },
		{ "require [\"ihave\", \"variables\"]; set \"x\" \"why\";\nerror \"${x}?\";",
		  .plan = "implicit; t:2:1: error: why?" },
		{ "error \"a\";",
		  .plan = "compile error: t:1:1: error: \"error\" needs the extension: expected require \"ihave\"; at the "
			  "top of the script\n" },
	};
#undef R

	(void)state;
	CHECK_PLANS(rows);
}

/* ---- envelope-deliverby (RFC 6009, 5) ---- */
static void deliverby_is_an_envelope(void **state)
{
#define E(test) "require [\"envelope\", \"envelope-deliverby\"]; if envelope " test " { discard; }"
	static const struct sieve_case given[] = {
		{ E("\"bytimerelative\" \"90\""), .plan = "discard" },
		{ E("\"bytimeabsolute\" \"2010-10-01T13:30:00+02:00\""), .plan = "discard" },
		{ E(":zone \"-0330\" \"bytimeabsolute\" \"2010-10-01T08:00:00-03:30\""), .plan = "discard" },
		{ E(":matches :zone \"+0000\" \"bytimeabsolute\" \"*T11:*\""), .plan = "discard" },
		{ E(":zone \"+0000\" \"bytimeabsolute\" \"2010-10-01T11:30:00Z\""), .plan = "discard" },
		{ E(":comparator \"i;octet\" \"bymode\" \"return\""), .plan = "discard" },
		{ E(":comparator \"i;octet\" \"BYTRACE\" \"trace\""), .plan = "discard" },
		{ E("\n:localpart \"bymode\" \"return\""),
		  .plan = "compile error: t:2:1: error: \":localpart\" takes a part of an address, and \"bymode\" is none\n" },
		{ "require [\"envelope\", \"envelope-deliverby\", \"variables\"]; set \"p\" \"bymode\"; if\nenvelope :domain \"${p}\" "
		  "\"return\" { discard; }",
		  .plan = "implicit; t:2:1: error: \":domain\" takes a part of an address, and \"bymode\" is none" },
		{ E("\n:zone \"1\" \"bymode\" \"x\""),
		  .plan = "compile error: t:2:7: error: \"1\" is no time zone: expected one such as \"+0100\"\n" },
	};
	static const struct sieve_case passed[] = {
		{ E("\"bytimerelative\" \"-2\""), .plan = "discard" },
		{ E(":contains \"bytimerelative\" \"-\""), .plan = "discard" },
		{ E(":comparator \"i;octet\" \"bymode\" \"notify\""), .plan = "discard" },
		{ E("\"bytrace\" \"\""), .plan = "discard" },
		{ E("\"bytrace\" \"trace\""), .plan = "implicit" },
	};
	static const struct sieve_case none[] = {
		{ E(":contains [\"bytimerelative\", \"bytimeabsolute\", \"bymode\", \"bytrace\"] \"\""), .plan = "implicit" },
		{ "require \"envelope\"; if envelope\n\"bymode\" \"x\" { }",
		  .plan = "compile error: t:2:1: error: \"bymode\" needs the extension: expected require "
			  "\"envelope-deliverby\"; at the top of the script\n" },
	};

	(void)state;
	/* 2010-10-01 11:30:00 UTC */
	sieve_tools_input = (struct sieve_input){ .by_absolute_ms = INT64_C(1285932600000), .now_ms = INT64_C(1285932510000),
						  .zone = 120, .by_return = true, .by_trace = true };
	CHECK_PLANS(given);
	sieve_tools_input = (struct sieve_input){ .by_absolute_ms = INT64_C(1285932600000), .now_ms = INT64_C(1285932601001) };
	CHECK_PLANS(passed);
	sieve_tools_input = (struct sieve_input){ .now_ms = 1 };
	CHECK_PLANS(none);
	sieve_tools_input = (struct sieve_input){ .now_ms = 0 };
#undef E
}

/* ---- spamtest, virustest (RFC 5235) ---- */
static void verdicts_are_numbers(void **state)
{
#define S(test) "require [\"spamtest\", \"relational\", \"comparator-i;ascii-numeric\"]; if spamtest " test " { discard; }"
#define P(test) "require [\"spamtestplus\", \"relational\", \"comparator-i;ascii-numeric\"]; if spamtest " test " { discard; }"
#define V(test) "require [\"virustest\", \"relational\", \"comparator-i;ascii-numeric\"]; if virustest " test " { discard; }"
#define RSPAMD(score) "X-Spamd-Result: default: False [" score " / 15.00];\r\n\tARC_NA(0.00)[]\r\n\r\n"
	static const struct sieve_case rows[] = {
		/* Not tested: "0", which counts as none. */
		{ S("\"0\""), .plan = "discard" },
		{ S(":count \"eq\" \"0\""), .plan = "discard" },
		{ P(":percent \"0\""), .plan = "discard" },
		{ V("\"0\""), .plan = "discard" },
		{ V(":count \"eq\" \"0\""), .plan = "discard" },
		{ S(":count \"eq\" \"1\""), RSPAMD("1.00"), .plan = "discard" },
		/* rspamd */
		{ S("\"1\""), RSPAMD("-3.10"), .plan = "discard" },
		{ S("\"1\""), RSPAMD("0.00"), .plan = "discard" },
		{ S("\"1\""), RSPAMD("1.66"), .plan = "discard" },
		{ S("\"2\""), RSPAMD("1.67"), .plan = "discard" },
		{ S("\"9\""), RSPAMD("14.99"), .plan = "discard" },
		{ S("\"10\""), RSPAMD("15.00"), .plan = "discard" },
		{ S("\"10\""), RSPAMD("99999999999999999999.5"), .plan = "discard" },
		{ S(":value \"ge\" :comparator \"i;ascii-numeric\" \"3\""), RSPAMD("8"), .plan = "discard" },
		{ P(":percent \"37\""), RSPAMD("5.56"), .plan = "discard" },
		{ P(":percent \"100\""), RSPAMD("15.00"), .plan = "discard" },
		{ P(":percent \"0\""), RSPAMD("-1"), .plan = "discard" },
		{ S("\"0\""), "X-Spamd-Result: default: False [x / 15.00];\n\n", .plan = "discard" },
		/* SpamAssassin */
		{ S("\"10\""), "X-Spam-Status: Yes, score=5.0 required=5.0 tests=A\n\n", .plan = "discard" },
		{ S("\"4\""), "X-Spam-Status: No, score=2.0\n required=5.0\n\n", .plan = "discard" },
		{ S("\"1\""), "X-Spam-Status: No, hits=-2.0 required=5.0\n\n", .plan = "discard" },
		{ S("\"10\""), "X-Spam-Status: Yes, score=7\n\n", .plan = "discard" },
		{ S("\"10\""), "X-Spam: Yes\n\n", .plan = "discard" },
		{ S("\"1\""), "X-Spam-Flag: NO\n\n", .plan = "discard" },
		{ P(":percent \"100\""), "X-Spam-Flag: YES\n\n", .plan = "discard" },
		{ P(":percent \"0\""), "X-Spam-Flag: NO\n\n", .plan = "discard" },
		/* ClamAV */
		{ V("\"1\""), "X-Virus-Status: Clean\n\n", .plan = "discard" },
		{ V("\"5\""), "X-Virus-Status: Infected (Eicar-Test-Signature)\n\n", .plan = "discard" },
		{ V("\"0\""), "X-Virus-Status: Unknown\n\n", .plan = "discard" },
		/* ":percent" is the extension's (3.2). */
		{ "require \"spamtest\";\nif spamtest :percent \"0\" { }",
		  .plan = "compile error: t:2:13: error: \":percent\" needs the extension: expected require \"spamtestplus\"; at "
			  "the top of the script\n" },
	};

	(void)state;
	CHECK_PLANS(rows);
}

static void verdicts_stand_where_the_operator_says(void **state)
{
	static const struct sieve_verdict score = { SIEVE_VERDICT_SCORE, "X-A", "score=(-?[0-9.]+)", NULL, NULL, "10",
						    { NULL }, false };
	static const struct sieve_verdict of = { SIEVE_VERDICT_SCORE, "X-A", "^(.*)/", "X-A", "/(.*)$", NULL, { NULL }, false };
	static const struct sieve_verdict stars = { SIEVE_VERDICT_LENGTH, "X-Stars", NULL, NULL, NULL, "5", { NULL }, false };
	static const struct sieve_verdict words = { SIEVE_VERDICT_WORDS, "X-Word", NULL, NULL, NULL, NULL,
						    { NULL, "ham", NULL, NULL, "maybe", "spam" }, false };
	static const struct sieve_case by_score[] = {
		{ S("\"5\""), "X-A: b score=5\n\n", .plan = "discard" },
		{ S("\"1\""), "X-A: b score=-5\n\n", .plan = "discard" },
		{ S("\"0\""), "X-A: b\n\n", .plan = "discard" },
		{ S("\"0\""), "X-Spam: Yes\n\n", .plan = "discard" },
	};
	static const struct sieve_case by_two[] = {
		{ S("\"5\""), "X-A: 50/100\n\n", .plan = "discard" },
		{ S("\"0\""), "X-A: 50/0\n\n", .plan = "discard" },
	};
	static const struct sieve_case by_length[] = {
		{ P(":percent \"60\""), "X-Stars: ***\n\n", .plan = "discard" },
		{ S("\"10\""), "X-Stars: *******\n\n", .plan = "discard" },
	};
	static const struct sieve_case by_word[] = {
		{ V("\"4\""), "X-Word: maybe\n\n", .plan = "discard" },
		{ V("\"0\""), "X-Word: Maybe\n\n", .plan = "discard" },
		{ V(":count \"eq\" \"1\""), "X-Word: ham\n\n", .plan = "discard" },
	};

	(void)state;
	sieve_tools_input.spam = &score;
	CHECK_PLANS(by_score);
	sieve_tools_input.spam = &of;
	CHECK_PLANS(by_two);
	sieve_tools_input.spam = &stars;
	CHECK_PLANS(by_length);
	sieve_tools_input.spam = NULL;
	sieve_tools_input.virus = &words;
	CHECK_PLANS(by_word);
	sieve_tools_input.virus = NULL;
#undef S
#undef P
#undef V
}

/* ---- what the store and lists say ---- */
static bool listed(void *arg, struct slice list, struct slice value)
{
	(void)arg;
	if (!slice_eq(list, SLICE_LIT("tag:a.example,2026:friends")) && !slice_eq(list, SLICE_LIT("empty")))
		return false;
	return value.p == NULL || (list.n > 5 && (slice_eq_nocase(value, SLICE_LIT("coyote@desert.example.org")) ||
						  slice_eq_nocase(value, SLICE_LIT("tim@b.example"))));
}

static bool list_member(void *arg, struct slice list, size_t i, struct slice *member)
{
	(void)arg;
	*member = i == 0 ? SLICE_LIT("coyote@desert.example.org") : SLICE_LIT("tim@b.example");
	return list.n > 5 && i < 2;
}

static void lists_are_asked(void **state)
{
#define L "require [\"extlists\", \"variables\", \"fileinto\", \"envelope\"]; "
	static const struct sieve_case rows[] = {
		{ L "if address :list \"from\" \"tag:a.example,2026:friends\" { discard; }", .plan = "discard" },
		{ L "if address :list \"to\" \"tag:a.example,2026:friends\" { discard; }", .plan = "implicit" },
		{ L "if envelope :list \"from\" [\"empty\", \"tag:a.example,2026:friends\"] { fileinto \"${0}\"; }",
		  .from = "TIM@b.example", .plan = "fileinto TIM@b.example" },
		{ L "if string :list \"tim@b.example\" \"empty\" { discard; }", .plan = "implicit" },
		{ L "if string :list\n:comparator \"i;octet\" \"a\" \"empty\" { discard; }",
		  .plan = "compile error: t:2:13: error: \":list\" takes no comparator: how values are compared is its own matter\n" },
		{ L "if\nnot address :list \"to\" \"fiends\" { discard; }",
		  .plan = "implicit; t:2:5: error: there is no list \"fiends\"" },
		{ L "if valid_ext_list [\"empty\", \"tag:a.example,2026:friends\"] { discard; }", .plan = "discard" },
		{ L "if valid_ext_list [\"empty\", \"fiends\"] { discard; }", .plan = "implicit" },
		{ L "redirect :list \"tag:a.example,2026:friends\";",
		  .plan = "redirect coyote@desert.example.org; redirect tim@b.example" },
		{ L "redirect :list \"empty\";", .plan = "implicit" },
		{ L "\nredirect :list \"fiends\";", .plan = "implicit; t:2:1: error: there is no list \"fiends\"" },
		{ L "\nredirect \"tag:a.example,2026:friends\";",
		  .plan = "compile error: t:2:10: error: \"tag:a.example,2026:friends\" is no address to send to: expected one "
			  "such as \"user@example.org\"\n" },
		{ L "set \"x\" \"Tim <tim@b.example>\"; redirect \"${x}\";", .plan = "redirect tim@b.example" },
		{ "if\nheader :list \"a\" \"b\" { }",
		  .plan = "compile error: t:2:8: error: \":list\" needs the extension: expected require \"extlists\"; at the top "
			  "of the script\n" },
	};
#undef L

	(void)state;
	sieve_tools_input.listed = listed;
	sieve_tools_input.list_member = list_member;
	CHECK_PLANS(rows);
	sieve_tools_input.listed = NULL;
	sieve_tools_input.list_member = NULL;
}

static bool metadata(void *arg, struct slice mailbox, struct slice name, struct buf *out)
{
	(void)arg;
	if (!slice_eq(name, SLICE_LIT("/private/comment")) && !slice_eq(name, SLICE_LIT("/shared/empty")))
		return false;
	if (name.p[1] == 'p')
		(void)buf_addf(out, "of %.*s", (int)mailbox.n, mailbox.n > 0 ? mailbox.p : "");
	return mailbox.n == 0 || slice_eq(mailbox, SLICE_LIT("INBOX"));
}

static void annotations_are_asked(void **state)
{
#define M "require [\"mboxmetadata\", \"servermetadata\", \"relational\"]; if "
	static const struct sieve_case rows[] = {
		{ M "metadata \"INBOX\" \"/private/comment\" \"OF inbox\" { discard; }", .plan = "discard" },
		{ M "metadata \"INBOX\" \"/shared/empty\" \"\" { discard; }", .plan = "discard" },
		{ M "metadata :contains \"INBOX\" \"/private/none\" \"\" { discard; }", .plan = "implicit" },
		{ M "metadata :contains \"Other\" \"/private/comment\" \"\" { discard; }", .plan = "implicit" },
		{ M "metadata :count \"eq\" \"INBOX\" \"/private/none\" \"0\" { discard; }", .plan = "implicit" },
		{ M "metadataexists \"INBOX\" [\"/private/comment\", \"/shared/empty\"] { discard; }", .plan = "discard" },
		{ M "metadataexists \"INBOX\" [\"/private/comment\", \"/shared/none\"] { discard; }", .plan = "implicit" },
		{ M "servermetadata :matches \"/private/comment\" \"of *\" { discard; }", .plan = "discard" },
		{ M "servermetadata \"/private/comment\" \"of INBOX\" { discard; }", .plan = "implicit" },
		{ M "servermetadataexists \"/private/comment\" { discard; }", .plan = "discard" },
		{ M "servermetadataexists [\"/private/comment\", \"/x\"] { discard; }", .plan = "implicit" },
	};
	static const struct sieve_case nothing[] = {
		{ M "servermetadataexists \"/private/comment\" { discard; }", .plan = "implicit" },
		{ M "metadata :contains \"INBOX\" \"/private/comment\" \"\" { discard; }", .plan = "implicit" },
	};
#undef M

	(void)state;
	CHECK_PLANS(nothing);
	sieve_tools_input.metadata = metadata;
	CHECK_PLANS(rows);
	sieve_tools_input.metadata = NULL;
}

static bool id_exists(void *arg, struct slice id)
{
	(void)arg;
	return slice_eq(id, SLICE_LIT("F123")) || slice_eq(id, SLICE_LIT("x_-y"));
}

static void mailboxes_have_ids(void **state)
{
#define M "require [\"mailboxid\", \"fileinto\", \"mailbox\", \"variables\"]; "
	static const struct sieve_case rows[] = {
		{ M "if mailboxidexists [\"F123\", \"x_-y\"] { discard; }", .plan = "discard" },
		{ M "if mailboxidexists [\"F123\", \"f123\"] { discard; }", .plan = "implicit" },
		{ M "if mailboxidexists \"no such\" { discard; }", .plan = "implicit" },
		{ M "fileinto :mailboxid \"F123\" \"a\";", .plan = "fileinto a id F123" },
		{ M "fileinto :create :mailboxid \"F9\" \"a\"; fileinto \"a\";", .plan = "fileinto:create a id F9; fileinto a" },
		{ M "set \"x\" \"F1\"; fileinto :mailboxid \"${x}\" \"a\"; fileinto :mailboxid \"F1\" \"a\";",
		  .plan = "fileinto a id F1" },
		{ M "\nfileinto :mailboxid \"a b\" \"a\";",
		  .plan = "compile error: t:2:21: error: \"a b\" is no id of a mailbox: expected letters, digits, \"_\" and "
			  "\"-\"\n" },
	};
#undef M

	(void)state;
	sieve_tools_input.id_exists = id_exists;
	CHECK_PLANS(rows);
	sieve_tools_input.id_exists = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ihave_enables),
		cmocka_unit_test(deliverby_is_an_envelope),
		cmocka_unit_test(verdicts_are_numbers),
		cmocka_unit_test(verdicts_stand_where_the_operator_says),
		cmocka_unit_test(lists_are_asked),
		cmocka_unit_test(annotations_are_asked),
		cmocka_unit_test(mailboxes_have_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
