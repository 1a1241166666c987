/* What rules want of a message may be too much: then it goes to INBOX as it came, and a note says what was left out. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "intake/internal.h"
#include "msg/summary.h"

enum {
	PLANNED_MAX = 32 * 1024 * 1024, /* octets that the rules of all recipients together have to say */
	NOTE_MAX = 600,
	LIST_MAX = 400, /* octets of what is named */
	WORD_MAX = 100
};

static bool sends(const struct plan_action *a)
{
	return a->kind == PLAN_REDIRECT || (a->kind == PLAN_VACATION && a->answer != NULL) ||
	       (a->kind == PLAN_NOTIFY && a->notice != NULL);
}

char *intake_plain_note(const struct intake_verdict *v, const char *why)
{
	size_t more = 0;
	struct buf b;
	char *note;

	buf_init(&b, NOTE_MAX);
	(void)buf_addf(&b, "kept here: %.100s", why);
	for (size_t i = 0, n = 0; i < v->plan.n; i++) {
		const struct plan_action *a = &v->plan.actions[i];
		char *to;

		if (!sends(a))
			continue;
		if (b.n > LIST_MAX) {
			more++;
			continue;
		}
		to = a->address == NULL ? NULL : summary_text(slice_str(a->address), WORD_MAX);
		(void)buf_addf(&b, "%s%s%s%s (line %u)", n++ == 0 ? "; not sent: " : ", ", plan_kind_name(a->kind),
			       to == NULL ? "" : " to ", to == NULL ? "" : to, a->line);
		free(to);
	}
	if (more > 0)
		(void)buf_addf(&b, ", and %zu more", more);
	note = slice_dup(buf_slice(&b));
	buf_free(&b);
	return note;
}

/* ---- how much rules have to say ---- */

static uint64_t length(const char *text)
{
	return text == NULL ? 0 : strlen(text);
}

static uint64_t octets_of(const struct intake_verdict *v)
{
	const struct plan *p = &v->plan;
	uint64_t n = length(v->reason);

	for (size_t c = 0; c < p->ncontents; c++)
		for (size_t i = 0; i < p->contents[c].n; i++)
			n += p->contents[c].pieces[i].text != NULL ? p->contents[c].pieces[i].n : 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];

		n += length(a->reason);
		if (a->answer != NULL)
			n += length(a->answer->reason) + length(a->answer->subject) + length(a->answer->from);
		if (a->notice != NULL)
			n += length(a->notice->message) + length(a->notice->method);
	}
	return n;
}

/* Little is left of V: a refusal without its words, or INBOX. */
static void make_plain(struct intake_verdict *v)
{
	size_t same_as;
	char *note;

	if (v->folder != NULL) {
		plan_free(&v->plan);
		return;
	}
	if (intake_is_refused(v)) {
		plan_free(&v->plan);
		free(v->reason);
		v->reason = mem_strdup("the recipient's rules refuse it");
		return;
	}
	note = intake_plain_note(v, "the rules of its recipients have too much to say about one message");
	same_as = v->same_as;
	intake_verdict_free(v);
	v->same_as = same_as;
	v->result = INTAKE_ACCEPTED;
	v->plan.implicit_keep = true;
	v->note = note;
	v->text = mem_strdup("implicit keep: the rules of all recipients have too much to say");
}

void intake_plain_bound(struct intake_message *m, size_t i)
{
	struct intake_verdict *v = &m->verdicts[i];

	v->octets = octets_of(v);
	if (v->octets > PLANNED_MAX - m->planned) {
		log_warning("rules-say-too-much", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			    LOG_STR("to", m->env.recipients[i].address), LOG_NUM("octets", (int64_t)v->octets));
		make_plain(v);
		v->octets = 0;
	}
	m->planned += v->octets;
}

void intake_plain_unbound(struct intake_message *m, size_t i)
{
	m->planned -= m->verdicts[i].octets;
	m->verdicts[i].octets = 0;
}
