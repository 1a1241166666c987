#include "imap/answers.h"

#include <string.h>

enum { WAIT_MAX_MS = 60 * 60 * 1000, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

enum { NO = 1 << IMAP_NO, BAD = 1 << IMAP_BAD, BYE = 1 << 3, NOT_OK = NO | BAD | BYE };

/* The columns, short enough to be read as a table. */
enum {
	NO_FOLDER = VERDICT_NO_FOLDER,
	NO_PLACE = VERDICT_NO_PLACE,
	REFUSED = VERDICT_REFUSED,
	FORM = VERDICT_FORM,
	LATER = VERDICT_LATER,
	HOLD = VERDICT_HOLD,
	DOUBT = VERDICT_DOUBT,

	GOES_ON = ACCOUNT_GOES_ON,
	FEWER = ACCOUNT_FEWER,
	FULL = ACCOUNT_FULL,
	WAITS = ACCOUNT_WAITS,
	PERSON = ACCOUNT_PERSON
};

struct row {
	unsigned status;
	const char *code; /* NULL: any or none */
	const char *text; /* somewhere in it, in any case; NULL: any */
	int login;	  /* account, when it answers a login */
	int folder, head, body, account;
	int64_t wait_ms; /* grows */
	const char *seen, *advice;
};

static const char enable_imap[] = "switch IMAP on for this mailbox at its provider";
static const char app_password[] = "make an app password at the provider, or log in with OAuth";
static const char provider[] = "ask the provider, or log in to its web mail, to see what it wants";

/*
 * The first row that fits counts. Codes that are certain come first, for the
 * text behind them may hold a folder's name; then texts, for some stores say
 * with one code what needs different answers; then the other codes.
 */
static const struct row rows[] = {
	/* status, code, text, login, folder, head, body, account, wait, seen */
	{ NO, "TRYCREATE", NULL, PERSON, NO_FOLDER, NO_FOLDER, NO_FOLDER, GOES_ON, 0, "all", NULL },
	{ NO, "NONEXISTENT", NULL, PERSON, NO_FOLDER, NO_FOLDER, NO_FOLDER, GOES_ON, 0, "Dovecot, Cyrus, Gmail", NULL },
	{ NO, "TOOBIG", NULL, PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "RFC 7889", NULL },
	{ NO, "UNKNOWN-CTE", NULL, PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "Dovecot, Cyrus", NULL },
	/* Keywords that the store does not take: it is sent again without them. */
	{ NO, "CANNOT", "keyword", PERSON, LATER, LATER, LATER, GOES_ON, 0, "Dovecot", NULL },
	{ NO, "LIMIT", "keyword", PERSON, LATER, LATER, LATER, GOES_ON, 0, "RFC 5530", NULL },
	{ NO, NULL, "Too many user flags", PERSON, LATER, LATER, LATER, GOES_ON, 0, "Cyrus", NULL },
	{ NO, "NOPERM", NULL, PERSON, NO_PLACE, NO_PLACE, NO_PLACE, GOES_ON, 0, "Dovecot, Cyrus", NULL },
	{ NO, "CANNOT", NULL, PERSON, NO_PLACE, NO_PLACE, NO_PLACE, GOES_ON, 0, "Dovecot, Gmail", NULL },
	{ NO, "READ-ONLY", NULL, PERSON, NO_PLACE, NO_PLACE, NO_PLACE, GOES_ON, 0, "Dovecot", NULL },
	{ NO, "AUTHENTICATIONFAILED", NULL, PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "all", NULL },
	{ NO, "AUTHORIZATIONFAILED", NULL, PERSON, HOLD, HOLD, HOLD, PERSON, 0, "RFC 5530", NULL },
	{ NO, "EXPIRED", NULL, PERSON, HOLD, HOLD, HOLD, PERSON, 0, "RFC 5530", "give it a new password" },
	{ NO, "PRIVACYREQUIRED", NULL, PERSON, HOLD, HOLD, HOLD, PERSON, 0, "RFC 5530",
	  "set tls to \"implicit\" or \"starttls\"" },

	/* Too many connections: nothing is wrong. */
	{ NOT_OK, NULL, "too many simultaneous connections", FEWER, LATER, LATER, DOUBT, FEWER, 0, "Gmail", NULL },
	{ NOT_OK, NULL, "maximum number of connections", FEWER, LATER, LATER, DOUBT, FEWER, 0, "Dovecot", NULL },
	{ NOT_OK, NULL, "too many connections", FEWER, LATER, LATER, DOUBT, FEWER, 0, "Yahoo, Zoho", NULL },
	{ NOT_OK, NULL, "too many open connections", FEWER, LATER, LATER, DOUBT, FEWER, 0, "Cyrus", NULL },

	/* Too much traffic: Gmail shuts an account out for up to a day. */
	{ NO, "OVERQUOTA", "bandwidth", WAITS, HOLD, HOLD, HOLD, WAITS, HOUR_MS, "Gmail", NULL },
	{ NO, "LIMIT", "bandwidth", WAITS, HOLD, HOLD, HOLD, WAITS, HOUR_MS, "Gmail", NULL },
	{ NOT_OK, NULL, "command or bandwidth limits", WAITS, HOLD, HOLD, DOUBT, WAITS, HOUR_MS, "Gmail", NULL },

	/* Throttles; a time that is named is read by answers_wait. */
	{ NOT_OK, NULL, "Suggested Backoff Time", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Exchange", NULL },
	{ NOT_OK, NULL, "Request is throttled", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Exchange", NULL },
	{ NOT_OK, NULL, "Rate limit hit", WAITS, HOLD, HOLD, DOUBT, WAITS, MINUTE_MS, "Yahoo", NULL },

	/* Logged in, but without a mailbox behind it. */
	{ NOT_OK, NULL, "authenticated but not connected", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Exchange",
	  "see whether the user may open this mailbox, has a licence, and IMAP is switched on for it" },
	{ NOT_OK, NULL, "not enabled for IMAP", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Gmail", enable_imap },
	{ NOT_OK, NULL, "yet to enable IMAP", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Zoho", enable_imap },
	{ NO, NULL, "Application-specific password required", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Gmail",
	  app_password },
	{ NO, NULL, "via your web browser", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Gmail", provider },
	{ NO, NULL, "Web login required", PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Gmail", provider },
	{ NO, "WEBALERT", NULL, PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "Gmail", provider },

	/* How the message is written. These are found while it is read, before it is kept. */
	{ NO, NULL, "Message contains NUL characters", PERSON, LATER, LATER, FORM, GOES_ON, 0, "Cyrus", NULL },
	{ NO, NULL, "Message contains bare newlines", PERSON, LATER, LATER, FORM, GOES_ON, 0, "Cyrus", NULL },
	{ NO, NULL, "Message contains non-ASCII characters in headers", PERSON, LATER, LATER, FORM, GOES_ON, 0, "Cyrus",
	  NULL },
	{ NO, NULL, "Message contains invalid header", PERSON, LATER, LATER, FORM, GOES_ON, 0, "Cyrus", NULL },
	{ NO, NULL, "Message has no header/body separator", PERSON, LATER, LATER, FORM, GOES_ON, 0, "Cyrus", NULL },

	/* Its size: known before it is kept. */
	{ NO, "LIMIT", "mailbox size", WAITS, HOLD, HOLD, HOLD, FULL, 0, "RFC 5530", NULL },
	{ NO, "LIMIT", "quota", WAITS, HOLD, HOLD, HOLD, FULL, 0, "RFC 5530", NULL },
	{ NO, "LIMIT", "size", WAITS, HOLD, REFUSED, REFUSED, GOES_ON, 0, "RFC 5530", NULL },
	{ NO, "LIMIT", "large", WAITS, HOLD, REFUSED, REFUSED, GOES_ON, 0, "RFC 5530", NULL },
	{ NO, "LIMIT", "big", WAITS, HOLD, REFUSED, REFUSED, GOES_ON, 0, "RFC 5530", NULL },
	{ NO, NULL, "maximum message size", PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "many", NULL },
	{ NO, NULL, "exceeds the maximum size", PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "many", NULL },
	{ NO, NULL, "Message size exceeds", PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "Cyrus", NULL },
	{ NO, NULL, "Message too large", PERSON, LATER, REFUSED, REFUSED, GOES_ON, 0, "many", NULL },

	/* Room: counted before it is kept. */
	{ NO, "OVERQUOTA", NULL, WAITS, HOLD, HOLD, HOLD, FULL, 0, "Dovecot, Cyrus, Gmail", NULL },
	{ NO, NULL, "over quota", WAITS, HOLD, HOLD, HOLD, FULL, 0, "Cyrus, Courier", NULL },
	{ NO, NULL, "Quota exceeded", WAITS, HOLD, HOLD, HOLD, FULL, 0, "Dovecot", NULL },
	{ NO, NULL, "exceeded your mail quota", WAITS, HOLD, HOLD, HOLD, FULL, 0, "Courier", NULL },

	/* Folders, by stores without codes. */
	{ NO, NULL, "Mailbox doesn't exist", PERSON, NO_FOLDER, NO_FOLDER, NO_FOLDER, GOES_ON, 0, "Dovecot", NULL },
	{ NO, NULL, "Mailbox does not exist", PERSON, NO_FOLDER, NO_FOLDER, NO_FOLDER, GOES_ON, 0, "Cyrus, Courier",
	  NULL },
	{ NO, NULL, "Unknown Mailbox", PERSON, NO_FOLDER, NO_FOLDER, NO_FOLDER, GOES_ON, 0, "Gmail", NULL },
	{ NO, NULL, "Invalid mailbox name", PERSON, NO_PLACE, NO_PLACE, NO_PLACE, GOES_ON, 0, "Dovecot, Cyrus, Courier",
	  NULL },
	{ NO, NULL, "Permission denied", PERSON, NO_PLACE, NO_PLACE, NO_PLACE, GOES_ON, 0, "Cyrus", NULL },

	/* Faults of the store: perhaps after the message was kept. */
	{ NOT_OK, NULL, "Server Unavailable", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Exchange", NULL },
	{ NOT_OK, NULL, "Lookup failed", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Gmail", NULL },
	{ NOT_OK, NULL, "Temporary System Error", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Gmail", NULL },
	{ NOT_OK, NULL, "System I/O error", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "Cyrus", NULL },
	{ NOT_OK, NULL, "Internal error occurred", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "Dovecot", NULL },
	{ NOT_OK, NULL, "Unexpected exception", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "Exchange", NULL },
	{ NO | BAD, NULL, "Error in IMAP command", PERSON, LATER, LATER, DOUBT, GOES_ON, 0, "Dovecot, Courier", NULL },
	/* It has read the whole command and understood it, as it names what it does not have: keywords. */
	{ BAD, NULL, "APPEND Unrecognized flag", PERSON, LATER, LATER, LATER, GOES_ON, 0, "GNU Mailutils", NULL },

	{ NO | BYE, "LIMIT", NULL, WAITS, HOLD, HOLD, HOLD, WAITS, 0, "RFC 5530", NULL },
	{ NO, "INUSE", NULL, WAITS, LATER, LATER, LATER, GOES_ON, 0, "Dovecot", NULL },
	{ NOT_OK, "UNAVAILABLE", NULL, WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Dovecot, Yahoo", NULL },
	{ NOT_OK, "THROTTLED", NULL, WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "Gmail", NULL },
	{ NOT_OK, "SERVERBUG", NULL, WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "Dovecot, Yahoo", NULL },
	{ NO, "CONTACTADMIN", NULL, PERSON, HOLD, HOLD, DOUBT, PERSON, 0, "RFC 5530", provider },

	/* A login that asks for patience in words of its own. BAD with them may be of the command. */
	{ NO | BYE, NULL, "temporar", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "many", NULL },
	{ NO | BYE, NULL, "try again", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "many", NULL },
	{ NO | BYE, NULL, "too many", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "many", NULL },
	{ NOT_OK, NULL, "throttl", WAITS, HOLD, HOLD, DOUBT, WAITS, 0, "many", NULL },
	{ NO | BYE, NULL, "unavailable", WAITS, LATER, LATER, DOUBT, GOES_ON, 0, "many", NULL },
};

/* What no row knows: a login that was refused is a matter for a person. */
static const struct row unknown = { NOT_OK, NULL, NULL, PERSON, LATER, LATER, DOUBT, GOES_ON, 0, NULL, NULL };

static const struct row *find(unsigned status, const char *code, const char *text)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if ((row->status & status) != 0 && (row->code == NULL || strcmp(row->code, code) == 0) &&
		    (row->text == NULL || strcasestr(text, row->text) != NULL))
			return row;
	}
	return &unknown;
}

/* "Suggested Backoff Time: N milliseconds", as Exchange writes it: N, 0 when TEXT says no such thing. */
static int64_t named_wait(const char *text)
{
	static const char mark[] = "Suggested Backoff Time: ";
	const char *at = strcasestr(text, mark);
	struct slice digits;
	uint64_t ms;
	size_t n = 0;

	if (at == NULL)
		return 0;
	digits = slice_str(at + sizeof mark - 1);
	while (n < digits.n && ascii_is_digit(digits.p[n]))
		n++;
	digits.n = n;
	if (n == 0)
		return 0;
	if (slice_number(digits, WAIT_MAX_MS, &ms) != 0)
		return WAIT_MAX_MS;
	return ms == 0 ? 1 : (int64_t)ms;
}

int64_t answers_wait(const char *text, bool *grows)
{
	int64_t named = named_wait(text);

	if (grows != NULL)
		*grows = false;
	for (size_t i = 0; named == 0 && i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		/* Our words stand before the store's, so a code may be anywhere. */
		if (row->wait_ms == 0 || strcasestr(text, row->text) == NULL ||
		    (row->code != NULL && strcasestr(text, row->code) == NULL))
			continue;
		if (grows != NULL)
			*grows = true;
		return row->wait_ms;
	}
	return named;
}

static struct answer from_row(const struct row *row, const char *text)
{
	struct answer a = { .verdict = VERDICT_HOLD, .advice = row->advice, .seen = row->seen };

	a.wait_ms = named_wait(text);
	if (a.wait_ms == 0) {
		a.wait_ms = row->wait_ms;
		a.grows = row->wait_ms != 0;
	}
	return a;
}

static struct answer ok(const struct imap_reply *r)
{
	struct answer a = { .verdict = VERDICT_DONE };

	a.wait_ms = named_wait(r->text);
	/* The code may stand behind another one. */
	if (a.wait_ms > 0 || strcasestr(r->text, "[THROTTLED]") != NULL)
		a.account = ACCOUNT_SLOWER;
	return a;
}

struct answer answers_read(const struct imap_reply *r, enum answer_phase phase)
{
	const struct row *row;
	struct answer a;

	if (phase == ANSWER_BYE)
		return answers_read_bye(r->text);
	if (r->status == IMAP_OK)
		return ok(r);
	row = find(1u << r->status, r->code, r->text);
	a = from_row(row, r->text);
	a.account = (enum answer_account)(phase == ANSWER_LOGIN ? row->login : row->account);
	if (phase == ANSWER_FOLDER)
		a.verdict = (enum verdict)row->folder;
	else if (phase == ANSWER_HEAD)
		a.verdict = (enum verdict)row->head;
	else if (phase == ANSWER_BODY)
		a.verdict = r->status == IMAP_BAD && row->status != BAD ? VERDICT_DOUBT : (enum verdict)row->body;
	return a;
}

struct answer answers_read_bye(const char *text)
{
	struct imap_reply r;
	const struct row *row;
	struct answer a;

	imap_reply_parse(IMAP_NO, text, &r);
	row = find(BYE, r.code, text);
	a = from_row(row, text);
	a.account = (enum answer_account)row->account;
	return a;
}
