/* A configuration of mailferry of what another program's file says. What only a person can know is marked. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cmd/import.h"
#include "cmd/text.h"
#include "config/value.h"

enum {
	WIDTH = 100,
	/* What our keys take. */
	SIZE_LEAST = 1024,
	SIZE_LARGEST = 1024 * 1024 * 1024,
	EVERY_MAX = 366 * 24 * 3600,
	TIMEOUT_MAX = 3600,
	DAYS_MAX = 10000,
	EVERY_USUAL = 300
};

/* What its manual says of the headers that fetchmail goes by, when it is told of none. */
static const char *const usual_headers[] = { "Received", "X-Envelope-To", NULL };

static void text_print(struct buf *out, const char *s)
{
	(void)buf_add_char(out, '"');
	while (*s != '\0') {
		size_t n = utf8_char_len(slice_str(s));
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			(void)buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f || n == 0)
			(void)buf_addf(out, "\\x%02x", c);
		else
			(void)buf_add(out, s, n);
		s += n == 0 ? 1 : n;
	}
	(void)buf_add_char(out, '"');
}

static void put(struct buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	(void)buf_addf(out, "\t\t%s = ", key);
	text_print(out, value);
	(void)buf_add_str(out, ";\n");
}

static void put_list(struct buf *out, const char *key, const char *const *at, size_t n)
{
	(void)buf_addf(out, "\t\t%s = [ ", key);
	for (size_t i = 0; i < n; i++) {
		(void)buf_add_str(out, i == 0 ? "" : ", ");
		text_print(out, at[i]);
	}
	(void)buf_add_str(out, " ];\n");
}

/* TEXT as lines of a comment. */
static void comment(struct buf *out, const char *indent, const char *text)
{
	struct slice rest = slice_str(text);

	while (rest.n > 0) {
		size_t n = rest.n, blank;

		if (n > WIDTH) {
			for (blank = WIDTH; blank > 0 && rest.p[blank] != ' '; blank--)
				;
			if (blank == 0)
				blank = slice_find(rest, ' ');
			n = blank;
		}
		(void)buf_addf(out, "%s# ", indent);
		(void)buf_add(out, rest.p, n);
		(void)buf_add_char(out, '\n');
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
}

static void notes_print(const struct import *imp, size_t owner, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < imp->nnotes; i++) {
		const struct import_note *n = &imp->notes[i];
		struct buf line;

		if (n->owner != owner)
			continue;
		buf_init(&line, 2 * IMPORT_TEXT_MAX);
		(void)text_clean(&line, n->file, 0);
		(void)buf_addf(&line, ":%d: %s", n->line, n->text);
		comment(out, indent, buf_str(&line));
		buf_free(&line);
	}
}

/* ---- accounts ---- */

static void account_print(const struct import_account *a, struct buf *out)
{
	bool known = a->addresses.n > 0;

	(void)buf_addf(out, "\t%s = {\n", a->name);
	(void)buf_add_str(out, "\t\t# FILL IN: the IMAP server of this mailbox, and who logs in there.\n"
			       "\t\thost = \"\";\n\t\tuser = \"\";\n"
			       "\t\t# FILL IN: make this file, with the password in its first line, and chmod 600.\n");
	(void)buf_addf(out, "\t\tpassword_file = \"%s.password\";\n", a->name);
	for (size_t i = 0; i < a->addresses.n; i++)
		known = known && a->addresses.at[i][slice_find(slice_str(a->addresses.at[i]), '@') + 1] != '\0';
	if (known)
		(void)buf_add_str(
		    out, "\t\t# Whose mail goes here; compare this with the addresses that the mailbox really has.\n");
	else
		(void)buf_add_str(out, "\t\t# FILL IN: the addresses whose mail goes here, in full.\n");
	if (a->addresses.n > 0)
		put_list(out, "addresses", a->addresses.at, a->addresses.n);
	else
		(void)buf_add_str(out, "\t\taddresses = [ \"\" ];\n");
	(void)buf_add_str(out, "\t};\n");
}

/* ---- sources ---- */

static bool is_local(const char *host)
{
	return host != NULL &&
	       (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0);
}

static void server_print(const struct import_source *s, struct buf *out)
{
	static const char *const names[] = { "starttls", "implicit", "starttls", "none" };
	enum import_tls tls = s->tls;
	char hint[VALUE_HINT_SIZE];

	put(out, "protocol", s->imap ? "imap" : "pop3");
	if (s->host == NULL || value_host(slice_str(s->host), hint) != 0)
		(void)buf_add_str(out, "\t\t# FILL IN: the server's name.\n");
	put(out, "host", s->host == NULL ? "" : s->host);
	if (s->port != 0)
		(void)buf_addf(out, "\t\tport = %u;\n", s->port);
	if (is_local(s->host) && tls != IMPORT_TLS_IMPLICIT)
		tls = IMPORT_TLS_NONE;
	else if (tls == IMPORT_TLS_NONE) {
		comment(out, "\t\t",
			"Password and mail went over the line in clear. With this they do not; a server that has "
			"no STARTTLS on this port may have \"implicit\" on another. tls = \"none\" is as before.");
		tls = IMPORT_TLS_STARTTLS;
	} else if (tls == IMPORT_TLS_UNSAID) {
		comment(out, "\t\t", "fetchmail took TLS where it was offered; mailferry insists on it.");
	}
	put(out, "tls", names[tls]);
	put(out, "ca_file", s->ca_file);
	put(out, "client_certificate", s->certificate);
	put(out, "client_key", s->key);
	put(out, "auth", s->auth);
	if (s->timeout > 0)
		(void)buf_addf(out, "\t\ttimeout = \"%llus\";\n",
			       (unsigned long long)(s->timeout > TIMEOUT_MAX ? TIMEOUT_MAX : s->timeout));
}

static void login_print(const struct import_source *s, const char *passwords, struct buf *out)
{
	if (s->user == NULL)
		(void)buf_add_str(out, "\t\t# FILL IN: who logs in.\n");
	put(out, "user", s->user == NULL ? "" : s->user);
	if (s->oauth) {
		comment(out, "\t\t",
			"FILL IN: it logged in with access tokens. See `mailferry login --steps PROVIDER' and "
			"mailferry.conf(5), oauth; then `mailferry login' with this name.");
		(void)buf_add_str(out, "\t\toauth = { grant = \"user\"; client_id = \"\"; };\n");
	} else if (s->password_file != NULL) {
		put(out, "password_file", s->password_file);
	} else if (s->password_command != NULL) {
		put(out, "password_command", s->password_command);
	} else if (passwords != NULL && s->password != NULL) {
		struct buf path;

		buf_init(&path, 2 * IMPORT_TEXT_MAX);
		(void)buf_addf(&path, "%s/%s.password", passwords, s->name);
		put(out, "password_file", buf_str(&path));
		buf_free(&path);
	} else {
		comment(out, "\t\t",
			s->password == NULL
			    ? "FILL IN: make this file, with the password in its first line, and chmod 600. The "
			      "password is not in the old file."
			    : "FILL IN: make this file, with the password in its first line, and chmod 600; or import "
			      "with --passwords DIRECTORY, which writes it there.");
		(void)buf_addf(out, "\t\tpassword_file = \"%s.password\";\n", s->name);
	}
}

static void originals_print(const struct import *imp, const struct import_source *s, struct buf *out)
{
	char text[400];

	if (s->imap && s->move_to != NULL) {
		(void)buf_add_str(out, "\t\tkeep = false;\n");
		put(out, "move_to", s->move_to);
	} else if (s->deletes) {
		(void)snprintf(
		    text, sizeof text,
		    "%s removed mail from the server once it was delivered%s. This does so once mailferry has the "
		    "message safely; delete = \"after-delivery\" waits until it is in its folder, and keep = true "
		    "removes nothing.",
		    imp->program, s->keep_line == 0 ? ": that is its default, and nothing told it to keep it" : "");
		comment(out, "\t\t", text);
		(void)buf_add_str(out, "\t\tkeep = false;\n");
		if (s->delete_days > 0)
			(void)buf_addf(out, "\t\tdelete = \"%llud\";\n",
				       (unsigned long long)(s->delete_days > DAYS_MAX ? DAYS_MAX : s->delete_days));
		else
			(void)buf_add_str(out, "\t\tdelete = \"at-once\";\n");
	} else {
		(void)buf_add_str(out, "\t\tkeep = true;\n");
	}
	if (s->imap && s->mark_seen)
		(void)buf_add_str(out, "\t\tmark_seen = true;\n");
	if (s->imap && !s->all) {
		comment(out, "\t\t",
			"fetchmail fetched only what nobody had read; mailferry fetches everything that it has not "
			"fetched before, so what was read and is still there comes too. To leave what is old: "
			"skip = { older = \"1d\"; };");
	} else if (s->move_to == NULL && (!s->deletes || s->delete_days > 0)) {
		(void)snprintf(text, sizeof text,
			       "Mail that was fetched is still there, and would come once more. Before the first run, "
			       "`mailferry import %src --state FILE %s' takes over what %s remembers.",
			       imp->program, s->name, imp->program);
		comment(out, "\t\t", text);
	}
	if (s->larger >= SIZE_LARGEST)
		comment(out, "\t\t", "There was a limit of size, so high that it keeps out nothing here.");
	else if (s->larger > 0)
		(void)buf_addf(out, "\t\tskip = { larger = \"%lluB\"; note = true; };\n",
			       (unsigned long long)(s->larger < SIZE_LEAST ? SIZE_LEAST : s->larger));
}

static void schedule_print(const struct import *imp, const struct import_source *s, struct buf *out)
{
	uint64_t every = imp->every, times = s->interval > 1 ? s->interval : 1;
	bool push = s->push && s->imap;

	if (s->by_hand) {
		comment(out, "\t\t",
			"`skip': it was fetched only when it was named, so it has no schedule: `mailferry sync' with "
			"this name fetches it.");
		return;
	}
	if (push)
		(void)buf_add_str(out, "\t\tpush = true;\n");
	if (every == 0 && !push) {
		comment(out, "\t\t", "FILL IN: how often; the old file does not say, cron may have.");
		every = EVERY_USUAL;
	}
	if (every > 0) {
		every = times > EVERY_MAX / every ? EVERY_MAX : every * times;
		(void)buf_addf(out, "\t\tevery = \"%llus\";\n", (unsigned long long)every);
	}
}

static void source_print(const struct import *imp, size_t i, const char *passwords, struct buf *out)
{
	const struct import_source *s = &imp->sources[i];
	bool patterns = false;
	size_t n = 0;

	(void)buf_add_str(out, "\t# ");
	(void)text_clean(out, s->file, 0);
	(void)buf_addf(out, ":%d\n", s->line);
	(void)buf_addf(out, "\t%s = {\n", s->name);
	server_print(s, out);
	login_print(s, passwords, out);
	for (size_t k = 0; k < s->folders.n; k++)
		patterns =
		    patterns || strpbrk(s->folders.at[k], "*%") != NULL || strchr("!\\", s->folders.at[k][0]) != NULL;
	if (s->imap && patterns)
		comment(out, "\t\t",
			"Look at these: * and % stand for any text here, ! in front leaves out, \\ in front is a use "
			"such as \\Junk.");
	if (s->imap && s->folders.n > 0)
		put_list(out, "folders", s->folders.at, s->folders.n);
	else if (s->folders.n > 0)
		comment(out, "\t\t", "There are no folders in POP3: those of the old file are left out.");
	put(out, "account", imp->accounts[s->account].name);
	while (usual_headers[n] != NULL)
		n++;
	if (s->multidrop) {
		comment(out, "\t\t",
			"A mailbox for many: these fields tell for whom a message is. Mail for no one here goes into "
			"unmatched_folder of the account.");
		put_list(out, "recipients_from", s->headers.n > 0 ? s->headers.at : usual_headers,
			 s->headers.n > 0 ? s->headers.n : n);
	}
	originals_print(imp, s, out);
	schedule_print(imp, s, out);
	notes_print(imp, i, "\t\t", out);
	(void)buf_add_str(out, "\t};\n");
}

void import_print(const struct import *imp, const char *passwords, struct buf *out)
{
	size_t real = 0;

	(void)buf_addf(out,
		       "# Made by `mailferry import %src'. Complete what is marked FILL IN, then let\n"
		       "# `mailferry check' read it; mailferry.conf(5) explains all keys.\n",
		       imp->program);
	notes_print(imp, IMPORT_GENERAL, "", out);
	for (size_t i = 0; i < imp->nsources; i++)
		real += !imp->sources[i].none;
	if (real > 0) {
		(void)buf_addf(out,
			       "\n# Where the mail goes. %s delivered it on this machine; mailferry files it into IMAP "
			       "mailboxes.\naccounts = {\n",
			       imp->program);
		for (size_t i = 0; i < imp->naccounts; i++)
			account_print(&imp->accounts[i], out);
		(void)buf_add_str(out, "};\n\n# Where it comes from.\nsources = {\n");
		for (size_t i = 0; i < imp->nsources; i++)
			if (!imp->sources[i].none)
				source_print(imp, i, passwords, out);
		(void)buf_add_str(out, "};\n");
	}
	for (size_t i = 0; i < imp->nsources; i++)
		if (imp->sources[i].none) {
			(void)buf_add_str(out, "\n# No equivalent for the mailbox at ");
			(void)text_clean(out, imp->sources[i].file, 0);
			(void)buf_addf(out, ":%d\n", imp->sources[i].line);
			notes_print(imp, i, "", out);
		}
}
