/* Sources: what hangs on other keys, and what can't go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/source.h"
#include "config/verify.h"
#include "msg/address.h"

enum { PUSH_EVERY_MS = 30 * 60 * 1000 };

static bool is_whole_domain(const char *address)
{
	return address[0] == '@';
}

/* Does mail for ADDRESS go to ACCOUNT? *TO: whose it is, or NULL. -1: it is no address. */
static int address_goes(const struct config *c, const char *address, const struct config_account **to)
{
	struct address a;

	bool whole;

	*to = NULL;
	if (address_parse(slice_str(address), true, &a) != ADDRESS_OK)
		return -1;
	whole = a.local[0] != '\0' && a.domain[0] != '\0';
	*to = config_route(c, a.local, a.domain).account;
	address_free(&a);
	return whole ? 0 : -1;
}

static void recipient_complete(const struct config *c, struct config_source *s)
{
	const struct config_account *a = config_account(c, s->account), *to;

	if (a == NULL || s->to != NULL || s->nrecipient_headers > 0)
		return;
	for (size_t i = 0; i < a->naddresses; i++) {
		if (is_whole_domain(a->addresses[i]))
			continue;
		s->to = mem_strdup(a->addresses[i]);
		return;
	}
	if (s->server.user != NULL && address_goes(c, s->server.user, &to) == 0 && to == a)
		s->to = mem_strdup(s->server.user);
}

static void source_complete(struct build *b, size_t i)
{
	struct config *c = b->config;
	struct config_source *s = &c->sources[i];
	struct holder h = holder_source(b, i);

	if (s->account == NULL && c->naccounts == 1 && !holder_given(&h, "account"))
		s->account = mem_strdup(c->accounts[0].name);
	if (s->account != NULL)
		recipient_complete(c, s);
	if (s->protocol == CONFIG_IMAP && s->nfolders == 0) {
		s->folders = mem_array(1, sizeof *s->folders);
		s->folders[s->nfolders++] = mem_strdup("INBOX");
	}
	if (!holder_given(&h, "keep"))
		s->keep = s->delete == CONFIG_DELETE_NEVER && s->move_to == NULL;
	if (s->push && s->every == 0 && s->nat == 0)
		s->every = PUSH_EVERY_MS;
}

void sources_complete(struct build *b)
{
	for (size_t i = 0; i < b->config->nsources; i++)
		source_complete(b, i);
}

/* ---- checks ---- */

static void name_verify(const struct holder *h)
{
	const struct config *c = h->b->config;
	struct buf where;
	char path[REPORT_PATH_SIZE];

	for (size_t i = 0; i < c->naccounts; i++) {
		if (strcmp(c->accounts[i].name, h->server->name) != 0)
			continue;
		buf_init(&where, 5000);
		source_where(h->b->source, h->b->accounts[i].line, &where);
		(void)snprintf(path, sizeof path, "sources.%.120s", h->server->name);
		report_error(
		    h->b->report, h->lines->line, path,
		    "the account at %s has this name: give the source another, commands and logs know both by it",
		    buf_str(&where));
		buf_free(&where);
	}
}

static void account_verify(const struct holder *h)
{
	const struct config *c = h->b->config;
	const struct config_source *s = h->source;
	const struct config_account *to;

	if (s->account == NULL) {
		if (c->naccounts > 1 && !holder_given(h, "account"))
			verify_error(h, "account",
				     "missing: there are several accounts, name the one that the mail is for");
		return;
	}
	if (config_account(c, s->account) == NULL) {
		verify_error(h, "account", "there is no account `%.64s'", s->account);
		return;
	}
	if (s->nrecipient_headers > 0) {
		if (s->to != NULL)
			verify_error(h, "to",
				     "recipients_from is given too, which asks each message: give one of the two");
		return;
	}
	if (s->to == NULL)
		verify_error(
		    h, "to",
		    "missing: account `%.64s' takes whole domains only; give the address that this mail is for, or "
		    "recipients_from",
		    s->account);
	else if (address_goes(c, s->to, &to) != 0)
		verify_error(h, "to", "expected an address such as \"info@office.example\", got \"%.100s\"", s->to);
	else if (to == NULL)
		verify_error(h, "to",
			     "no account takes mail for \"%.200s\": name one of the addresses of account `%.64s'",
			     s->to, s->account);
	else if (strcmp(to->name, s->account) != 0)
		verify_error(h, "to", "mail for \"%.200s\" goes to account `%.64s', not to `%.64s'", s->to, to->name,
			     s->account);
}

/* What becomes of the original. */
static void original_verify(const struct holder *h)
{
	const struct config_source *s = h->source;
	bool given = holder_given(h, "keep"), gone = s->delete != CONFIG_DELETE_NEVER;

	if (gone && s->move_to != NULL)
		verify_error(h, "move_to", "delete is given too: an original can be moved or deleted, not both");
	else if (given && s->keep && gone)
		verify_error(h, "delete", "keep is true: take one of the two away");
	else if (given && s->keep && s->move_to != NULL)
		verify_error(h, "move_to", "keep is true: take one of the two away");
	else if (given && !s->keep && !gone && s->move_to == NULL)
		verify_error(h, "keep", "it does not say what becomes of originals: give delete or move_to instead");
}

/* What POP3 has not. */
static void pop3_verify(const struct holder *h)
{
	static const struct {
		const char *key, *why;
	} rows[] = {
		{ "folders", "POP3 has one folder only: take it away, or use protocol \"imap\"" },
		{ "move_to", "POP3 has one folder only: use delete or keep, or protocol \"imap\"" },
		{ "mark_seen", "POP3 has no flags: take it away, or use protocol \"imap\"" },
		{ "push", "POP3 can't tell when mail comes: give every or at" },
		{ "compress", "POP3 has no compression: take it away" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool false_said = (i == 2 && !h->source->mark_seen) || (i == 3 && !h->source->push);

		if (holder_given(h, rows[i].key) && !false_said)
			verify_error(h, rows[i].key, "%s", rows[i].why);
	}
}

static void folders_verify(const struct holder *h)
{
	const struct config_source *s = h->source;
	bool some = false;

	for (size_t i = 0; i < s->nfolders; i++)
		some = some || s->folders[i][0] != '!';
	if (s->nfolders > 0 && !some)
		verify_error(h, "folders", "it only leaves out: put \"*\" in front to mean all others");
	for (size_t i = 0; i < s->nfolders && s->move_to != NULL; i++) {
		if (slice_eq_nocase(slice_str(s->folders[i]), slice_str(s->move_to)))
			verify_error(h, "move_to",
				     "\"%.200s\" is one of folders: what was moved there would be fetched again",
				     s->move_to);
	}
}

/* A name against one of `folders', without its `!'. */
static bool pattern_takes(const char *pattern, const char *name)
{
	for (; *pattern != '\0'; pattern++, name++) {
		if (*pattern == '*' || *pattern == '%') {
			/* Only INBOX is asked for, which has one level and few letters; a row of stars is one star. */
			while (pattern[1] == '*' || pattern[1] == '%')
				pattern++;
			for (const char *rest = name;; rest++) {
				if (pattern_takes(pattern + 1, rest))
					return true;
				if (*rest == '\0')
					return false;
			}
		}
		if (ascii_lower(*pattern) != ascii_lower(*name))
			return false;
	}
	return *name == '\0';
}

bool config_source_takes_inbox(const struct config_source *s)
{
	bool taken = s->protocol == CONFIG_POP3;

	for (size_t i = 0; i < s->nfolders; i++) {
		if (s->folders[i][0] != '!')
			taken = taken || pattern_takes(s->folders[i], "INBOX");
		else if (pattern_takes(s->folders[i] + 1, "INBOX"))
			return false;
	}
	return taken;
}

bool config_source_is_of(const struct config_source *s, const struct config_server *server)
{
	/* One mailbox may be there by both protocols, so the port does not count. */
	return s->server.host != NULL && server->host != NULL && s->server.user != NULL && server->user != NULL &&
	       slice_eq_nocase(slice_str(s->server.host), slice_str(server->host)) &&
	       slice_eq_nocase(slice_str(s->server.user), slice_str(server->user));
}

/* Mail that is filed where it was fetched from is not fetched again, but the original would stay beside its copy. */
static void loop_verify(const struct holder *h)
{
	const struct config_account *a =
	    h->source->account == NULL ? NULL : config_account(h->b->config, h->source->account);

	if (a == NULL || !h->source->keep || !config_source_is_of(h->source, &a->server) ||
	    !config_source_takes_inbox(h->source))
		return;
	verify_error(
	    h, "keep",
	    "this is the mailbox of account `%.64s' itself: every message would be there twice; give delete or "
	    "move_to",
	    a->name);
}

void sources_verify(struct build *b)
{
	for (size_t i = 0; i < b->config->nsources; i++) {
		struct holder h = holder_source(b, i);

		name_verify(&h);
		account_verify(&h);
		original_verify(&h);
		if (holder_speaks_pop3(&h) && holder_given(&h, "protocol"))
			pop3_verify(&h);
		folders_verify(&h);
		loop_verify(&h);
		if (h.source->jitter > 0 && h.source->every > 0 && h.source->jitter >= h.source->every &&
		    holder_given(&h, "jitter"))
			verify_error(&h, "jitter", "not smaller than every");
	}
}
