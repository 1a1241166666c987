#include "store/classify.h"

#include <string.h>

enum { WAIT_MAX_MS = 60 * 60 * 1000 };

static const struct {
	const char *code;
	enum verdict append, folder;
} rows[] = {
	{ "TRYCREATE", VERDICT_NO_FOLDER, VERDICT_NO_FOLDER },	 /* all */
	{ "NONEXISTENT", VERDICT_NO_FOLDER, VERDICT_NO_FOLDER }, /* Dovecot, Gmail */
	{ "TOOBIG", VERDICT_REFUSED, VERDICT_LATER },		 /* RFC 7889 */
	{ "UNKNOWN-CTE", VERDICT_REFUSED, VERDICT_LATER },	 /* RFC 3516 */
	{ "OVERQUOTA", VERDICT_HOLD, VERDICT_HOLD },		 /* Dovecot, Gmail, Fastmail */
	{ "LIMIT", VERDICT_HOLD, VERDICT_HOLD },		 /* by rate; by size see below */
	{ "NOPERM", VERDICT_NO_PLACE, VERDICT_NO_PLACE },	 /* Dovecot with ACLs, Cyrus */
	{ "CANNOT", VERDICT_NO_PLACE, VERDICT_NO_PLACE },	 /* reserved and refused names */
	{ "READ-ONLY", VERDICT_NO_PLACE, VERDICT_NO_PLACE },
	{ "INUSE", VERDICT_LATER, VERDICT_LATER },
	{ "AUTHORIZATIONFAILED", VERDICT_HOLD, VERDICT_HOLD },
	{ "EXPIRED", VERDICT_HOLD, VERDICT_HOLD },
	{ "PRIVACYREQUIRED", VERDICT_HOLD, VERDICT_HOLD },
	{ "UNAVAILABLE", VERDICT_DOUBT, VERDICT_HOLD }, /* a part failed, perhaps after the message was kept */
	{ "THROTTLED", VERDICT_DOUBT, VERDICT_HOLD },	/* Gmail */
	{ "CONTACTADMIN", VERDICT_DOUBT, VERDICT_HOLD },
};

static bool by_size(const struct imap_reply *r)
{
	return strcasestr(r->text, "size") != NULL || strcasestr(r->text, "large") != NULL ||
	       strcasestr(r->text, "big") != NULL;
}

static const enum verdict *find(const struct imap_reply *r, bool folder)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (imap_reply_is(r, rows[i].code))
			return folder ? &rows[i].folder : &rows[i].append;
	}
	return NULL;
}

enum verdict classify_append(const struct imap_reply *r, bool sent)
{
	const enum verdict *row = find(r, false);
	enum verdict v;

	if (r->status == IMAP_OK)
		return VERDICT_DONE;
	/* A server that does not understand the command may have executed what came behind it. */
	if (r->status == IMAP_BAD)
		return sent ? VERDICT_DOUBT : VERDICT_LATER;
	v = row == NULL ? VERDICT_DOUBT : *row;
	if (v == VERDICT_HOLD && imap_reply_is(r, "LIMIT") && by_size(r))
		return VERDICT_REFUSED;
	if (v == VERDICT_DOUBT && !sent)
		return classify_wait(r->text) > 0 || row != NULL ? VERDICT_HOLD : VERDICT_LATER;
	return v;
}

enum verdict classify_folder(const struct imap_reply *r)
{
	const enum verdict *row = find(r, true);

	if (row != NULL)
		return *row;
	/* Exchange: logged in, but the mailbox behind it can't be reached. */
	if (strcasestr(r->text, "authenticated but not connected") != NULL)
		return VERDICT_HOLD;
	return classify_wait(r->text) > 0 ? VERDICT_HOLD : VERDICT_LATER;
}

int64_t classify_wait(const char *text)
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

bool classify_throttled(const struct imap_reply *r)
{
	return r->status == IMAP_OK && (strcasestr(r->text, "[THROTTLED]") != NULL || classify_wait(r->text) > 0);
}
