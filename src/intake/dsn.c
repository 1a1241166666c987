/*
 * What a sender has asked about reports (RFC 3461), for mail that goes on through
 * the relay with its sender as it came: that is relaying (5.2.1), or an alias
 * (5.2.7.2 and 5.2.7.3), and the same is asked of the next server. Mail whose sender
 * is another one is as if a list had sent it: nothing of it goes on (5.2.7.1).
 */
#include "base/encode.h"
#include "base/utf8.h"
#include "intake/internal.h"

static void word_begin(struct buf *words)
{
	if (words->n > 0)
		(void)buf_add_char(words, ' ');
}

static void put_notify(unsigned notify, bool expanded, struct buf *words)
{
	static const struct {
		enum intake_notify when;
		const char *name;
	} rows[] = { { INTAKE_SUCCESS, "SUCCESS" }, { INTAKE_FAILURE, "FAILURE" }, { INTAKE_DELAY, "DELAY" } };
	const char *separator = "";

	if (notify == 0)
		return;
	/* 5.2.7.3 (c): that it has arrived at one of several is not what was asked. */
	if (expanded)
		notify &= ~(unsigned)INTAKE_SUCCESS;
	word_begin(words);
	(void)buf_add_str(words, "NOTIFY=");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((notify & rows[i].when) == 0)
			continue;
		(void)buf_addf(words, "%s%s", separator, rows[i].name);
		separator = ",";
	}
	/* Without it, failures would be told (4.1). */
	if (separator[0] == '\0')
		(void)buf_add_str(words, "NEVER");
}

/* 5.2.1 (d): one that was not given may be added, with the address of RCPT. */
static void put_orcpt(const struct intake_recipient *r, struct buf *words)
{
	const struct slice all = slice_str(r->orcpt);
	const size_t type = slice_find(all, ';');

	if (type < all.n) {
		word_begin(words);
		(void)buf_addf(words, "ORCPT=%.*s;", (int)type, all.p);
		(void)xtext_encode(slice_skip(all, type + 1), words);
	} else if (ascii_only(slice_str(r->address))) {
		word_begin(words);
		(void)buf_add_str(words, "ORCPT=rfc822;");
		(void)xtext_encode(slice_str(r->address), words);
	}
}

/* Has the sender asked anything of the kind? */
static bool is_asked(const struct intake_message *m, size_t i)
{
	const struct intake_recipient *r = &m->env.recipients[i];

	return m->env.ret != NULL || m->env.envid != NULL || r->notify != 0 || r->orcpt != NULL;
}

void intake_dsn_words(const struct intake_message *m, size_t i, const struct plan_dsn *asked, bool expanded,
		      struct buf *words)
{
	const struct intake_recipient *r = &m->env.recipients[i];

	word_begin(words);
	(void)buf_add_str(words, "RELAYED");
	if (asked == NULL || asked->notify == NULL)
		put_notify(r->notify, expanded, words);
	if (m->env.ret != NULL && (asked == NULL || asked->ret == NULL)) {
		word_begin(words);
		(void)buf_addf(words, "RET=%s", m->env.ret);
	}
	if (m->env.envid != NULL) {
		word_begin(words);
		/* 5.2.1 (a): the same value, also where xtext could say it otherwise. */
		(void)buf_addf(words, "ENVID=%s", m->env.envid_xtext);
	}
	put_orcpt(r, words);
}

void intake_deliver_relayed(struct intake_deliveries *d, const struct intake_message *m, size_t i)
{
	struct buf words;

	buf_init(&words, INTAKE_DSN_WORDS_MAX);
	if (is_asked(m, i))
		intake_dsn_words(m, i, NULL, false, &words);
	else
		(void)buf_add_str(&words, "RELAYED");
	intake_deliver_asking(d, i, m->env.recipients[i].address, buf_str(&words));
	buf_free(&words);
}
