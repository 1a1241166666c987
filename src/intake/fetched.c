/* Fetched mail: an envelope out of the header, and no one who could be told that it is not wanted. docs/fetch.md says
 * why each case is as it is. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "intake/addressees.h"
#include "intake/internal.h"
#include "msg/received.h"
#include "msg/summary.h"

/* How often mailferry may have filed a message for the same recipient before it counts as going round. Once is no loop:
 * people move to another provider and have their old mailbox fetched, which mailferry had filled. */
enum { FILED_BEFORE_MAX = 1 };
enum { WORD_MAX = 200, REASON_MAX = 300 };

/* ---- NULs ---- */

/* IMAP has no way to write a NUL in a message (RFC 3501, 9: CHAR8), and stores refuse it or cut there. What Dovecot
 * makes of it is taken: nothing else changes, and sizes stay. */
struct slice intake_fetched_clean(struct intake_message *m, struct slice piece, char **copy)
{
	if (piece.n == 0 || memchr(piece.p, '\0', piece.n) == NULL)
		return piece;
	*copy = mem_array(piece.n, 1);
	for (size_t i = 0; i < piece.n; i++) {
		(*copy)[i] = piece.p[i] == '\0' ? (char)0x80 : piece.p[i];
		m->nuls += piece.p[i] == '\0';
	}
	return slice_of(*copy, piece.n);
}

/* ---- the envelope ---- */

static const struct config_account *home(const struct intake_message *m)
{
	const struct intake_fetched *f = m->env.fetched;

	return f->account != NULL ? f->account : config_account(m->in->config, f->source->account);
}

static void set_recipient(struct intake_message *m, size_t i, struct address *a, const struct config_account *account)
{
	struct intake_recipient *r = &m->own[i];
	struct buf text;

	buf_init(&text, RECEIVED_ADDRESS_MAX + 100);
	(void)address_format(a, &text);
	r->address = mem_strdup(buf_str(&text));
	buf_free(&text);
	r->local = a->local;
	r->domain = a->domain;
	*a = (struct address){ 0 };
	r->account = account;
	r->size_max = intake_size_max(m->in, account, intake_envelope_cost("", r->address));
}

static bool parse(const char *text, struct address *a)
{
	return text != NULL && address_parse(slice_str(text), true, a) == ADDRESS_OK && a->domain[0] != '\0';
}

/* The address that stands for all mail of the source: `to', or the account's own. */
static void home_address(const struct intake_message *m, struct address *a)
{
	const struct config_account *account = home(m);

	if (m->env.fetched->folder == NULL && parse(m->env.fetched->source->to, a))
		return;
	for (size_t i = 0; i < account->naddresses; i++) {
		if (account->addresses[i][0] != '@' && parse(account->addresses[i], a))
			return;
		address_free(a);
	}
	if (parse(account->server.user, a))
		return;
	address_free(a);
	*a = (struct address){ .local = mem_strdup("postmaster"), .domain = mem_strdup(m->in->config->hostname) };
}

static void single(struct intake_message *m)
{
	struct address a = { 0 };

	m->own = mem_array(1, sizeof *m->own);
	m->env.nrecipients = 1;
	home_address(m, &a);
	set_recipient(m, 0, &a, home(m));
}

/* "Delivered-To, X-Original-To" */
static char *names(const struct config_source *s)
{
	struct buf b;
	char *text;

	buf_init(&b, 200);
	for (size_t i = 0; i < s->nrecipient_headers; i++)
		(void)buf_addf(&b, "%s%s", i == 0 ? "" : ", ", s->recipient_headers[i]);
	text = slice_dup(buf_slice(&b));
	buf_free(&b);
	return text;
}

static char *no_account(const char *address)
{
	char *word = summary_text(slice_str(address), WORD_MAX);
	char *text = mem_printf("kept here: no account has the address %s", word);

	free(word);
	return text;
}

static void by_header(struct intake_message *m, const struct header *h)
{
	const struct config_source *s = m->env.fetched->source;
	struct addressees found;
	char *asked = names(s);

	addressees_find(&found, m->in->config, h, s->recipient_headers, s->nrecipient_headers, s->server.user);
	if (found.header != NULL && !found.many) {
		m->own = mem_array(found.n, sizeof *m->own);
		m->env.nrecipients = found.n;
		for (size_t i = 0; i < found.n; i++)
			set_recipient(m, i, &found.all[i].address, found.all[i].account);
	} else {
		if (found.many)
			m->unmatched =
			    mem_printf("kept here: it is for more than %d addresses (%s)", ADDRESSEES_MAX, asked);
		else if (found.other != NULL)
			m->unmatched = no_account(found.other);
		else
			m->unmatched =
			    mem_printf("kept here: for whom it is can't be read from its header (%s)", asked);
		single(m);
	}
	addressees_free(&found);
	free(asked);
}

void intake_fetched_envelope(struct intake_message *m, const struct header *h)
{
	const struct intake_fetched *f = m->env.fetched;
	const int64_t now = clock_wall_ms();
	bool all = true;

	m->sender = addressees_sender(h);
	m->env.sender = m->sender;
	if (m->env.protocol == NULL)
		m->env.protocol = f->source->protocol == CONFIG_POP3 ? "POP3" : "IMAP";
	if (m->env.listener == NULL)
		m->env.listener = f->source->name;
	if (m->env.client == NULL)
		m->env.client = f->source->server.host;
	if (m->env.helo == NULL)
		m->env.helo = f->source->server.host;
	m->internal_ms = f->internal_ms > 0 ? f->internal_ms : addressees_arrival(h, now);
	if (f->folder == NULL && f->source->nrecipient_headers > 0)
		by_header(m, h);
	else
		single(m);
	m->env.recipients = m->own;
	m->lines.without_path = true;
	for (size_t i = 0; i < m->env.nrecipients; i++)
		all = all && received_delivered_to(h, &(struct address){ m->own[i].local, m->own[i].domain });
	m->lines.without_delivered = all || f->folder != NULL;
}

/* ---- what becomes of it ---- */

static void put(struct intake_verdict *v, const char *folder, const char *note, char *text)
{
	v->result = INTAKE_ACCEPTED;
	v->folder = mem_strdup(folder);
	v->note = note == NULL ? NULL : mem_strdup(note);
	v->text = text;
}

bool intake_fetched_direct(const struct intake_message *m, const struct message *msg, size_t i,
			   struct intake_verdict *v)
{
	const struct intake_fetched *f = m->env.fetched;
	const struct intake_recipient *r = &m->env.recipients[i];
	const struct address to = { r->local, r->domain };
	const char *why = NULL;

	if (f->folder != NULL) {
		put(v, f->folder, NULL, mem_strdup("filed past all rules"));
		return true;
	}
	if (m->unmatched != NULL) {
		put(v, f->source->unmatched, m->unmatched, mem_strdup("kept for a person: no recipient of ours"));
		return true;
	}
	if (received_loop(&msg->header, NULL) != RECEIVED_NO_LOOP)
		why = "kept here, as it goes round: it has more than 100 Received lines";
	else if (received_before(&msg->header, slice_str(m->in->config->hostname), &to) > FILED_BEFORE_MAX)
		why = "kept here, as it goes round: mailferry filed it for this recipient more than once before";
	if (why == NULL)
		return false;
	put(v, f->source->rejected, why, mem_strdup("kept for a person: it goes round"));
	return true;
}

void intake_fetched_keep(const struct intake_message *m, struct intake_verdict *v)
{
	char *reason = summary_text(slice_str(v->reason == NULL ? "" : v->reason), REASON_MAX);
	char *asked = summary_text(slice_str(v->text), REASON_MAX);
	char *text = mem_printf("%s: kept in %s", asked, m->env.fetched->source->rejected);
	char *note = mem_printf("rejected by the rules: %s", reason[0] == '\0' ? "no reason given" : reason);

	free(v->note);
	free(v->text);
	free(v->reason);
	v->reason = NULL;
	put(v, m->env.fetched->source->rejected, note, text);
	free(note);
	free(asked);
	free(reason);
}

void intake_fetched_explain(struct intake_message *m)
{
	const struct intake_verdict *v = m->verdicts;

	free(m->why);
	m->why = NULL;
	switch (m->outcome) {
	case INTAKE_ACCEPTED:
		break;
	case INTAKE_LARGE:
		m->why = v != NULL && v->text != NULL ? mem_strdup(v->text) : mem_strdup("it is too large");
		break;
	case INTAKE_FULL:
		m->why = mem_strdup("there is no room in the spool");
		break;
	case INTAKE_LOST:
		m->why = mem_strdup("the spool went away");
		break;
	default:
		m->why = mem_strdup("something broke in mailferry: see its log");
	}
}

void intake_fetched_free(struct intake_message *m)
{
	for (size_t i = 0; m->own != NULL && i < m->env.nrecipients; i++) {
		free(m->own[i].address);
		free(m->own[i].local);
		free(m->own[i].domain);
		free(m->own[i].reason);
	}
	free(m->own);
	free(m->sender);
	free(m->unmatched);
	free(m->why);
}
