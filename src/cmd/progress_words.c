/* How a run went, in sentences. */
#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/text.h"

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void progress_rate(const struct progress_source *s, double *octets, double *messages)
{
	const struct progress_sample *first, *last;
	double seconds;

	*octets = *messages = 0;
	if (s->nsamples < 2)
		return;
	first = &s->samples[0];
	last = &s->samples[s->nsamples - 1];
	if (last->at_ms <= first->at_ms)
		return;
	seconds = (double)(last->at_ms - first->at_ms) / 1000;
	*octets = last->octets < first->octets ? 0 : (double)(last->octets - first->octets) / seconds;
	*messages = last->messages < first->messages ? 0 : (double)(last->messages - first->messages) / seconds;
}

int64_t progress_left_ms(const struct progress_source *s)
{
	const struct run_progress *p = &s->sums;
	double octets, messages, by_octets = 0, by_messages = 0, seconds;

	progress_rate(s, &octets, &messages);
	if (octets > 0 && p->octets_all > p->octets)
		by_octets = (double)(p->octets_all - p->octets) / octets;
	if (messages > 0 && p->messages_all > p->messages)
		by_messages = (double)(p->messages_all - p->messages) / messages;
	/* Which of the two holds it up, the line or the count, shows only as it goes: what is told is the longer. */
	seconds = by_octets > by_messages ? by_octets : by_messages;
	return seconds <= 0 || seconds > 1e9 ? -1 : (int64_t)(seconds * 1000);
}

static void count_add(struct buf *out, uint64_t n, const char *what)
{
	if (n > 0)
		(void)buf_addf(out, "; %llu %s", (unsigned long long)n, what);
}

static void next_add(struct buf *out, int64_t next_ms, const char *what)
{
	char span[TEXT_SPAN_SIZE];

	if (next_ms == 0 || next_ms == INT64_MAX)
		return;
	text_span(next_ms - clock_wall_ms(), span);
	(void)buf_addf(out, "; %s in %s", what, span);
}

bool progress_needs_person(enum run_end end)
{
	return end == RUN_REFUSED || end == RUN_PARTLY;
}

void progress_ran(const struct progress *p, const struct progress_source *s, struct buf *out)
{
	static const char *const verbs[] = { "fetched", "would fetch", "copied" };
	const struct run_progress *sums = &s->sums;
	char octets[TEXT_OCTETS_SIZE], span[TEXT_SPAN_SIZE];
	int64_t took = s->ended_ms - s->started_ms;

	text_octets(sums->octets, octets);
	text_span(took, span);
	if (sums->messages == 0)
		(void)buf_add_str(out, s->end == RUN_OK || s->end == RUN_PARTLY ? "nothing new" : "nothing came");
	else if (p->mode == RUN_DRY)
		(void)buf_addf(out, "would %s %llu message%s, %s", p->copies ? "copy" : "fetch",
			       (unsigned long long)sums->messages, s_of(sums->messages), octets);
	else
		(void)buf_addf(out, "%s %llu message%s, %s in %s", verbs[p->mode], (unsigned long long)sums->messages,
			       s_of(sums->messages), octets, span);
	if (sums->messages > 0 && p->mode != RUN_DRY && took >= 1000) {
		text_octets(sums->octets * 1000 / (uint64_t)took, octets);
		(void)buf_addf(out, " (%s/s)", octets);
	}
	count_add(out, sums->skipped, "skipped");
	count_add(out, sums->known, "known already");
	count_add(out, sums->own, "filed there by mailferry itself");
	count_add(out, sums->removed, "removed at the source");
	count_add(out, sums->moved, "moved at the source");
	count_add(out, sums->marked, "marked as read at the source");
	if (s->end != RUN_OK) {
		(void)buf_addf(out, "; %s: ", progress_needs_person(s->end) ? "a person must act" : "stopped");
		(void)text_clean(out, s->words[0] == '\0' ? run_end_name(s->end) : s->words, 0);
		next_add(out, s->next_ms, "next try");
	} else if (s->words[0] != '\0') {
		(void)buf_add_str(out, "; ");
		(void)text_clean(out, s->words, 0);
	}
}

void progress_filed(const struct progress_account *a, struct buf *out)
{
	(void)buf_addf(out, "%llu filed", (unsigned long long)a->filed);
	count_add(out, a->waiting, a->waiting == 1 ? "waits" : "wait");
	if (a->words[0] != '\0') {
		(void)buf_add_str(out, a->held ? "; it takes nothing now: " : "; ");
		(void)text_clean(out, a->words, 0);
	}
	if (a->waiting > 0)
		next_add(out, a->next_ms, "next try");
	if (a->stuck > 0) {
		(void)buf_addf(out, "; a person must decide about %llu: mailferry queue list --account ",
			       (unsigned long long)a->stuck);
		(void)text_clean(out, a->name, 0);
	}
}

void progress_left(const struct progress_source *s, const char *indent, struct buf *out)
{
	for (size_t i = 0; i < s->nreasons; i++) {
		const struct progress_reason *r = &s->reasons[i];

		(void)buf_addf(out, "%s%llu left: ", indent, (unsigned long long)r->n);
		(void)text_clean(out, r->why[0] == '\0' ? "for no reason that was told" : r->why, 0);
		(void)buf_add_char(out, '\n');
		for (size_t k = 0; k < PROGRESS_FIRST_MAX && r->first[k] != NULL; k++)
			(void)buf_addf(out, "%s  %s\n", indent, r->first[k]);
		if (r->n > PROGRESS_FIRST_MAX)
			(void)buf_addf(out, "%s  … and %llu more\n", indent,
				       (unsigned long long)(r->n - PROGRESS_FIRST_MAX));
	}
	if (s->lost > 0)
		(void)buf_addf(out, "%s%llu more line%s did not arrive here in time\n", indent,
			       (unsigned long long)s->lost, s_of(s->lost));
}

void progress_message(const struct run_line *l, struct buf *out)
{
	char octets[TEXT_OCTETS_SIZE];

	bool named = l->name != NULL && l->name[0] != '\0';

	if (l->folder != NULL && l->folder[0] != '\0') {
		(void)text_clean(out, l->folder, 60);
		(void)buf_add_str(out, named ? " " : "");
	}
	/* A dry run of a copy tells of whole folders. */
	if (named || l->folder == NULL || l->folder[0] == '\0')
		(void)text_clean(out, named ? l->name : "a message", 70);
	text_octets(l->size, octets);
	(void)buf_addf(out, ", %s", octets);
	if (l->from != NULL) {
		(void)buf_add_str(out, ", from ");
		(void)text_clean(out, l->from, 60);
	}
	if (l->subject != NULL) {
		(void)buf_add_str(out, ", \"");
		(void)text_clean(out, l->subject, 60);
		(void)buf_add_char(out, '"');
	}
}

void progress_plan(const struct run_line *l, struct buf *out)
{
	(void)buf_add_str(out, "-> ");
	if (l->account != NULL && l->into != NULL) {
		(void)buf_add_str(out, "account ");
		(void)text_clean(out, l->account, 60);
		(void)buf_add_str(out, ", folder ");
		(void)text_clean(out, l->into, 100);
	} else {
		(void)buf_add_str(out, "nowhere");
	}
	if (l->to != NULL) {
		(void)buf_add_str(out, ", for ");
		(void)text_clean(out, l->to, 100);
	}
	if (l->rule != NULL) {
		(void)buf_add_str(out, ", by ");
		(void)text_clean(out, l->rule, 100);
	}
	if (l->why != NULL && l->why[0] != '\0') {
		(void)buf_add_str(out, ": ");
		(void)text_clean(out, l->why, 300);
	}
}
