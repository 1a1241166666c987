/* A getmailrc: one retriever a file, as getmail's configuration manual has it. Tables say what becomes of each key. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/import_ini.h"

enum shape { TEXT, NUMBER, FLAG, TUPLE };
enum section { RETRIEVER, DESTINATION, OPTIONS, SECTIONS };

struct reader {
	struct import *imp;
	struct import_source source;
	bool deletes, read_all, retriever;
	uint64_t delete_days;
	int delete_line, search_line;
	const char *move_to, *on_delete;
	struct import_list on_delete_flags;
};

struct value {
	const char *text;
	uint64_t number;
	bool flag;
	struct import_list list;
	int line;
};

struct row {
	enum section section;
	const char *key;
	enum shape shape;
	void (*take)(struct reader *r, const struct value *v);
	const char *note; /* a comment for whoever said it; of a FLAG: who said yes */
};

#define TAKE(name) static void take_##name(struct reader *r, const struct value *v)

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
		import_note(r->imp, v->line, "envelope_recipient %.100s: the number has no equivalent: the first field that "
					     "names one of our addresses counts", v->text);
}

TAKE(search)
{
	if (!slice_eq_nocase(slice_str(v->text), SLICE_LIT("ALL"))) {
		r->search_line = v->line;
		import_note(r->imp, v->line, "imap_search %.100s: no equivalent: mailferry fetches all that it has not fetched "
					     "before, whether it was read or not", v->text);
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
		{ "MultiSorter", "the recipients are told apart by the `addresses' of accounts, and in the rules by `envelope' "
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

static const struct row rows[] = {
	{ RETRIEVER, "type", TEXT, take_type, NULL },
	{ RETRIEVER, "server", TEXT, take_server, NULL },
	{ RETRIEVER, "port", NUMBER, take_port, NULL },
	{ RETRIEVER, "username", TEXT, take_username, NULL },
	{ RETRIEVER, "password", TEXT, take_password, NULL },
	{ RETRIEVER, "password_command", TUPLE, take_password_command, NULL },
	{ RETRIEVER, "timeout", NUMBER, take_timeout, NULL },
	{ RETRIEVER, "use_apop", FLAG, take_apop, NULL },
	{ RETRIEVER, "use_kerberos", FLAG, NULL, "no equivalent: mailferry has no Kerberos" },
	{ RETRIEVER, "use_xoauth2", FLAG, take_xoauth2, NULL },
	{ RETRIEVER, "mailboxes", TEXT, take_mailboxes, NULL },
	{ RETRIEVER, "use_peek", FLAG, take_peek, NULL },
	{ RETRIEVER, "move_on_delete", TEXT, take_move_to, NULL },
	{ RETRIEVER, "record_mailbox", FLAG, NULL, NO_NEED "`mailferry trace' tells the source of each message" },
	{ RETRIEVER, "imap_search", TEXT, take_search, NULL },
	{ RETRIEVER, "imap_on_delete", TEXT, take_on_delete, NULL },
	{ RETRIEVER, "keyfile", TEXT, take_key, NULL },
	{ RETRIEVER, "certfile", TEXT, take_certificate, NULL },
	{ RETRIEVER, "ca_certs", TEXT, take_ca_file, NULL },
	{ RETRIEVER, "ssl_ciphers", TEXT, NULL, "no equivalent: the system's choice is taken" },
	{ RETRIEVER, "ssl_version", TEXT, NULL, "no equivalent: TLS 1.2 at least, always" },
	{ RETRIEVER, "ssl_fingerprints", TEXT, NULL,
	  "no equivalent: that of the server's key takes its place: pin_sha256, which `mailferry probe' shows" },
	{ RETRIEVER, "ssl_cert_hostname", TEXT, NULL,
	  "no equivalent: the certificate must bear the name of host; else pin_sha256, which `mailferry probe' shows" },
	{ RETRIEVER, "delete_dup_msgids", FLAG, NULL,
	  "no equivalent: messages that share a UIDL are messages of their own, and all are fetched" },
	{ RETRIEVER, "envelope_recipient", TEXT, take_envelope, NULL },
	{ RETRIEVER, "id_extension", FLAG, NULL, NO_NEED "servers are told the name of the program" },

	{ OPTIONS, "verbose", TEXT, NULL, NULL },
	{ OPTIONS, "read_all", FLAG, take_read_all, NULL },
	{ OPTIONS, "delete", FLAG, take_delete, NULL },
	{ OPTIONS, "delete_after", NUMBER, take_delete_after, NULL },
	{ OPTIONS, "delete_bigger_than", NUMBER, NULL, "no equivalent: messages are removed whatever their size, or not" },
	{ OPTIONS, "max_message_size", NUMBER, take_larger, NULL },
	{ OPTIONS, "max_bytes_per_session", NUMBER, NULL, NO_NEED "what a run has fetched is kept, however it ends" },
	{ OPTIONS, "max_messages_per_session", NUMBER, NULL, NO_NEED "what a run has fetched is kept, however it ends" },
	{ OPTIONS, "to_oldmail_on_each_mail", FLAG, NULL,
	  NO_NEED "a message and the memory that it was fetched are one commit" },
	{ OPTIONS, "skip_imap_fetch_size", FLAG, NULL, "no equivalent" },
	{ OPTIONS, "use_netrc", FLAG, NULL, "no equivalent: write the password into password_file" },
	{ OPTIONS, "netrc_file", TEXT, NULL, "no equivalent: write the password into password_file" },
	{ OPTIONS, "delivered_to", FLAG, NULL, "no equivalent: mailferry adds its Received line only" },
	{ OPTIONS, "received", FLAG, NULL, NULL },
	{ OPTIONS, "message_log", TEXT, NULL, "no equivalent: events go to standard error, so to the journal" },
	{ OPTIONS, "message_log_syslog", FLAG, NULL, "no equivalent: events go to standard error, so to the journal" },
	{ OPTIONS, "message_log_verbose", FLAG, NULL, "no equivalent: log_level is for all" },
	{ OPTIONS, "logfile", TEXT, NULL, "no equivalent: events go to standard error, so to the journal" },

	{ DESTINATION, "type", TEXT, take_destination, NULL },
};

static bool flag_read(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool means;
	} words[] = { { "1", true },  { "yes", true }, { "true", true },   { "on", true },
		      { "0", false }, { "no", false }, { "false", false }, { "off", false } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq_nocase(slice_str(text), slice_str(words[i].word))) {
			*out = words[i].means;
			return true;
		}
	return false;
}

static void row_take(struct reader *r, const struct row *row, const struct import_item *item)
{
	struct value v = { .text = item->value, .line = item->line };

	if (row->shape == NUMBER && slice_number(slice_str(v.text), INT64_MAX / 1000, &v.number) != 0) {
		import_error(r->imp, item->line, "%s: expected a number, got \"%.60s\"", row->key, v.text);
		return;
	}
	if (row->shape == FLAG && !flag_read(v.text, &v.flag)) {
		import_error(r->imp, item->line, "%s: expected true or false, got \"%.60s\"", row->key, v.text);
		return;
	}
	if (row->shape == TUPLE && import_ini_tuple(r->imp, item->line, v.text, &v.list) != 0) {
		import_error(r->imp, item->line, "%s: expected quoted words in parentheses", row->key);
		return;
	}
	if (row->take != NULL)
		row->take(r, &v);
	if (row->note != NULL && (row->shape != FLAG || v.flag))
		import_note(r->imp, item->line, "%s %.200s: %s", row->key, v.text, row->note);
}

/* SECTIONS: another one, of a filter or a destination. */
static enum section section_of(struct slice name)
{
	static const char *const names[] = { "retriever", "destination", "options" };

	for (size_t i = 0; i < SECTIONS; i++)
		if (slice_eq(name, slice_str(names[i])))
			return (enum section)i;
	return SECTIONS;
}

static void on_item(void *arg, const struct import_item *item)
{
	struct reader *r = arg;
	enum section section = section_of(item->section);
	int n = item->section.n > 60 ? 60 : (int)item->section.n;

	if (item->key == NULL) {
		r->retriever = r->retriever || section == RETRIEVER;
		return;
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].section == section && strcmp(rows[i].key, item->key) == 0) {
			row_take(r, &rows[i], item);
			return;
		}
	if (section == SECTIONS && strcmp(item->key, "type") == 0 && slice_starts_nocase(item->section, SLICE_LIT("filter")))
		import_note(r->imp, item->line,
			    "[%.*s] %.60s: no equivalent: mailferry runs no programs on mail; rules sort it, and what a spam "
			    "filter wrote into the header can be asked for: mailferry-rules(7)",
			    n, item->section.p, item->value);
	else if (section == SECTIONS && strcmp(item->key, "type") == 0)
		import_note(r->imp, item->line, "[%.*s] %.60s: no equivalent: a folder in the rules, or an account of its own",
			    n, item->section.p, item->value);
	else if (section == DESTINATION && (strcmp(item->key, "locals") == 0 || strcmp(item->key, "default") == 0 ||
					    strcmp(item->key, "destinations") == 0 || strcmp(item->key, "path") == 0))
		import_note(r->imp, item->line, "%s: %.300s", item->key, item->value);
	else if (section != SECTIONS && section != DESTINATION)
		import_note(r->imp, item->line, "[%.*s] %s: getmail's manual has no such key", n, item->section.p, item->key);
}

/* What the keys mean together. */
static void source_finish(struct reader *r)
{
	struct import_source *s = &r->source;
	bool seen = r->on_delete != NULL && strstr(r->on_delete, "\\Seen") != NULL;
	bool deleted = r->on_delete == NULL || strstr(r->on_delete, "\\Deleted") != NULL;

	s->label = s->host;
	s->keep_line = r->delete_line;
	if (r->deletes && r->move_to != NULL) {
		s->move_to = r->move_to;
	} else if (r->deletes && deleted) {
		s->deletes = true;
	} else if (r->deletes) {
		s->mark_seen = seen;
		import_note(r->imp, r->delete_line, "delete with imap_on_delete %.100s: the originals stay%s", r->on_delete,
			    seen ? " and are marked as read" : "");
	} else if (r->delete_days > 0) {
		s->deletes = true;
		s->delete_days = r->delete_days;
	}
	if (r->move_to != NULL && !r->deletes)
		import_note(r->imp, s->line, "move_on_delete: without delete, getmail moved nothing; nor does this");
	if (r->read_all && !r->deletes)
		import_note(r->imp, s->line, "read_all is true unless it is set: getmail fetched everything again at each run; "
					     "mailferry fetches each message once");
	s->all = true;
}

void import_getmailrc(struct import *imp, const char *file, struct slice text)
{
	struct reader *r = mem_alloc(sizeof *r);

	r->imp = imp;
	r->read_all = true;
	r->source.file = imp->file = file;
	r->source.line = 1;
	import_ini_read(imp, text, on_item, r);
	if (r->retriever) {
		source_finish(r);
		import_source_add(imp, &r->source);
	} else {
		import_error(imp, 1, "there is no section [retriever]: is this a getmailrc?");
	}
	free(r);
}
