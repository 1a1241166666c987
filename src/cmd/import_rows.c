#include "cmd/import_rows.h"

#include <string.h>

#define NO_PROGRAM "no equivalent: mailferry runs no programs on mail; rules sort it, see mailferry-rules(7)"
#define NO_SMTP	   "no equivalent: mailferry files mail itself, by IMAP; no SMTP server takes part"
#define NO_NEED	   "not needed: "
#define NO_ALTERED "no equivalent: mailferry files mail as it was fetched, octet for octet"
#define NO_TLS	   "no equivalent: "

static const char *keep(struct import_reader *r, const struct import_value *v)
{
	return import_keep(r->imp, slice_of(v->text, v->n));
}

#define TAKE(name)                                                                                                     \
	static void take_##name(struct import_reader *r, const struct import_row *row, const struct import_value *v)

#define TEXT_ROW(name, field)                                                                                          \
	TAKE(name)                                                                                                     \
	{                                                                                                              \
		(void)row;                                                                                             \
		r->current.field = keep(r, v);                                                                         \
	}
TEXT_ROW(host, host)
TEXT_ROW(password_file, password_file)
TEXT_ROW(ca_file, ca_file)
TEXT_ROW(certificate, certificate)
TEXT_ROW(key, key)
TEXT_ROW(password, password)
TEXT_ROW(move_to, move_to)

#define LIST_ROW(name, field)                                                                                          \
	TAKE(name)                                                                                                     \
	{                                                                                                              \
		(void)row;                                                                                             \
		import_list_add(r->imp, &r->current.field, v->line, keep(r, v));                                       \
	}
LIST_ROW(domain, domains)
LIST_ROW(host_too, hosts)
LIST_ROW(folder, folders)

#define NUMBER_ROW(name, field)                                                                                        \
	TAKE(name)                                                                                                     \
	{                                                                                                              \
		(void)row;                                                                                             \
		r->current.field = v->number;                                                                          \
	}
NUMBER_ROW(timeout, timeout)
NUMBER_ROW(interval, interval)
NUMBER_ROW(limit, larger)

TAKE(daemon)
{
	(void)row;
	r->imp->every = v->number;
}

TAKE(keep)
{
	(void)row;
	r->current.deletes = v->no;
	r->current.keep_line = v->line;
}

TAKE(idle)
{
	(void)row;
	r->current.push = !v->no;
}

TAKE(ssl)
{
	(void)row;
	r->current.tls = v->no ? IMPORT_TLS_UNSAID : IMPORT_TLS_IMPLICIT;
}

TAKE(sslproto)
{
	(void)row;
	/* An empty one is fetchmail's way to forbid STARTTLS. */
	if (v->n == 0 && r->current.tls == IMPORT_TLS_UNSAID)
		r->current.tls = IMPORT_TLS_NONE;
	else if (v->n > 0)
		import_note(r->imp, v->line, "sslproto \"%.60s\": TLS 1.2 at least, always", v->text);
}

TAKE(protocol)
{
	static const struct {
		const char *name;
		bool imap, none;
		const char *auth, *note;
	} rows[] = {
		{ "pop3", false, false, NULL, NULL },
		{ "imap", true, false, NULL, NULL },
		{ "apop", false, false, "APOP", NULL },
		{ "auto", false, false, NULL,
		  "mailferry does not guess: POP3 is taken; if the server speaks IMAP, write protocol = \"imap\"" },
		{ "sdps", false, false, NULL,
		  "the recipient is not asked for by *ENV; recipients_from names header fields that tell it" },
		{ "pop2", false, true, NULL, "no equivalent: mailferry speaks POP3 and IMAP" },
		{ "kpop", false, true, NULL, "no equivalent: mailferry has no Kerberos" },
		{ "etrn", false, true, NULL, "no equivalent: let the server send to a listener of mailferry" },
		{ "odmr", false, true, NULL, "no equivalent: let the server send to a listener of mailferry" },
	};

	(void)row;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!slice_eq_nocase(slice_of(v->text, v->n), slice_str(rows[i].name)))
			continue;
		r->current.imap = rows[i].imap;
		r->current.none = rows[i].none;
		r->current.auth = rows[i].auth;
		if (rows[i].note != NULL)
			import_note(r->imp, v->line, "protocol %s: %s", rows[i].name, rows[i].note);
		return;
	}
	import_error(r->imp, v->line, "\"%.60s\" is no protocol of fetchmail", v->text);
}

TAKE(auth)
{
	static const struct {
		const char *name, *auth;
		bool oauth;
		const char *note;
	} rows[] = {
		{ "any", NULL, false, NULL },
		{ "password", NULL, false, "mailferry takes the strongest way that the server offers for a password" },
		{ "cram-md5", "CRAM-MD5", false, NULL },
		{ "external", "EXTERNAL", false, NULL },
		{ "oauthbearer", NULL, true, NULL },
		{ "xoauth2", NULL, true, NULL },
	};

	(void)row;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!slice_eq_nocase(slice_of(v->text, v->n), slice_str(rows[i].name)))
			continue;
		r->current.auth = rows[i].auth;
		r->current.oauth = rows[i].oauth;
		if (rows[i].note != NULL)
			import_note(r->imp, v->line, "auth %s: %s", rows[i].name, rows[i].note);
		return;
	}
	import_note(r->imp, v->line,
		    "auth \"%.60s\": no equivalent; mailferry logs in with a password, a certificate or an "
		    "access token",
		    v->text);
}

TAKE(port)
{
	static const struct {
		const char *name;
		unsigned port;
	} rows[] = { { "pop3", 110 },  { "pop-3", 110 }, { "pop3s", 995 }, { "imap", 143 },
		     { "imap2", 143 }, { "imap4", 143 }, { "imaps", 993 } };
	uint64_t number;

	(void)row;
	if (slice_number(slice_of(v->text, v->n), 65535, &number) == 0 && number > 0) {
		r->current.port = (unsigned)number;
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, v->text) == 0) {
			r->current.port = rows[i].port;
			return;
		}
	import_note(r->imp, v->line,
		    "service \"%.60s\": the number of this port is not known here: write port = NUMBER;", v->text);
}

TAKE(envelope)
{
	struct slice name = slice_of(v->text, v->n);

	(void)row;
	r->current.headers.n = 0;
	if (v->no) {
		import_note(r->imp, v->line,
			    "no envelope: fetchmail then goes by To and Cc; mailferry never does, since "
			    "those say nothing of blind copies and lists");
		return;
	}
	/* Many write the colon of the field too. */
	import_list_add(r->imp, &r->current.headers, v->line,
			import_keep(r->imp, slice_of(v->text, slice_find(name, ':'))));
	if (r->count > 0)
		import_note(r->imp, v->line,
			    "envelope %llu \"%.60s\": the number of fields to skip has no equivalent: the "
			    "first that names one of our addresses counts",
			    (unsigned long long)r->count, v->text);
}

TAKE(qvirtual)
{
	(void)row;
	import_note(r->imp, v->line,
		    "qvirtual \"%.100s\": a prefix of the recipient is not taken off: give the account the "
		    "addresses as the header has them, as in \"%.100sinfo@office.example\"",
		    v->text, v->text);
}

TAKE(fetchall)
{
	(void)row;
	r->current.all = !v->no;
}

/* Sorted by what a reader looks for: the server's, the user's. */
static const struct import_row options[] = {
	{ "via", IMPORT_TEXT, take_host, NULL, NULL, false },
	{ "proto", IMPORT_TEXT, take_protocol, NULL, NULL, false },
	{ "protocol", IMPORT_TEXT, take_protocol, NULL, NULL, false },
	{ "port", IMPORT_TEXT, take_port, NULL, NULL, false },
	{ "service", IMPORT_TEXT, take_port, NULL, NULL, false },
	{ "auth", IMPORT_TEXT, take_auth, NULL, NULL, false },
	{ "authenticate", IMPORT_TEXT, take_auth, NULL, NULL, false },
	{ "timeout", IMPORT_NUMBER, take_timeout, NULL, NULL, false },
	{ "envelope", IMPORT_COUNTED, take_envelope, NULL, NULL, false },
	{ "qvirtual", IMPORT_TEXT, take_qvirtual, NULL, NULL, false },
	{ "aka", IMPORT_LIST, take_host_too, NULL, NULL, false },
	{ "local", IMPORT_LIST, take_domain, NULL, NULL, false },
	{ "localdomains", IMPORT_LIST, take_domain, NULL, NULL, false },
	{ "dns", IMPORT_FLAG, NULL, "not asked: only the addresses of accounts are ours", NULL, false },
	{ "checkalias", IMPORT_FLAG, NULL, "no equivalent: only the addresses of accounts are ours", NULL, false },
	{ "uidl", IMPORT_FLAG, NULL, NULL, NULL, false },
	{ "interval", IMPORT_NUMBER, take_interval, NULL, NULL, false },
	{ "interface", IMPORT_TEXT, NULL, "no equivalent: a server that can't be reached is tried again later", NULL,
	  false },
	{ "monitor", IMPORT_TEXT, NULL, "no equivalent: a server that can't be reached is tried again later", NULL,
	  false },
	{ "plugin", IMPORT_TEXT, NULL,
	  "no equivalent: mailferry connects to host and port itself; a tunnel that a program "
	  "keeps open on this machine can be the host",
	  NULL, false },
	{ "plugout", IMPORT_TEXT, NULL, NO_SMTP, NULL, false },
	{ "tracepolls", IMPORT_FLAG, NULL, NO_NEED "`mailferry trace' tells the source of each message", NULL, false },
	{ "principal", IMPORT_TEXT, NULL, "no equivalent: mailferry has no Kerberos", NULL, false },
	{ "esmtpname", IMPORT_TEXT, NULL, NO_SMTP, NULL, false },
	{ "esmtppassword", IMPORT_TEXT, NULL, NO_SMTP, NULL, true },
	{ "bad-header", IMPORT_TEXT, NULL, NO_NEED "mail with a bad header is taken as it is", NULL, false },
	{ "badheader", IMPORT_TEXT, NULL, NO_NEED "mail with a bad header is taken as it is", NULL, false },
	{ "retrieve-error", IMPORT_TEXT, NULL,
	  NO_NEED "a message that the server won't give is asked for again in later "
		  "runs, and the others go on",
	  NULL, false },

	{ "pass", IMPORT_TEXT, take_password, NULL, NULL, true },
	{ "password", IMPORT_TEXT, take_password, NULL, NULL, true },
	{ "passwordfile", IMPORT_TEXT, take_password_file, NULL, NULL, false },
	{ "passwordfd", IMPORT_NUMBER, NULL, "no equivalent: use password_file or password_command", NULL, false },
	{ "folder", IMPORT_LIST, take_folder, NULL, NULL, false },
	{ "keep", IMPORT_FLAG, take_keep, NULL, NULL, false },
	{ "fetchall", IMPORT_FLAG, take_fetchall, NULL, NULL, false },
	{ "flush", IMPORT_FLAG, NULL, "no equivalent: mailferry removes nothing that it has not fetched", NULL, false },
	{ "limitflush", IMPORT_FLAG, NULL, "no equivalent: mailferry removes nothing that it has not fetched", NULL,
	  false },
	{ "limit", IMPORT_NUMBER, take_limit, NULL, NULL, false },
	{ "warnings", IMPORT_NUMBER, NULL,
	  "what is left for its size is told in the mailbox once (skip.note), not again and "
	  "again",
	  NULL, false },
	{ "ssl", IMPORT_FLAG, take_ssl, NULL, NULL, false },
	{ "sslproto", IMPORT_TEXT, take_sslproto, NULL, NULL, false },
	{ "sslcert", IMPORT_TEXT, take_certificate, NULL, NULL, false },
	{ "sslkey", IMPORT_TEXT, take_key, NULL, NULL, false },
	{ "sslcertck", IMPORT_FLAG, NULL, NULL,
	  "no equivalent: the certificate is always verified. For a server with one of its own: pin_sha256, which "
	  "`mailferry probe' shows, or ca_file",
	  false },
	{ "sslcertfile", IMPORT_TEXT, take_ca_file, NULL, NULL, false },
	{ "sslcertpath", IMPORT_TEXT, NULL, NO_TLS "ca_file names a file of certificates", NULL, false },
	{ "sslcommonname", IMPORT_TEXT, NULL,
	  NO_TLS "the certificate must bear the name of host; else pin_sha256, which "
		 "`mailferry probe' shows",
	  NULL, false },
	{ "sslfingerprint", IMPORT_TEXT, NULL,
	  NO_TLS "an MD5 of the certificate proves nothing today; pin_sha256, which "
		 "`mailferry probe' shows, takes its place",
	  NULL, false },
	{ "idle", IMPORT_FLAG, take_idle, NULL, NULL, false },
	{ "smtphost", IMPORT_LIST, NULL, NO_SMTP, NULL, false },
	{ "smtpaddress", IMPORT_TEXT, NULL, NO_SMTP, NULL, false },
	{ "smtpname", IMPORT_TEXT, NULL, NO_SMTP, NULL, false },
	{ "fetchdomains", IMPORT_LIST, NULL, "no equivalent: let the server send to a listener of mailferry", NULL,
	  false },
	{ "antispam", IMPORT_LIST, NULL, NO_SMTP "; a `reject' of the rules files into rejected_folder", NULL, false },
	{ "mda", IMPORT_TEXT, NULL, NO_PROGRAM, NULL, false },
	{ "bsmtp", IMPORT_TEXT, NULL, NO_SMTP, NULL, false },
	{ "lmtp", IMPORT_FLAG, NULL, NO_SMTP, NULL, false },
	{ "preconnect", IMPORT_TEXT, NULL, "no equivalent: run it before, as with ExecStartPre= of the service", NULL,
	  false },
	{ "postconnect", IMPORT_TEXT, NULL, "no equivalent", NULL, false },
	{ "rewrite", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "stripcr", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "forcecr", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "pass8bits", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "dropstatus", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "dropdelivered", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "mimedecode", IMPORT_FLAG, NULL, NO_ALTERED, NULL, false },
	{ "forceidle", IMPORT_FLAG, take_idle, "IDLE is used only where the server offers it", NULL, false },
	{ "batchlimit", IMPORT_NUMBER, NULL, NO_SMTP, NULL, false },
	{ "fetchlimit", IMPORT_NUMBER, NULL, NO_NEED "what a run has fetched is kept, however it ends", NULL, false },
	{ "fetchsizelimit", IMPORT_NUMBER, NULL, NO_NEED "sizes come with the listing, in one go", NULL, false },
	{ "fastuidl", IMPORT_NUMBER, NULL, NO_NEED "the listing of a mailbox is one command", NULL, false },
	{ "expunge", IMPORT_NUMBER, NULL,
	  NO_NEED "what was removed is seen to by itself, and only mailferry's own removals "
		  "are expunged",
	  NULL, false },
	{ "moveto", IMPORT_TEXT, take_move_to, NULL, NULL, false },
	{ "properties", IMPORT_TEXT, NULL, "fetchmail ignores it too", NULL, false },
};

static const struct import_row settings[] = {
	{ "daemon", IMPORT_NUMBER, take_daemon, NULL, NULL, false },
	{ "postmaster", IMPORT_TEXT, NULL,
	  "mail for no one here goes into unmatched_folder of the account, and notices to "
	  "the address of `operator'",
	  NULL, false },
	{ "bouncemail", IMPORT_FLAG, NULL, "no equivalent: fetched mail is never bounced",
	  "mail for no one here goes into unmatched_folder of the account", false },
	{ "spambounce", IMPORT_FLAG, NULL, "no equivalent: fetched mail is never bounced", NULL, false },
	{ "softbounce", IMPORT_FLAG, NULL,
	  NO_NEED "mail that the store refuses stays in the queue until a person decides",
	  "mail that the store refuses stays in the queue until a person decides", false },
	{ "logfile", IMPORT_TEXT, NULL, "no equivalent: events go to standard error, so to the journal", NULL, false },
	{ "pidfile", IMPORT_TEXT, NULL, "no equivalent", NULL, false },
	{ "idfile", IMPORT_TEXT, NULL, "take it over: mailferry import fetchmailrc --state FILE", NULL, false },
	{ "syslog", IMPORT_FLAG, NULL, "no equivalent: events go to standard error, so to the journal", NULL, false },
	{ "invisible", IMPORT_FLAG, NULL, "no equivalent: the Received line of mailferry names itself", NULL, false },
	{ "showdots", IMPORT_FLAG, NULL, "no equivalent: `mailferry sync' shows how far it is", NULL, false },
	{ "properties", IMPORT_TEXT, NULL, "fetchmail ignores it too", NULL, false },
};

const struct import_row *import_row_find(enum import_rows which, const char *name)
{
	const struct import_row *rows = which == IMPORT_ROWS_SET ? settings : options;
	size_t n = which == IMPORT_ROWS_SET ? sizeof settings / sizeof settings[0] : sizeof options / sizeof options[0];

	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static bool is_one_of(const struct import_token *t, const char *const *words)
{
	for (; t->kind == TOKEN_WORD && *words != NULL; words++)
		if (strcmp(*words, t->text) == 0)
			return true;
	return false;
}

bool import_row_is_noise(const struct import_token *t)
{
	static const char *const words[] = {
		"and", "with", "has", "wants", "options", "option", "here", "there", NULL
	};

	return is_one_of(t, words);
}

bool import_row_is_keyword(const struct import_token *t)
{
	static const char *const words[] = { "poll",	 "server", "skip", "defaults", "set", "user",
					     "username", "is",	   "to",   "no",       NULL };

	return is_one_of(t, words) || import_row_is_noise(t) ||
	       (t->kind == TOKEN_WORD && import_row_find(IMPORT_ROWS_OPTIONS, t->text) != NULL);
}
