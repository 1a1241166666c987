#include "fetch/pop3_refusal.h"

#include <errno.h>
#include <string.h>

#include "fetch/pop3_impl.h"

enum { DELAY_MAX_S = 24 * 60 * 60 };

struct row {
	const char *code; /* NULL: any or none */
	const char *text; /* somewhere in it, in any case; NULL: any */
	enum err_class class;
	int number; /* of the error */
	const char *advice;
};

static const char enable_pop[] = "switch POP3 on for this mailbox at its provider";
static const char app_password[] = "make an app password at the provider, or log in with OAuth";
static const char web_login[] = "log in to the provider's web mail to see what it wants";

/* The first row that fits counts: texts that name one cause, then codes, then texts that may mean much. */
static const struct row rows[] = {
	{ "LOGIN-DELAY", NULL, ERR_TEMP, EUSERS, NULL },
	{ "IN-USE", NULL, ERR_TEMP, EBUSY, NULL },
	{ "SYS/TEMP", NULL, ERR_TEMP, 0, NULL },
	{ NULL, "application-specific password", ERR_CONFIG, 0, app_password },
	{ NULL, "app password", ERR_CONFIG, 0, app_password },
	{ NULL, "web login required", ERR_CONFIG, 0, web_login },
	{ NULL, "via your web browser", ERR_CONFIG, 0, web_login },
	{ NULL, "not enabled for POP", ERR_CONFIG, 0, enable_pop },
	{ NULL, "enable POP", ERR_CONFIG, 0, enable_pop },
	{ NULL, "POP access disabled", ERR_CONFIG, 0, enable_pop },
	{ NULL, "POP access is disabled", ERR_CONFIG, 0, enable_pop },
	{ NULL, "POP3 is disabled", ERR_CONFIG, 0, enable_pop },
	{ NULL, "POP disabled", ERR_CONFIG, 0, enable_pop },
	{ NULL, "authenticated but not connected", ERR_CONFIG, 0, enable_pop },
	{ "AUTH", NULL, ERR_CONFIG, 0, NULL },
	{ "SYS/PERM", NULL, ERR_CONFIG, 0, "ask the provider" },
	{ NULL, "too many", ERR_TEMP, EUSERS, NULL },
	{ NULL, "too often", ERR_TEMP, EUSERS, NULL },
	{ NULL, "too frequent", ERR_TEMP, EUSERS, NULL },
	{ NULL, "too soon", ERR_TEMP, EUSERS, NULL },
	{ NULL, "login delay", ERR_TEMP, EUSERS, NULL },
	{ NULL, "between logins", ERR_TEMP, EUSERS, NULL },
	{ NULL, "rate limit", ERR_TEMP, EUSERS, NULL },
	{ NULL, "throttl", ERR_TEMP, EUSERS, NULL },
	{ NULL, "bandwidth", ERR_TEMP, EUSERS, NULL },
	{ NULL, "maximum number of connections", ERR_TEMP, EUSERS, NULL },
	/* Before what is said of locks: an account that is locked stays so. */
	{ NULL, "account locked", ERR_CONFIG, 0, NULL },
	{ NULL, "account is locked", ERR_CONFIG, 0, NULL },
	{ NULL, "lock", ERR_TEMP, EBUSY, NULL },
	{ NULL, "in use", ERR_TEMP, EBUSY, NULL },
	{ NULL, "busy", ERR_TEMP, EBUSY, NULL },
	{ NULL, "another session", ERR_TEMP, EBUSY, NULL },
	{ NULL, "another pop3", ERR_TEMP, EBUSY, NULL },
	{ NULL, "already open", ERR_TEMP, EBUSY, NULL },
	{ NULL, "temporar", ERR_TEMP, 0, NULL },
	{ NULL, "try again", ERR_TEMP, 0, NULL },
	{ NULL, "try later", ERR_TEMP, 0, NULL },
	{ NULL, "later", ERR_TEMP, 0, NULL },
	{ NULL, "unavailable", ERR_TEMP, 0, NULL },
	{ NULL, "internal error", ERR_TEMP, 0, NULL },
	{ NULL, "server error", ERR_TEMP, 0, NULL },
	{ NULL, "system error", ERR_TEMP, 0, NULL },
	{ NULL, "timeout", ERR_TEMP, 0, NULL },
	{ NULL, "timed out", ERR_TEMP, 0, NULL },
	{ NULL, "shutting down", ERR_TEMP, 0, NULL },
	{ NULL, "maintenance", ERR_TEMP, 0, NULL },
};

struct pop3_meaning pop3_mean(const struct pop3_reply *r, bool login)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		if ((row->code == NULL || strcmp(row->code, r->code) == 0) &&
		    (row->text == NULL || strcasestr(r->text, row->text) != NULL))
			return (struct pop3_meaning){ row->class, row->number, true, row->advice };
	}
	return (struct pop3_meaning){ login ? ERR_CONFIG : ERR_TEMP, 0, false, NULL };
}

void pop3_note_delay(const struct source_session *s, const struct pop3_reply *r)
{
	uint64_t seconds = r != NULL && pop3_reply_is(r, "LOGIN-DELAY") ? r->number : 0;
	int64_t delay = seconds < DELAY_MAX_S ? (int64_t)seconds * 1000 : (int64_t)DELAY_MAX_S * 1000;

	if (delay < s->login_delay)
		delay = s->login_delay;
	if (s->login->delay != NULL && *s->login->delay < delay)
		*s->login->delay = delay;
}

int pop3_refused(const struct source_session *s, const struct pop3_reply *r, const char *what, struct err *e)
{
	struct pop3_meaning m = pop3_mean(r, false);

	pop3_note_delay(s, r);
	if (r->text[0] == '\0')
		return err_set(e, m.class, m.code, "%s %s and does not say why", s->server->host, what);
	return err_set(e, m.class, m.code, "%s %s: \"%s\"%s%s", s->server->host, what, r->text,
		       m.advice == NULL ? "" : "; ", m.advice == NULL ? "" : m.advice);
}
