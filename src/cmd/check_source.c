#include "cmd/check_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/text.h"
#include "config/schedule.h"
#include "config/value.h"

enum { OFTEN_MS = 60 * 1000, LINE_MAX_BYTES = 64 * 1024 };

static void words_tell(struct buf *out, char *const *words, size_t n, const char *mark, const char *last)
{
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, "%s%s%s%s", i == 0 ? "" : i + 1 == n ? last : ", ", mark, words[i], mark);
}

/* The folders that are meant, and those that are left out. */
static void folders_tell(struct buf *out, const struct config_source *s)
{
	const char *before = "";

	for (size_t i = 0; i < s->nfolders; i++) {
		if (s->folders[i][0] != '!') {
			(void)buf_addf(out, "%s%s", before, s->folders[i]);
			before = ", ";
		}
	}
	before = " without ";
	for (size_t i = 0; i < s->nfolders; i++) {
		if (s->folders[i][0] == '!') {
			(void)buf_addf(out, "%s%s", before, s->folders[i] + 1);
			before = ", ";
		}
	}
	(void)buf_add_str(out, s->nfolders == 0 ? "" : " of ");
}

static void what_tell(struct buf *out, const struct config_source *s)
{
	(void)buf_add_str(out, "fetches ");
	folders_tell(out, s);
	(void)buf_addf(out, "%s at %s (%s, port %u)", s->server.user, s->server.host,
		       s->protocol == CONFIG_POP3 ? "POP3" : "IMAP", s->server.port);
	if (s->nrecipient_headers == 0) {
		(void)buf_addf(out, " for %s in account %s", s->to, s->account);
		return;
	}
	(void)buf_add_str(out, " for the recipients in ");
	words_tell(out, s->recipient_headers, s->nrecipient_headers, "", " or ");
	(void)buf_addf(out, ", and what is for no account into folder %s of account %s", s->unmatched, s->account);
}

static void skip_tell(struct buf *out, const struct config_source *s)
{
	if (s->skip.larger == 0 && s->skip.older == 0)
		return;
	(void)buf_add_str(out, "; leaves messages ");
	if (s->skip.larger > 0) {
		(void)buf_add_str(out, "larger than ");
		value_size_print(s->skip.larger, out);
	}
	if (s->skip.older > 0) {
		(void)buf_add_str(out, s->skip.larger > 0 ? " or older than " : "older than ");
		value_duration_print(s->skip.older, out);
	}
}

static void originals_tell(struct buf *out, const struct config_source *s)
{
	const char *marked = s->mark_seen ? " marked as read and" : "";

	(void)buf_add_str(out, "; originals ");
	if (s->move_to != NULL) {
		(void)buf_addf(out, "are%s moved to %s when the spool has them", marked, s->move_to);
	} else if (s->delete == CONFIG_DELETE_DELIVERED) {
		(void)buf_addf(out, "are%s deleted when they are filed", marked);
	} else if (s->delete == CONFIG_DELETE_ACCEPTED && s->delete_after > 0) {
		(void)buf_addf(out, "are%s deleted ", marked);
		value_duration_print(s->delete_after, out);
		(void)buf_add_str(out, " after the spool has them");
	} else if (s->delete == CONFIG_DELETE_ACCEPTED) {
		(void)buf_addf(out, "are%s deleted when the spool has them", marked);
	} else {
		(void)buf_add_str(out, s->mark_seen ? "stay, marked as read" : "stay as they are");
	}
}

/* When the next of these times is; they were read before. */
static void times_tell(struct buf *out, char *const *texts, size_t n, int64_t now)
{
	struct schedule *all = mem_array(n, sizeof *all);
	char hint[VALUE_HINT_SIZE], next[TEXT_TIME_SIZE];
	size_t read = 0;

	for (size_t i = 0; i < n; i++) {
		if (schedule_parse(slice_str(texts[i]), &all[read], hint) == 0)
			read++;
	}
	text_time(schedule_next(all, read, now), next);
	(void)buf_add_str(out, "at ");
	words_tell(out, texts, n, "\"", " and ");
	(void)buf_addf(out, " (next: %s)", next);
	free(all);
}

static void schedule_tell(struct buf *out, const struct config_source *s, int64_t now)
{
	const char *before = "; runs ";

	if (s->push) {
		(void)buf_addf(out, "%swhen the server tells of mail", before);
		before = " and ";
	}
	if (s->every > 0) {
		(void)buf_addf(out, "%severy ", before);
		value_duration_print(s->every, out);
		before = " and ";
	}
	if (s->nat > 0) {
		(void)buf_add_str(out, before);
		times_tell(out, s->at, s->nat, now);
	}
	if (!s->push && s->every == 0 && s->nat == 0)
		(void)buf_addf(out, "; runs only by: mailferry sync %s", s->name);
}

void check_source_tell(const struct config_source *s, int64_t now, struct buf *out)
{
	struct buf line;

	buf_init(&line, LINE_MAX_BYTES);
	(void)buf_addf(&line, "source %s: ", s->name);
	what_tell(&line, s);
	skip_tell(&line, s);
	originals_tell(&line, s);
	schedule_tell(&line, s, now);
	(void)text_clean(out, buf_str(&line), 0);
	(void)buf_add_char(out, '\n');
	buf_free(&line);
}

void check_account_tell(const struct config_account *a, int64_t now, struct buf *out)
{
	struct buf line;

	if (a->nat == 0)
		return;
	buf_init(&line, LINE_MAX_BYTES);
	(void)buf_addf(&line, "account %s: its mail waits in the spool and is filed ", a->name);
	times_tell(&line, a->at, a->nat, now);
	(void)text_clean(out, buf_str(&line), 0);
	(void)buf_add_char(out, '\n');
	buf_free(&line);
}

/* ---- warnings ---- */

/* Do both fetch the same messages? Going by what they are called; two patterns may still meet. */
static bool same_messages(const struct config_source *a, const struct config_source *b)
{
	if (!config_source_is_of(a, &b->server))
		return false;
	if (config_source_takes_inbox(a) && config_source_takes_inbox(b))
		return true;
	for (size_t i = 0; i < a->nfolders; i++) {
		for (size_t j = 0; j < b->nfolders; j++) {
			if (a->folders[i][0] != '!' && strcmp(a->folders[i], b->folders[j]) == 0)
				return true;
		}
	}
	return false;
}

static void others_warn(const struct config *c, const struct config_source *s, check_warn_fn *warn, void *arg)
{
	char text[400];

	for (size_t i = 0; i < c->naccounts; i++) {
		if (!config_source_is_of(s, &c->accounts[i].server))
			continue;
		(void)snprintf(
		    text, sizeof text,
		    "it reads the mailbox of account `%.64s': what mailferry files there is not fetched again, but "
		    "rules that file into the folder that is read only move mail in a circle",
		    c->accounts[i].name);
		warn(arg, s->name, text);
	}
	for (size_t i = 0; i < c->nsources && &c->sources[i] != s; i++) {
		if (!same_messages(s, &c->sources[i]))
			continue;
		(void)snprintf(text, sizeof text,
			       "source `%.64s' reads the same mailbox: each message is fetched twice",
			       c->sources[i].name);
		warn(arg, s->name, text);
	}
}

void check_source_warn(const struct config *c, const struct config_source *s, bool is_local, check_warn_fn *warn,
		       void *arg)
{
	bool scheduled = s->push || s->every > 0 || s->nat > 0;

	if (s->server.tls == CONFIG_TLS_NONE && !is_local)
		warn(arg, s->name, "tls is \"none\": everybody on the way to the server can read password and mail");
	if (!scheduled)
		warn(arg, s->name, "it has no schedule, neither every nor at nor push: nothing is fetched by itself");
	if (s->delete == CONFIG_DELETE_ACCEPTED && s->delete_after == 0)
		warn(arg, s->name,
		     "originals are deleted at once: until it is filed, mail is on the disk of the spool only; "
		     "delete = \"after-delivery\" waits for that");
	if (s->keep && scheduled && s->protocol == CONFIG_POP3)
		warn(arg, s->name, "originals stay for ever, and the mailbox grows until it is full: consider delete");
	if (s->every > 0 && s->every < OFTEN_MS && !is_local)
		warn(arg, s->name, "it asks more than once a minute: providers shut out those who ask too often");
	others_warn(c, s, warn, arg);
}
