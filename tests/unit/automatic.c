/* Whether a program may answer (RFC 5230, 4.5 and 4.6; RFC 3834, 2), and until when a redirect is to be delivered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sieve/automatic.h"
#include "sieve/redirect.h"

#define TO "To: info@office.example\r\n"

static const struct {
	const char *from, *header;
	enum automatic want;
} rows[] = {
	{ "anna@example.com", TO, AUTOMATIC_NOT },
	{ "", TO, AUTOMATIC_NULL_SENDER },
	{ "anna", TO, AUTOMATIC_NO_SENDER },
	{ "a b@example.com", TO, AUTOMATIC_NO_SENDER },
	{ "INFO@Office.example", TO, AUTOMATIC_ONESELF },
	{ "second@office.example", TO, AUTOMATIC_ONESELF },
	{ "Mailer-Daemon@example.com", TO, AUTOMATIC_PROGRAM },
	{ "listserv@example.com", TO, AUTOMATIC_PROGRAM },
	{ "MAJORDOMO@example.com", TO, AUTOMATIC_PROGRAM },
	{ "owner-x@example.com", TO, AUTOMATIC_PROGRAM },
	{ "x-request@example.com", TO, AUTOMATIC_PROGRAM },
	{ "no-reply@example.com", TO, AUTOMATIC_PROGRAM },
	{ "bounces+info=office.example@example.com", TO, AUTOMATIC_PROGRAM },
	{ "request@example.com", TO, AUTOMATIC_NOT },
	{ "postmaster@example.com", TO, AUTOMATIC_NOT },
	{ "homeowner@example.com", TO, AUTOMATIC_NOT },
	{ "anna@example.com", TO "Auto-Submitted: auto-generated\r\n", AUTOMATIC_SUBMITTED },
	{ "anna@example.com", TO "auto-submitted:\r\n (x (y)) auto-replied; a=b\r\n", AUTOMATIC_SUBMITTED },
	{ "anna@example.com", TO "Auto-Submitted: whatever\r\n", AUTOMATIC_SUBMITTED },
	{ "anna@example.com", TO "Auto-Submitted: NO\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", TO "Auto-Submitted: no; by=\"a person\"\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", TO "Auto-Submitted: (auto-replied) no\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", TO "Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n", AUTOMATIC_SUBMITTED },
	{ "anna@example.com", TO "Auto-Submitted: (\r\n", AUTOMATIC_SUBMITTED }, /* anything but "no" (RFC 3834, 2) */
	{ "anna@example.com", TO "Auto-Submitted:\r\n", AUTOMATIC_SUBMITTED },
	{ "anna@example.com", TO "Content-Type: multipart/report; report-type=delivery-status\r\n", AUTOMATIC_REPORT },
	{ "anna@example.com", TO "Content-Type: multipart/mixed\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", TO "From: Mail System <MAILER-DAEMON@example.com>\r\n", AUTOMATIC_REPORT },
	{ "anna@example.com", TO "List-Id: <x.example>\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Help:\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Subscribe: x\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Unsubscribe: x\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Post: x\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Owner: x\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Archive: x\r\n", AUTOMATIC_LIST },
	{ "anna@example.com", TO "List-Price: x\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", TO "Precedence: Bulk\r\n", AUTOMATIC_PRECEDENCE },
	{ "anna@example.com", TO "Precedence: junk (x)\r\n", AUTOMATIC_PRECEDENCE },
	{ "anna@example.com", TO "Precedence: list\r\n", AUTOMATIC_PRECEDENCE },
	{ "anna@example.com", TO "Precedence: first-class\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "", AUTOMATIC_NOT_TO },
	{ "anna@example.com", "To: other@office.example\r\n", AUTOMATIC_NOT_TO },
	{ "anna@example.com", "From: info@office.example\r\n", AUTOMATIC_NOT_TO },
	{ "anna@example.com", "Delivered-To: info@office.example\r\n", AUTOMATIC_NOT_TO },
	{ "anna@example.com", "To: \"info@office.example\" <other@office.example>\r\n", AUTOMATIC_NOT_TO },
	{ "anna@example.com", "cc: x@y.example, Info <Info@OFFICE.example>\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "Bcc: team: a@b.example, info@office.example;\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "Resent-To: info@office.example\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "Resent-Cc: second@office.example\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "Resent-Bcc: info@office.example\r\n", AUTOMATIC_NOT },
	{ "anna@example.com", "To: x@y.example\r\nTo: broken <, info@office.example\r\n", AUTOMATIC_NOT },
};

static void only_persons_are_answered(void **state)
{
	const struct slice own[] = { SLICE_LIT("info@office.example"), SLICE_LIT("nonsense"), SLICE_LIT(" second@office.example ") };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct header h;
		struct automatic_facts f = { &h, slice_str(rows[i].from), own, 3 };
		enum automatic got, sent;

		header_parse(&h, slice_str(rows[i].header));
		got = automatic_judge(&f);
		sent = automatic_sent(&f);
		if (got != rows[i].want)
			fail_msg("from <%s>\n%s: %s", rows[i].from, rows[i].header, automatic_text(got));
		assert_int_equal(sent, got == AUTOMATIC_NOT_TO ? AUTOMATIC_NOT : got);
		assert_int_equal(automatic_submitted(&h), got == AUTOMATIC_SUBMITTED);
		header_free(&h);
	}
}

static const struct {
	const char *text;
	int64_t ms; /* -1: it is none */
} times[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01t00:00:01z", 1000 },
	{ "1970-01-01T01:00:00+01:00", 0 },
	{ "1969-12-31T23:00:00-01:00", 0 },
	{ "1970-01-01T00:00:00.999Z", 0 },
	{ "2000-02-29T12:00:00+0000", INT64_C(951825600000) },
	{ "1900-02-29T12:00:00Z", -1 },
	{ "2001-02-29T12:00:00Z", -1 },
	{ "2001-13-01T12:00:00Z", -1 },
	{ "2001-00-01T12:00:00Z", -1 },
	{ "2001-01-00T12:00:00Z", -1 },
	{ "2001-01-01T24:00:00Z", -1 },
	{ "2001-01-01T12:60:00Z", -1 },
	{ "2001-01-01T12:00:61Z", -1 },
	{ "2001-01-01T12:00:00", -1 },
	{ "2001-01-01T12:00:00.Z", -1 },
	{ "2001-01-01T12:00Z", -1 },
	{ "2001-01-01", -1 },
	{ "2001-01-01T12:00:00Zx", -1 },
	{ "2001-01-01T12:00:00+24:00", -1 },
	{ "", -1 },
};

static void times_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t ms = -1;
		const int r = redirect_time(slice_str(times[i].text), &ms);

		if ((r == 0) != (times[i].ms >= 0) || (r == 0 && ms != times[i].ms))
			fail_msg("\"%s\": %d, %lld", times[i].text, r, (long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_persons_are_answered),
		cmocka_unit_test(times_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
