/* What the answers of stores mean: the words below are what each is known to say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "imap/answers.h"

enum { HOUR = 3600000 };

static void answers_mean_what_they_say(void **state)
{
	static const struct {
		enum imap_status status;
		const char *text;
		enum verdict body, head, folder;
		enum answer_account account, login;
		int64_t wait;
	} rows[] = {
#define V(body, head, folder) VERDICT_##body, VERDICT_##head, VERDICT_##folder
#define A(account, login)     ACCOUNT_##account, ACCOUNT_##login
		/* codes that are certain, whatever the text says */
		{ IMAP_NO, "[TRYCREATE] no", V(NO_FOLDER, NO_FOLDER, NO_FOLDER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[trycreate] Mailbox doesn't exist: Message contains bare newlines",
		  V(NO_FOLDER, NO_FOLDER, NO_FOLDER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[NONEXISTENT] Unknown Mailbox: Quota exceeded (Failure)",
		  V(NO_FOLDER, NO_FOLDER, NO_FOLDER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[TOOBIG] no", V(REFUSED, REFUSED, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[UNKNOWN-CTE] no", V(REFUSED, REFUSED, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[NOPERM] Permission denied", V(NO_PLACE, NO_PLACE, NO_PLACE), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[CANNOT] Invalid mailbox name", V(NO_PLACE, NO_PLACE, NO_PLACE), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[READ-ONLY] no", V(NO_PLACE, NO_PLACE, NO_PLACE), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[EXPIRED] no", V(HOLD, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "[PRIVACYREQUIRED] no", V(HOLD, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", V(DOUBT, HOLD, HOLD),
		  A(PERSON, PERSON), 0 },
		/* connections */
		{ IMAP_NO, "[ALERT] Too many simultaneous connections. (Failure)", V(DOUBT, LATER, LATER),
		  A(FEWER, FEWER), 0 },
		{ IMAP_NO,
		  "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
		  V(DOUBT, LATER, LATER), A(FEWER, FEWER), 0 },
		{ IMAP_NO, "[LIMIT] Maximum number of connections from user+IP exceeded", V(DOUBT, LATER, LATER),
		  A(FEWER, FEWER), 0 },
		/* traffic */
		{ IMAP_NO, "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", V(HOLD, HOLD, HOLD),
		  A(WAITS, WAITS), HOUR },
		{ IMAP_NO, "[LIMIT] bandwidth exceeded", V(HOLD, HOLD, HOLD), A(WAITS, WAITS), HOUR },
		{ IMAP_NO, "Account exceeded command or bandwidth limits.", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS),
		  HOUR },
		{ IMAP_NO, "Request is throttled. Suggested Backoff Time: 299961 milliseconds", V(DOUBT, HOLD, HOLD),
		  A(WAITS, WAITS), 299961 },
		{ IMAP_BAD, "Request is throttled. Suggested Backoff Time: 299961 milliseconds", V(DOUBT, HOLD, HOLD),
		  A(WAITS, WAITS), 299961 },
		{ IMAP_BAD, "Request is throttled.", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS), 0 },
		{ IMAP_NO, "[THROTTLED] no", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS), 0 },
		{ IMAP_NO, "[LIMIT] LOGIN Rate limit hit", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS), 60000 },
		{ IMAP_NO, "[LIMIT] too many messages", V(HOLD, HOLD, HOLD), A(WAITS, WAITS), 0 },
		/* no mailbox behind the login */
		{ IMAP_BAD, "User is authenticated but not connected.", V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "User is authenticated but not connected.", V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO,
		  "[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page. (Failure)",
		  V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO,
		  "[ALERT] You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
		  V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "[ALERT] Application-specific password required: https://support.example/",
		  V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "[WEBALERT https://accounts.example/] Web login required.", V(DOUBT, HOLD, HOLD),
		  A(PERSON, PERSON), 0 },
		/* how the message is written */
		{ IMAP_NO, "Message contains NUL characters", V(FORM, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Message contains bare newlines", V(FORM, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Message contains non-ASCII characters in headers", V(FORM, LATER, LATER),
		  A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Message contains invalid header", V(FORM, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_BAD, "Message contains bare newlines", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Message contains NUL", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		/* keywords */
		{ IMAP_NO, "[CANNOT] Invalid characters in keyword (0.001 + 0.000 secs).", V(LATER, LATER, LATER),
		  A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[LIMIT] too many keywords", V(LATER, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Too many user flags in mailbox", V(LATER, LATER, LATER), A(GOES_ON, PERSON), 0 },
		/* size */
		{ IMAP_NO, "[LIMIT] message too large", V(REFUSED, REFUSED, HOLD), A(GOES_ON, WAITS), 0 },
		{ IMAP_NO, "[LIMIT] Mailbox size limit reached", V(HOLD, HOLD, HOLD), A(FULL, WAITS), 0 },
		{ IMAP_NO, "Message size exceeds fixed limit", V(REFUSED, REFUSED, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "The message exceeds the maximum size", V(REFUSED, REFUSED, LATER), A(GOES_ON, PERSON), 0 },
		/* room */
		{ IMAP_NO, "[OVERQUOTA] Quota exceeded (mailbox for user is full) (0.001 + 0.000 secs).",
		  V(HOLD, HOLD, HOLD), A(FULL, WAITS), 0 },
		{ IMAP_NO, "Over quota", V(HOLD, HOLD, HOLD), A(FULL, WAITS), 0 },
		{ IMAP_NO, "maildir over quota", V(HOLD, HOLD, HOLD), A(FULL, WAITS), 0 },
		{ IMAP_NO, "[ALERT] You exceeded your mail quota.", V(HOLD, HOLD, HOLD), A(FULL, WAITS), 0 },
		/* folders, without a code */
		{ IMAP_NO, "Mailbox doesn't exist: Work", V(NO_FOLDER, NO_FOLDER, NO_FOLDER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Mailbox does not exist, or must be subscribed to.", V(NO_FOLDER, NO_FOLDER, NO_FOLDER),
		  A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Mailbox does not exist", V(NO_FOLDER, NO_FOLDER, NO_FOLDER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Invalid mailbox name", V(NO_PLACE, NO_PLACE, NO_PLACE), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Permission denied", V(NO_PLACE, NO_PLACE, NO_PLACE), A(GOES_ON, PERSON), 0 },
		/* faults */
		{ IMAP_NO, "Server Unavailable. 15", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS), 0 },
		{ IMAP_NO, "Lookup failed 5cfc1ab0", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS), 0 },
		{ IMAP_NO, "System I/O error", V(DOUBT, LATER, LATER), A(GOES_ON, WAITS), 0 },
		{ IMAP_NO, "[SERVERBUG] Internal error occurred. Refer to server log for more information.",
		  V(DOUBT, LATER, LATER), A(GOES_ON, WAITS), 0 },
		{ IMAP_NO, "Unexpected exception", V(DOUBT, LATER, LATER), A(GOES_ON, WAITS), 0 },
		{ IMAP_BAD, "Error in IMAP command received by server.", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[UNAVAILABLE] Temporary authentication failure.", V(DOUBT, HOLD, HOLD), A(WAITS, WAITS),
		  0 },
		{ IMAP_NO, "mechanism temporarily disabled", V(DOUBT, LATER, LATER), A(GOES_ON, WAITS), 0 },
		{ IMAP_BAD, "mechanism unavailable", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[INUSE] locked", V(LATER, LATER, LATER), A(GOES_ON, WAITS), 0 },
		{ IMAP_NO, "[CONTACTADMIN] no", V(DOUBT, HOLD, HOLD), A(PERSON, PERSON), 0 },
		{ IMAP_NO, "Error in IMAP command received by server.", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		/* what nobody knows */
		{ IMAP_NO, "APPEND [TRYCREATE] failed", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Login failed: authentication failure", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "Login failed.", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "no", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "LOGIN failed.", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "[X-OTHER] no", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_BAD, "APPEND Unrecognized flag", V(LATER, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_NO, "APPEND Unrecognized flag", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_BAD, "what?", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_BAD, "[OVERQUOTA] what?", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		{ IMAP_BAD, "[TRYCREATE] what?", V(DOUBT, LATER, LATER), A(GOES_ON, PERSON), 0 },
		/* good ones */
		{ IMAP_OK, "[APPENDUID 1 2] (Success)", V(DONE, DONE, DONE), A(GOES_ON, GOES_ON), 0 },
		{ IMAP_OK, "[APPENDUID 1 2] [THROTTLED] (Success)", V(DONE, DONE, DONE), A(SLOWER, SLOWER), 0 },
		{ IMAP_OK, "done. Suggested Backoff Time: 7 milliseconds", V(DONE, DONE, DONE), A(SLOWER, SLOWER), 7 },
		{ IMAP_OK, "[OVERQUOTA] Over quota", V(DONE, DONE, DONE), A(GOES_ON, GOES_ON), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum verdict login = rows[i].status == IMAP_OK ? VERDICT_DONE : VERDICT_HOLD;
		struct imap_reply r;

		imap_reply_parse(rows[i].status, rows[i].text, &r);
		if (answers_read(&r, ANSWER_BODY).verdict != rows[i].body ||
		    answers_read(&r, ANSWER_HEAD).verdict != rows[i].head ||
		    answers_read(&r, ANSWER_FOLDER).verdict != rows[i].folder ||
		    answers_read(&r, ANSWER_LOGIN).verdict != login ||
		    answers_read(&r, ANSWER_BODY).account != rows[i].account ||
		    answers_read(&r, ANSWER_HEAD).account != rows[i].account ||
		    answers_read(&r, ANSWER_FOLDER).account != rows[i].account ||
		    answers_read(&r, ANSWER_LOGIN).account != rows[i].login ||
		    answers_read(&r, ANSWER_BODY).wait_ms != rows[i].wait)
			fail_msg("row %zu: %s", i, rows[i].text);
	}
}

/* The rule that keeps the promise: from every row, whatever else the text says. */
static void bad_behind_a_body_is_always_a_doubt(void **state)
{
	static const char *const texts[] = { "",
					     "[TRYCREATE] x",
					     "[TOOBIG] x",
					     "[OVERQUOTA] x",
					     "Quota exceeded",
					     "Permission denied",
					     "[LIMIT] size" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct imap_reply r;

		imap_reply_parse(IMAP_BAD, texts[i], &r);
		assert_int_equal(answers_read(&r, ANSWER_BODY).verdict, VERDICT_DOUBT);
	}
}

static void goodbyes_are_read_too(void **state)
{
	static const struct {
		const char *text;
		enum answer_account account;
		int64_t wait;
	} rows[] = {
		{ "[ALERT] Account exceeded command or bandwidth limits.", ACCOUNT_WAITS, HOUR },
		{ "Too many simultaneous connections", ACCOUNT_FEWER, 0 },
		{ "Request is throttled. Suggested Backoff Time: 1000 milliseconds", ACCOUNT_WAITS, 1000 },
		{ "Server Unavailable. 15", ACCOUNT_WAITS, 0 },
		{ "[UNAVAILABLE] shutting down", ACCOUNT_WAITS, 0 },
		{ "Lookup failed", ACCOUNT_WAITS, 0 },
		{ "Disconnected for inactivity.", ACCOUNT_GOES_ON, 0 },
		{ "Server shutting down.", ACCOUNT_GOES_ON, 0 },
		{ "[TRYCREATE] what?", ACCOUNT_GOES_ON, 0 },
		{ "", ACCOUNT_GOES_ON, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct answer a = answers_read_bye(rows[i].text);

		if (a.account != rows[i].account || a.wait_ms != rows[i].wait)
			fail_msg("row %zu: %s", i, rows[i].text);
		assert_int_equal(a.verdict, VERDICT_HOLD);
	}
}

static void times_to_wait_are_read_and_capped(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
		bool grows;
	} rows[] = {
		{ "Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299961, false },
		{ "suggested backoff time: 5", 5, false },
		{ "Suggested Backoff Time: 0 milliseconds", 1, false },
		{ "Suggested Backoff Time: 99999999999999999999 milliseconds", HOUR, false },
		{ "Suggested Backoff Time: -5 milliseconds", 0, false },
		{ "Suggested Backoff Time: soon", 0, false },
		{ "Suggested Backoff Time:", 0, false },
		{ "the store said: [OVERQUOTA] out of bandwidth", HOUR, true },
		{ "out of bandwidth", 0, false },
		{ "imap.example.net said goodbye: Account exceeded command or bandwidth limits.", HOUR, true },
		{ "no such thing", 0, false },
	};
	bool grows;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(answers_wait(rows[i].text, &grows), rows[i].ms);
		assert_int_equal(grows, rows[i].grows);
		assert_int_equal(answers_wait(rows[i].text, NULL), rows[i].ms);
	}
}

static void advice_goes_with_what_a_person_can_mend(void **state)
{
	struct imap_reply r;

	(void)state;
	imap_reply_parse(IMAP_NO, "[ALERT] Your account is not enabled for IMAP use.", &r);
	assert_non_null(strstr(answers_read(&r, ANSWER_LOGIN).advice, "IMAP"));
	assert_string_equal(answers_read(&r, ANSWER_LOGIN).seen, "Gmail");
	imap_reply_parse(IMAP_NO, "nobody ever said this", &r);
	assert_null(answers_read(&r, ANSWER_LOGIN).advice);
	assert_null(answers_read(&r, ANSWER_LOGIN).seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_mean_what_they_say),
		cmocka_unit_test(bad_behind_a_body_is_always_a_doubt),
		cmocka_unit_test(goodbyes_are_read_too),
		cmocka_unit_test(times_to_wait_are_read_and_capped),
		cmocka_unit_test(advice_goes_with_what_a_person_can_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
