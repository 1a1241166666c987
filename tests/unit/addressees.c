/* From the header of a fetched message to its envelope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/load.h"
#include "intake/addressees.h"
#include "msg/received.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "accounts = { office = { host = \"h\"; user = \"u\"; password = \"p\"; addresses = [ \"@office.example\" ]; };\n"
    "  boss = { host = \"h\"; user = \"v\"; password = \"p\"; addresses = [ \"boss@office.example\", "
    "\"b@x.example\" ]; }; };\n";

static struct config *config_of(void)
{
	struct buf errors;
	struct config *c;

	buf_init(&errors, 10000);
	c = config_check("t", slice_str(config), &errors);
	assert_string_equal(buf_str(&errors), "");
	buf_free(&errors);
	return c;
}

static struct header header_of(const char *text)
{
	struct header h;

	header_parse(&h, slice_str(text));
	return h;
}

#define D     "Delivered-To: "
#define AB    "a@office.example"
#define OTHER "x@far.example"

static const struct {
	const char *name;
	const char *headers[4];
	const char *mailbox;
	const char *text;
	const char *want; /* "account:address …"; NULL: none */
	const char *told, *other;
} rows[] = {
	{ "one", { "Delivered-To" }, NULL, D AB "\r\n", "office:a@office.example", "Delivered-To", NULL },
	{ "none", { "Delivered-To" }, NULL, "To: " AB "\r\n", NULL, NULL, NULL },
	{ "nobody's", { "Delivered-To" }, NULL, D OTHER "\r\n", NULL, NULL, OTHER },
	{ "in brackets, in capitals",
	  { "delivered-to" },
	  NULL,
	  "DELIVERED-TO: <A@Office.Example>\r\n",
	  "office:A@Office.Example",
	  "delivered-to",
	  NULL },
	{ "folded, with a name and a comment",
	  { "Envelope-To" },
	  NULL,
	  "Envelope-to: \"A, B\"\r\n <a@office.example> (c@office.example)\r\n",
	  "office:a@office.example",
	  "Envelope-To",
	  NULL },
	{ "a list",
	  { "Envelope-To" },
	  NULL,
	  "Envelope-to: a@office.example, b@x.example,\r\n\tx@far.example\r\n",
	  "office:a@office.example boss:b@x.example",
	  "Envelope-To",
	  "x@far.example" },
	{ "a group",
	  { "X-Envelope-To" },
	  NULL,
	  "X-Envelope-To: all: a@office.example, b@x.example;\r\n",
	  "office:a@office.example boss:b@x.example",
	  "X-Envelope-To",
	  NULL },
	{ "the same twice",
	  { "Envelope-To" },
	  NULL,
	  "Envelope-to: a@office.example, A@office.example\r\n",
	  "office:a@office.example",
	  "Envelope-To",
	  NULL },
	{ "the newest counts",
	  { "Delivered-To" },
	  NULL,
	  D "boss@office.example\r\nReceived: from a by b\r\n" D AB "\r\n",
	  "boss:boss@office.example",
	  "Delivered-To",
	  NULL },
	{ "the newest that is ours counts",
	  { "Delivered-To" },
	  NULL,
	  D OTHER "\r\nReceived: from a by b\r\n" D AB "\r\nReceived: from b by c\r\n" D "b@x.example\r\n",
	  "office:a@office.example",
	  "Delivered-To",
	  OTHER },
	{ "those right below it count too",
	  { "Delivered-To" },
	  NULL,
	  D AB "\r\n" D OTHER "\r\n" D "b@x.example\r\nReceived: from a by b\r\n" D "boss@office.example\r\n",
	  "office:a@office.example boss:b@x.example",
	  "Delivered-To",
	  OTHER },
	{ "the order is the operator's",
	  { "X-Original-To", "Delivered-To" },
	  NULL,
	  D AB "\r\nX-Original-To: b@x.example\r\n",
	  "boss:b@x.example",
	  "X-Original-To",
	  NULL },
	{ "and goes on to the next",
	  { "X-Original-To", "Delivered-To" },
	  NULL,
	  D AB "\r\nX-Original-To: " OTHER "\r\n",
	  "office:a@office.example",
	  "Delivered-To",
	  OTHER },
	{ "the mailbox itself is no recipient",
	  { "Delivered-To" },
	  "all@office.example",
	  D "all@office.example\r\n" D AB "\r\n",
	  "office:a@office.example",
	  "Delivered-To",
	  NULL },
	{ "also when another header must be asked",
	  { "Delivered-To", "X-Original-To" },
	  "all@office.example",
	  D "all@office.example\r\nX-Original-To: " AB "\r\n",
	  "office:a@office.example",
	  "X-Original-To",
	  NULL },
	{ "unless there is nothing else",
	  { "Delivered-To", "X-Original-To" },
	  "ALL@office.example",
	  D "all@office.example\r\n",
	  "office:all@office.example",
	  "Delivered-To",
	  NULL },
	{ "Received",
	  { "Received" },
	  NULL,
	  "Received: from a (b [192.0.2.1]) by c with ESMTPS id x\r\n\tfor <a@office.example>; Mon, 2 Mar 2026 "
	  "10:00:00 +0000\r\n",
	  "office:a@office.example",
	  "Received",
	  NULL },
	{ "Received without brackets",
	  { "Received" },
	  NULL,
	  "Received: from a by c with local id x for a@office.example; Mon, 2 Mar 2026 10:00:00 +0000\r\n",
	  "office:a@office.example",
	  "Received",
	  NULL },
	{ "Received with words that no standard has",
	  { "Received" },
	  NULL,
	  "Received: from a by c with Big SMTP Server (TLS) tls x id 1.2 via Front End for <a@office.example>; Mon\r\n",
	  "office:a@office.example",
	  "Received",
	  NULL },
	{ "not in comments, quotes and dates",
	  { "Received" },
	  NULL,
	  "Received: from a (for <b@x.example>) by \"for b@x.example\" id x; for <b@x.example>\r\n",
	  NULL,
	  NULL,
	  NULL },
	{ "the newest Received that names one of ours",
	  { "Received" },
	  NULL,
	  "Received: from a by b for <x@far.example>; Mon\r\nReceived: from a by b; Mon\r\n"
	  "Received: from a by b for <a@office.example>; Mon\r\nReceived: from a by b for <b@x.example>; Mon\r\n",
	  "office:a@office.example",
	  "Received",
	  "x@far.example" },
	{ "only that one",
	  { "Received" },
	  NULL,
	  "Received: from a by b for <a@office.example>; Mon\r\nReceived: from a by b for <b@x.example>; Mon\r\n",
	  "office:a@office.example",
	  "Received",
	  NULL },
	{ "a user without a domain is nobody here",
	  { "X-Original-To" },
	  NULL,
	  "X-Original-To: boss\r\n",
	  NULL,
	  NULL,
	  NULL },
	{ "detail",
	  { "Delivered-To" },
	  NULL,
	  D "boss+x@office.example\r\n",
	  "boss:boss+x@office.example",
	  "Delivered-To",
	  NULL },
	{ "garbage",
	  { "Delivered-To", "Received" },
	  NULL,
	  D ",,;:@@\"\\\r\n" D "\r\n" D "(((\r\nReceived: for for <> for @;\r\n:\r\n \r\nDelivered-To\r\n",
	  NULL,
	  NULL,
	  NULL },
};

static void recipients_are_found(void **state)
{
	struct config *c = config_of();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct header h = header_of(rows[i].text);
		struct addressees a;
		struct buf got;
		char *names[4];
		size_t n = 0;

		while (n < 4 && rows[i].headers[n] != NULL) {
			names[n] = (char *)(uintptr_t)rows[i].headers[n];
			n++;
		}
		buf_init(&got, 10000);
		addressees_find(&a, c, &h, names, n, rows[i].mailbox);
		for (size_t j = 0; j < a.n; j++)
			(void)buf_addf(&got, "%s%s:%s@%s", j == 0 ? "" : " ", a.all[j].account->name,
				       a.all[j].address.local, a.all[j].address.domain);
		if (strcmp(buf_str(&got), rows[i].want == NULL ? "" : rows[i].want) != 0)
			print_error("%s: got %s\n", rows[i].name, buf_str(&got));
		assert_string_equal(buf_str(&got), rows[i].want == NULL ? "" : rows[i].want);
		if (rows[i].told == NULL)
			assert_null(a.header);
		else
			assert_string_equal(a.header, rows[i].told);
		if (rows[i].other == NULL)
			assert_null(a.other);
		else
			assert_string_equal(a.other, rows[i].other);
		assert_false(a.many);
		addressees_free(&a);
		header_free(&h);
		buf_free(&got);
	}
	config_free(&c);
}

/* Ten thousand fields, and a field with a thousand addresses: soon over, and nothing is dropped without a word. */
static void what_is_too_much_is_said(void **state)
{
	static char *const names[] = { (char *)(uintptr_t) "Delivered-To", (char *)(uintptr_t) "Received",
				       (char *)(uintptr_t) "Delivered-To" };
	struct config *c = config_of();
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (unsigned many = 0; many < 4; many++) {
		struct addressees a;
		struct header h;

		buf_clear(&text);
		for (unsigned i = 0; i < 10000 && many < 2; i++)
			(void)buf_addf(&text, "Delivered-To: u%u@%s.example\r\n", i, many == 0 ? "far" : "office");
		if (many >= 2)
			(void)buf_add_str(&text, "Delivered-To: ");
		for (unsigned i = 0; i < 1000 && many >= 2; i++)
			(void)buf_addf(&text, "u%u@%s.example,\r\n\t", i, many == 2 ? "far" : "office");
		(void)buf_add_str(&text, "z@far.example\r\n");
		h = header_of(buf_str(&text));
		addressees_find(&a, c, &h, names, COUNT(names), "all@office.example");
		assert_int_equal(a.n, many % 2 == 0 ? 0 : ADDRESSEES_MAX);
		assert_int_equal(a.many, many % 2 == 1);
		assert_int_equal(a.other != NULL, many % 2 == 0);
		addressees_free(&a);
		header_free(&h);
	}
	buf_free(&text);
	config_free(&c);
}

static void senders_are_found(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "Return-Path: <a@b.example>\r\nFrom: c@d.example\r\n", "a@b.example" },
		{ "Return-Path: a@b.example\r\n", "a@b.example" },
		{ "return-path: <>\r\nFrom: c@d.example\r\n", "" },
		{ "Return-Path: <MAILER-DAEMON>\r\nFrom: c@d.example\r\n", "" },
		{ "Return-Path: <mailer-daemon@b.example>\r\nFrom: c@d.example\r\n", "" },
		{ "Return-Path: <a@b.example>\r\nReturn-Path: <c@d.example>\r\n", "a@b.example" },
		{ "Return-Path: <a@@>\r\nFrom: c@d.example\r\n", "c@d.example" },
		{ "From: C <c@d.example>, e@f.example\r\n", "c@d.example" },
		{ "From: c@d.example\r\nSender: s@d.example\r\n", "s@d.example" },
		{ "From: Mail System <MAILER-DAEMON@d.example>\r\n", "" },
		{ "From: nobody\r\n", "" },
		{ "From: \"a b\"@d.example\r\n", "\"a b\"@d.example" },
		{ "Subject: x\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct header h = header_of(cases[i].text);
		char *got = addressees_sender(&h);

		assert_string_equal(got, cases[i].want);
		free(got);
		header_free(&h);
	}
}

static void times_are_found(void **state)
{
	const int64_t now = 1772445600000; /* 2 March 2026 10:00 */
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000\r\nReceived: from a by b; Sun, 1 Mar 2026 "
		  "09:00:00 +0000\r\nDate: Sun, 1 Mar 2026 08:00:00 +0000\r\n",
		  1772442000000 },
		{ "Received: from a (b; c) by b; Mon, 2 Mar 2026 09:00:00 +0000 (x)\r\n", 1772442000000 },
		{ "Received: from a by b; Mon, 2 Mar 2026 09:00:00 +0000 (x; y)\r\n", 1772442000000 },
		{ "Received: from a by b\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n", 1772442000000 },
		{ "Received: from a by b; soon\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n", 1772442000000 },
		{ "Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n", 1772442000000 },
		{ "Date: Mon, 2 Mar 2026 11:00:00 +0000\r\n", 1772445600000 },
		{ "Received: from a by b; Mon, 2 Mar 2099 11:00:00 +0000\r\n", 1772445600000 },
		{ "Date: never\r\n", 1772445600000 },
		{ "", 1772445600000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct header h = header_of(cases[i].text);

		assert_int_equal(addressees_arrival(&h, now), cases[i].want);
		header_free(&h);
	}
}

#define BY "by mail.office.example with SMTP id 0123456789abcdef"
#define US "Received: from a " BY "; Mon\r\n"

static void passes_are_counted(void **state)
{
	static const struct {
		const char *text;
		size_t want;
	} cases[] = {
		{ "", 0 },
		{ D AB "\r\n", 0 },
		{ US, 0 },
		{ D AB "\r\n" US, 1 },
		{ D "A@Office.EXAMPLE\r\n" US, 1 },
		{ D AB "\r\n" D OTHER "\r\n" US, 1 },
		{ D OTHER "\r\n" US D AB "\r\n", 0 },
		{ "Received: from a " BY " for <" AB ">; Mon\r\n", 1 },
		{ "Received: from a " BY " for <" OTHER ">; Mon\r\n", 0 },
		{ "Received: from a by MAIL.office.example id 0123456789abcdef for <" AB ">; Mon\r\n", 1 },
		{ "Received: from a by mail.far.example id 0123456789abcdef for <" AB ">; Mon\r\n", 0 },
		{ "Received: from a by mail.office.example id 4ABCdef for <" AB ">; Mon\r\n", 0 },
		{ D AB "\r\n" US "X: y\r\n" D AB "\r\n" US, 2 },
	};
	char local[] = "a", domain[] = "office.example";
	const struct address a = { local, domain };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct header h = header_of(cases[i].text);

		assert_int_equal(received_before(&h, SLICE_LIT("mail.office.example"), &a), cases[i].want);
		header_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_are_found), cmocka_unit_test(what_is_too_much_is_said),
		cmocka_unit_test(senders_are_found),	cmocka_unit_test(times_are_found),
		cmocka_unit_test(passes_are_counted),
	};

	return cmocka_run_group_tests_name("addressees", tests, NULL, NULL);
}
