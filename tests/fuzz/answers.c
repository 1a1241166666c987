/*
 * Any words of a store: what is believed of them. The first octet is the status
 * and the phase; the second how many messages an APPENDUID may name.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/slice.h"
#include "imap/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { HOUR_MS = 60 * 60 * 1000, MESSAGES_MAX = 40 };

/* "Not stored", of a message that was sent, needs one of these: kept apart from the table on purpose. */
static bool may_be_believed(const struct imap_reply *r)
{
	static const char *const codes[] = { "TRYCREATE", "NONEXISTENT",     "TOOBIG",	  "UNKNOWN-CTE",
					     "NOPERM",	  "CANNOT",	     "READ-ONLY", "AUTHORIZATIONFAILED",
					     "EXPIRED",	  "PRIVACYREQUIRED", "OVERQUOTA", "LIMIT",
					     "INUSE" };
	static const char *const texts[] = { "message contains ",
					     "message has no header",
					     "maximum message size",
					     "maximum size",
					     "message size exceeds",
					     "message too large",
					     "quota",
					     "mailbox doesn't exist",
					     "mailbox does not exist",
					     "unknown mailbox",
					     "invalid mailbox name",
					     "permission denied",
					     "user flags" };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (imap_reply_is(r, codes[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcasestr(r->text, texts[i]) != NULL)
			return true;
	}
	return false;
}

static void check_wait(const char *text, const struct answer *a)
{
	bool grows;
	int64_t ms = answers_wait(text, &grows);

	if (a->wait_ms < 0 || a->wait_ms > HOUR_MS || ms < 0 || ms > HOUR_MS || (a->grows && a->wait_ms == 0) ||
	    (grows && ms == 0))
		abort();
	/* What the text alone asks for is at least what it asks for as an answer. */
	if (a->verdict != VERDICT_DONE && a->wait_ms > 0 && ms == 0)
		abort();
}

static void check_uids(const struct imap_reply *r, size_t n)
{
	uint32_t validity = 1, uids[MESSAGES_MAX] = { 0 };

	if (!imap_reply_appenduids(r, &validity, uids, n))
		return;
	if (r->status != IMAP_OK || validity == 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (uids[i] == 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct imap_reply r;
	struct answer a;
	char *text;
	enum imap_status status;
	enum answer_phase phase;

	if (n < 2)
		return 0;
	status = (enum imap_status)(p[0] % 3);
	phase = (enum answer_phase)(p[0] / 3 % 5);
	text = slice_dup(slice_of((const char *)p + 2, n - 2));
	imap_reply_parse(status, text, &r);
	if (strlen(r.text) > FILTER_TEXT_MAX || strncmp(r.text, text, strlen(r.text)) != 0)
		abort();
	a = answers_read(&r, phase);
	check_wait(r.text, &a);
	check_uids(&r, 1 + p[1] % MESSAGES_MAX);
	if (phase == ANSWER_LOGIN || phase == ANSWER_BYE) {
		if (a.verdict != (status == IMAP_OK && phase == ANSWER_LOGIN ? VERDICT_DONE : VERDICT_HOLD))
			abort();
	} else if ((status == IMAP_OK) != (a.verdict == VERDICT_DONE)) {
		abort();
	}
	if (phase == ANSWER_HEAD && a.verdict == VERDICT_DOUBT)
		abort();
	/* The one BAD behind a body that is known to be no doubt. */
	if (phase == ANSWER_BODY && status == IMAP_BAD && a.verdict != VERDICT_DOUBT &&
	    strcasestr(r.text, "APPEND Unrecognized flag") == NULL)
		abort();
	if (phase == ANSWER_BODY && status == IMAP_NO && a.verdict != VERDICT_DOUBT && !may_be_believed(&r))
		abort();
	if (phase == ANSWER_FOLDER &&
	    (a.verdict == VERDICT_REFUSED || a.verdict == VERDICT_FORM || a.verdict == VERDICT_DOUBT))
		abort();
	free(text);
	return 0;
}
