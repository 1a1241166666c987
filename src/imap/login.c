/* Capabilities and authentication of a session. */
#include <libetpan/mailimap.h>
#include <strings.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "imap/session_impl.h"
#include "imap/dialog.h"

enum { SECRET_MAX = 4096 };

static const struct {
	const char *name;
	unsigned bit;
} names[] = {
	{ "LITERAL+", IMAP_CAN_LITERAL_PLUS },	  { "LITERAL-", IMAP_CAN_LITERAL_MINUS },
	{ "NAMESPACE", IMAP_CAN_NAMESPACE },	  { "STARTTLS", IMAP_CAN_STARTTLS },
	{ "LOGINDISABLED", IMAP_LOGIN_DISABLED },
};

static void read_capabilities(struct imap *s)
{
	const struct mailimap_capability_data *data = s->mi->imap_connection_info->imap_capability;
	clistiter *at;

	s->can = 0;
	s->append_limit = UINT64_MAX;
	if (data == NULL || data->cap_list == NULL)
		return;
	for (at = clist_begin(data->cap_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_capability *c = clist_content(at);

		if (c->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE) {
			if (c->cap_data.cap_auth_type != NULL && strcasecmp(c->cap_data.cap_auth_type, "PLAIN") == 0)
				s->can |= IMAP_CAN_AUTH_PLAIN;
			continue;
		}
		if (c->cap_data.cap_name == NULL)
			continue;
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			if (strcasecmp(c->cap_data.cap_name, names[i].name) == 0)
				s->can |= names[i].bit;
		}
		if (strncasecmp(c->cap_data.cap_name, "APPENDLIMIT=", 12) == 0)
			(void)slice_number(slice_str(c->cap_data.cap_name + 12), UINT64_MAX - 1, &s->append_limit);
	}
}

static clist *advertised(const struct imap *s)
{
	const struct mailimap_capability_data *data = s->mi->imap_connection_info->imap_capability;

	return data == NULL ? NULL : data->cap_list;
}

/* What stands behind "AUTH=", or the whole name; NULL in broken data. */
static const char *name_of(const struct mailimap_capability *c, bool *auth)
{
	*auth = c->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE;
	return *auth ? c->cap_data.cap_auth_type : c->cap_data.cap_name;
}

bool imap_has(const struct imap *s, const char *capability)
{
	clist *all = advertised(s);
	bool auth;

	for (clistiter *at = all == NULL ? NULL : clist_begin(all); at != NULL; at = clist_next(at)) {
		const char *name = name_of(clist_content(at), &auth);

		if (name != NULL && !auth && strcasecmp(name, capability) == 0)
			return true;
	}
	return false;
}

void imap_capabilities(const struct imap *s, struct buf *out)
{
	clist *all = advertised(s);
	bool auth;

	for (clistiter *at = all == NULL ? NULL : clist_begin(all); at != NULL; at = clist_next(at)) {
		const char *name = name_of(clist_content(at), &auth);

		if (name != NULL)
			(void)buf_addf(out, "%s%s%s", out->n > 0 ? " " : "", auth ? "AUTH=" : "", name);
	}
}

static void forget_capabilities(struct imap *s)
{
	struct mailimap_connection_info *info = s->mi->imap_connection_info;

	if (info->imap_capability != NULL)
		mailimap_capability_data_free(info->imap_capability);
	info->imap_capability = NULL;
}

int imap_ask_capability(struct imap *s, struct err *e)
{
	struct imap_reply r;

	forget_capabilities(s);
	if (dialog_run(s, &r, e, "CAPABILITY") != 0)
		return -1;
	if (r.status != IMAP_OK || s->mi->imap_connection_info->imap_capability == NULL)
		return err_set(e, ERR_TEMP, 0, "%s does not tell its capabilities: %s", s->account->host, r.text);
	read_capabilities(s);
	return 0;
}

/* A login that was refused: does the server only ask for patience? (RFC 5530, 3) */
static bool may_pass(const struct imap_reply *r)
{
	static const char *const codes[] = { "UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "THROTTLED" };
	static const char *const words[] = { "temporar", "try again", "too many", "backoff", "throttl", "unavailable" };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (imap_reply_is(r, codes[i]))
			return true;
	}
	if (r->code[0] != '\0')
		return false;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcasestr(r->text, words[i]) != NULL)
			return true;
	}
	return false;
}

static int refused(struct imap *s, const struct imap_reply *r, struct err *e)
{
	if (may_pass(r))
		return err_set(e, ERR_TEMP, 0, "%s does not let %s log in now: %s", s->account->host, s->account->user,
			       r->text);
	return err_set(e, ERR_CONFIG, 0,
		       "%s refuses the password of %s: \"%s\"; correct user or password of account %s in the "
		       "configuration, then send SIGHUP to mailferry",
		       s->account->host, s->account->user, r->text, s->account->name);
}

/* AUTHENTICATE PLAIN (RFC 4616), without an initial response. */
static int authenticate_plain(struct imap *s, struct imap_reply *r, struct err *e)
{
	const struct config_account *a = s->account;
	uint32_t tag = dialog_tag(s);
	struct buf secret, encoded;
	int ret;

	buf_init(&secret, SECRET_MAX);
	buf_init(&encoded, SECRET_MAX * 2);
	if (buf_add_char(&secret, '\0') != 0 || buf_add_str(&secret, a->user) != 0 ||
	    buf_add_char(&secret, '\0') != 0 || buf_add_str(&secret, a->password) != 0 ||
	    base64_encode(buf_slice(&secret), &encoded) != 0 || buf_add_str(&encoded, "\r\n") != 0) {
		ret = err_set(e, ERR_CONFIG, 0, "user or password of the account is too long");
		goto done;
	}
	ret = dialog_putf(s, e, "%lu AUTHENTICATE PLAIN\r\n", (unsigned long)tag);
	if (ret != 0)
		goto done;
	ret = dialog_await_continue(s, e);
	if (ret == 1)
		ret = dialog_put(s, buf_slice(&encoded), e) != 0 || dialog_flush(s, e) != 0 ? -1 : 0;
	else
		imap_filter_forget_continue(s->filter);
	if (ret == 0)
		ret = dialog_reply(s, tag, true, r, e) == 1 ? 0 : -1;
done:
	mem_wipe(secret.p, secret.cap);
	mem_wipe(encoded.p, encoded.cap);
	buf_free(&secret);
	buf_free(&encoded);
	return ret;
}

static bool quotable(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			return false;
	}
	return true;
}

static int login(struct imap *s, struct imap_reply *r, struct err *e)
{
	uint32_t tag = dialog_tag(s);

	if (!quotable(s->account->user) || !quotable(s->account->password))
		return err_set(e, ERR_CONFIG, 0,
			       "%s only offers LOGIN, which can't carry a user or password that is not ASCII",
			       s->account->host);
	if (dialog_putf(s, e, "%lu LOGIN ", (unsigned long)tag) != 0 ||
	    dialog_put_quoted(s, s->account->user, e) != 0 || dialog_put(s, SLICE_LIT(" "), e) != 0 ||
	    dialog_put_quoted(s, s->account->password, e) != 0)
		return -1;
	return dialog_finish(s, tag, r, e);
}

int imap_authenticate(struct imap *s, struct err *e)
{
	const struct config_account *a = s->account;
	struct imap_reply r;
	int ret;

	if (a->password == NULL)
		return err_set(e, ERR_CONFIG, 0, "the account has no password; set password_file");
	if (!stream_encrypted(s->stream) && a->tls != CONFIG_TLS_NONE)
		return err_set(e, ERR_PROTOCOL, 0, "the connection to %s is not encrypted", a->host);
	forget_capabilities(s);
	dialog_deadline(s, a->timeout);
	s->mechanism = (s->can & IMAP_CAN_AUTH_PLAIN) != 0 ? "PLAIN" : "LOGIN";
	if ((s->can & IMAP_CAN_AUTH_PLAIN) != 0)
		ret = authenticate_plain(s, &r, e);
	else if ((s->can & IMAP_LOGIN_DISABLED) == 0)
		ret = login(s, &r, e);
	else
		return err_set(e, ERR_CONFIG, 0, "%s offers no way to log in with a password%s", a->host,
			       a->tls == CONFIG_TLS_NONE
				   ? " on an unencrypted connection; set tls to \"implicit\" or \"starttls\""
				   : "");
	if (ret != 0)
		return -1;
	if (r.status != IMAP_OK)
		return refused(s, &r, e);
	if (s->mi->imap_connection_info->imap_capability == NULL)
		return imap_ask_capability(s, e); /* it may differ from before (RFC 9051, 6.2.3) */
	read_capabilities(s);
	return 0;
}
