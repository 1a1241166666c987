#include "cmd/import_keys.h"

#include <string.h>

#include "cmd/import_ini.h"

#define TAKE(name) static void take_##name(struct import_mailbox *r, const struct import_key_value *v)

#define TEXT_TAKE(name, field)                                                                                         \
	TAKE(name)                                                                                                     \
	{                                                                                                              \
		r->field = v->text;                                                                                    \
	}
TEXT_TAKE(server, source.host)
TEXT_TAKE(username, source.user)
TEXT_TAKE(password, source.password)
TEXT_TAKE(ca_file, source.ca_file)
TEXT_TAKE(certificate, source.certificate)
TEXT_TAKE(key, source.key)
TEXT_TAKE(move_to, move_to)
TEXT_TAKE(on_delete, on_delete)

TAKE(type)
{
	static const struct {
		const char *name;
		bool imap, tls, multidrop;
		const char *note;
	} rows[] = {
		{ "SimplePOP3Retriever", false, false, false, NULL },
		{ "SimplePOP3SSLRetriever", false, true, false, NULL },
		{ "BrokenUIDLPOP3Retriever", false, false, false,
		  "where the server has no UIDL, mailferry knows mail again by its content" },
		{ "BrokenUIDLPOP3SSLRetriever", false, true, false,
		  "where the server has no UIDL, mailferry knows mail again by its content" },
		{ "SimpleIMAPRetriever", true, false, false, NULL },
		{ "SimpleIMAPSSLRetriever", true, true, false, NULL },
		{ "MultidropPOP3Retriever", false, false, true, NULL },
		{ "MultidropPOP3SSLRetriever", false, true, true, NULL },
		{ "MultidropIMAPRetriever", true, false, true, NULL },
		{ "MultidropIMAPSSLRetriever", true, true, true, NULL },
		{ "MultidropSDPSRetriever", false, false, true,
		  "the recipient is not asked for by *ENV; recipients_from names header fields that tell it" },
	};

	r->source.line = v->line;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, v->text) != 0)
			continue;
		r->source.imap = rows[i].imap;
		r->source.tls = rows[i].tls ? IMPORT_TLS_IMPLICIT : IMPORT_TLS_NONE;
		r->source.multidrop = rows[i].multidrop;
		if (rows[i].note != NULL)
			import_note(r->imp, v->line, "type %s: %s", rows[i].name, rows[i].note);
		return;
	}
	r->source.none = true;
	import_error(r->imp, v->line, "\"%.60s\" is no type of retriever", v->text);
}

TAKE(port)
{
	if (v->number == 0 || v->number > 65535)
		import_error(r->imp, v->line, "port: %llu is none", (unsigned long long)v->number);
	else
		r->source.port = (unsigned)v->number;
}

TAKE(timeout)
{
	r->source.timeout = v->number;
}

TAKE(apop)
{
	r->source.auth = v->flag ? "APOP" : NULL;
}

TAKE(xoauth2)
{
	r->source.oauth = v->flag;
}

TAKE(peek)
{
	r->source.mark_seen = !v->flag;
}

/* Puts WORD where a shell takes it as one word. */
static void shell_word(struct buf *out, const char *word)
{
	(void)buf_add_char(out, '\'');
	for (; *word != '\0'; word++)
		if (*word == '\'')
			(void)buf_add_str(out, "'\\''");
		else
			(void)buf_add_char(out, *word);
	(void)buf_add_char(out, '\'');
}

TAKE(password_command)
{
	struct buf line;

	buf_init(&line, IMPORT_TEXT_MAX);
	for (size_t i = 0; i < v->list.n; i++) {
		(void)buf_add_str(&line, i == 0 ? "" : " ");
		shell_word(&line, v->list.at[i]);
	}
	if (buf_failed(&line))
		import_error(r->imp, v->line, "password_command: it is too long");
	else
		r->source.password_command = import_keep(r->imp, buf_slice(&line));
	buf_free(&line);
}

TAKE(mailboxes)
{
	/* The one word without quotes that may stand here. */
	if (strcmp(v->text, "ALL") == 0) {
		r->source.folders.n = 0;
		import_list_add(r->imp, &r->source.folders, v->line, "*");
	} else if (import_ini_tuple(r->imp, v->line, v->text, &r->source.folders) != 0) {
		import_error(r->imp, v->line, "mailboxes: expected ALL, or quoted names in parentheses");
	}
}

TAKE(envelope)
{
	struct slice text = slice_str(v->text), name = slice_of(text.p, slice_find(text, ':')), n;
	uint64_t number;

	r->source.headers.n = 0;
	import_list_add(r->imp, &r->source.headers, v->line, import_keep(r->imp, slice_trim(name)));
	n = name.n == text.n ? SLICE_LIT("1") : slice_trim(slice_skip(text, name.n + 1));
	if (slice_number(n, 1000, &number) != 0 || number != 1)
		import_note(r->imp, v->line,
			    "envelope_recipient %.100s: the number has no equivalent: the first field that "
			    "names one of our addresses counts",
			    v->text);
}

TAKE(search)
{
	if (!slice_eq_nocase(slice_str(v->text), SLICE_LIT("ALL"))) {
		import_note(r->imp, v->line,
			    "imap_search %.100s: no equivalent: mailferry fetches all that it has not fetched "
			    "before, whether it was read or not",
			    v->text);
	}
}

TAKE(delete)
{
	r->deletes = v->flag;
	r->delete_line = v->line;
}

TAKE(delete_after)
{
	r->delete_days = v->number;
	r->delete_line = r->delete_line == 0 ? v->line : r->delete_line;
}

TAKE(read_all)
{
	r->read_all = v->flag;
}

TAKE(larger)
{
	r->source.larger = v->number;
}

TAKE(destination)
{
	static const struct {
		const char *name, *note;
	} rows[] = {
		{ "MultiSorter",
		  "the recipients are told apart by the `addresses' of accounts, and in the rules by `envelope' "
		  "or `address'" },
		{ "MultiGuesser", "the recipients are told apart by the `addresses' of accounts, and in the rules by "
				  "`address'" },
		{ "MultiDestination", "a copy for each: `fileinto :copy' in the rules" },
	};
	const char *more = "mail goes to the IMAP mailbox of an account instead; its rules sort it: mailferry-rules(7)";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, v->text) == 0)
			more = rows[i].note;
	import_note(r->imp, v->line, "destination %.60s: no equivalent: %s", v->text, more);
}

#define NO_NEED "not needed: "

static const struct import_key all[] = {
	{ IMPORT_RETRIEVER, "type", IMPORT_KEY_TEXT, take_type, NULL },
	{ IMPORT_RETRIEVER, "server", IMPORT_KEY_TEXT, take_server, NULL },
	{ IMPORT_RETRIEVER, "port", IMPORT_KEY_NUMBER, take_port, NULL },
	{ IMPORT_RETRIEVER, "username", IMPORT_KEY_TEXT, take_username, NULL },
	{ IMPORT_RETRIEVER, "password", IMPORT_KEY_TEXT, take_password, NULL },
	{ IMPORT_RETRIEVER, "password_command", IMPORT_KEY_TUPLE, take_password_command, NULL },
	{ IMPORT_RETRIEVER, "timeout", IMPORT_KEY_NUMBER, take_timeout, NULL },
	{ IMPORT_RETRIEVER, "use_apop", IMPORT_KEY_FLAG, take_apop, NULL },
	{ IMPORT_RETRIEVER, "use_kerberos", IMPORT_KEY_FLAG, NULL, "no equivalent: mailferry has no Kerberos" },
	{ IMPORT_RETRIEVER, "use_xoauth2", IMPORT_KEY_FLAG, take_xoauth2, NULL },
	{ IMPORT_RETRIEVER, "mailboxes", IMPORT_KEY_TEXT, take_mailboxes, NULL },
	{ IMPORT_RETRIEVER, "use_peek", IMPORT_KEY_FLAG, take_peek, NULL },
	{ IMPORT_RETRIEVER, "move_on_delete", IMPORT_KEY_TEXT, take_move_to, NULL },
	{ IMPORT_RETRIEVER, "record_mailbox", IMPORT_KEY_FLAG, NULL,
	  NO_NEED "`mailferry trace' tells the source of each message" },
	{ IMPORT_RETRIEVER, "imap_search", IMPORT_KEY_TEXT, take_search, NULL },
	{ IMPORT_RETRIEVER, "imap_on_delete", IMPORT_KEY_TEXT, take_on_delete, NULL },
	{ IMPORT_RETRIEVER, "keyfile", IMPORT_KEY_TEXT, take_key, NULL },
	{ IMPORT_RETRIEVER, "certfile", IMPORT_KEY_TEXT, take_certificate, NULL },
	{ IMPORT_RETRIEVER, "ca_certs", IMPORT_KEY_TEXT, take_ca_file, NULL },
	{ IMPORT_RETRIEVER, "ssl_ciphers", IMPORT_KEY_TEXT, NULL, "no equivalent: the system's choice is taken" },
	{ IMPORT_RETRIEVER, "ssl_version", IMPORT_KEY_TEXT, NULL, "no equivalent: TLS 1.2 at least, always" },
	{ IMPORT_RETRIEVER, "ssl_fingerprints", IMPORT_KEY_TEXT, NULL,
	  "no equivalent: that of the server's key takes its place: pin_sha256, which `mailferry probe' shows" },
	{ IMPORT_RETRIEVER, "ssl_cert_hostname", IMPORT_KEY_TEXT, NULL,
	  "no equivalent: the certificate must bear the name of host; else pin_sha256, which `mailferry probe' shows" },
	{ IMPORT_RETRIEVER, "delete_dup_msgids", IMPORT_KEY_FLAG, NULL,
	  "no equivalent: messages that share a UIDL are messages of their own, and all are fetched" },
	{ IMPORT_RETRIEVER, "envelope_recipient", IMPORT_KEY_TEXT, take_envelope, NULL },

	{ IMPORT_OPTIONS, "verbose", IMPORT_KEY_TEXT, NULL, NULL },
	{ IMPORT_OPTIONS, "read_all", IMPORT_KEY_FLAG, take_read_all, NULL },
	{ IMPORT_OPTIONS, "delete", IMPORT_KEY_FLAG, take_delete, NULL },
	{ IMPORT_OPTIONS, "delete_after", IMPORT_KEY_NUMBER, take_delete_after, NULL },
	{ IMPORT_OPTIONS, "delete_bigger_than", IMPORT_KEY_NUMBER, NULL,
	  "no equivalent: messages are removed whatever their size, or not" },
	{ IMPORT_OPTIONS, "max_message_size", IMPORT_KEY_NUMBER, take_larger, NULL },
	{ IMPORT_OPTIONS, "max_bytes_per_session", IMPORT_KEY_NUMBER, NULL,
	  NO_NEED "what a run has fetched is kept, however it ends" },
	{ IMPORT_OPTIONS, "max_messages_per_session", IMPORT_KEY_NUMBER, NULL,
	  NO_NEED "what a run has fetched is kept, however it ends" },
	{ IMPORT_OPTIONS, "to_oldmail_on_each_mail", IMPORT_KEY_FLAG, NULL,
	  NO_NEED "a message and the memory that it was fetched are one commit" },
	{ IMPORT_OPTIONS, "skip_imap_fetch_size", IMPORT_KEY_FLAG, NULL, "no equivalent" },
	{ IMPORT_OPTIONS, "use_netrc", IMPORT_KEY_FLAG, NULL, "no equivalent: write the password into password_file" },
	{ IMPORT_OPTIONS, "netrc_file", IMPORT_KEY_TEXT, NULL, "no equivalent: write the password into password_file" },
	{ IMPORT_OPTIONS, "delivered_to", IMPORT_KEY_FLAG, NULL,
	  "no equivalent: mailferry adds its Received line only" },
	{ IMPORT_OPTIONS, "received", IMPORT_KEY_FLAG, NULL, NULL },
	{ IMPORT_OPTIONS, "message_log", IMPORT_KEY_TEXT, NULL,
	  "no equivalent: events go to standard error, so to the journal" },
	{ IMPORT_OPTIONS, "message_log_syslog", IMPORT_KEY_FLAG, NULL,
	  "no equivalent: events go to standard error, so to the journal" },
	{ IMPORT_OPTIONS, "message_log_verbose", IMPORT_KEY_FLAG, NULL, "no equivalent: log_level is for all" },

	{ IMPORT_DESTINATION, "type", IMPORT_KEY_TEXT, take_destination, NULL },
};

const struct import_key *import_key_find(enum import_section section, const char *name)
{
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (all[i].section == section && strcmp(all[i].key, name) == 0)
			return &all[i];
	return NULL;
}
