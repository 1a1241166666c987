/* A run in a pipe or a log: a line when something begins or ends, and now and then how far it is. */
#include <stdio.h>

#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/text.h"

enum { SAY_MS = 10 * 1000 };

static void say(const char *name, const char *sentence)
{
	struct buf line;

	buf_init(&line, PROGRESS_LINE_BYTES);
	(void)text_clean(&line, name, 0);
	(void)printf("%s: %s\n", buf_str(&line), sentence);
	(void)fflush(stdout);
	buf_free(&line);
}

static void source_said(struct progress_source *s)
{
	char line[200], octets[TEXT_OCTETS_SIZE], all[TEXT_OCTETS_SIZE], span[TEXT_SPAN_SIZE];
	int64_t now = clock_mono_ms(), left = progress_left_ms(s);

	if (s->sums.messages_all == 0 || now - s->said_ms < SAY_MS)
		return;
	/* A source that is done within that time needs no line in between. */
	if (s->said_ms != 0) {
		text_octets(s->sums.octets, octets);
		text_octets(s->sums.octets_all, all);
		text_span(left, span);
		(void)snprintf(line, sizeof line, "%llu of %llu messages, %s of %s%s%s%s",
			       (unsigned long long)s->sums.messages, (unsigned long long)s->sums.messages_all, octets,
			       all, left < 0 ? "" : ", ", left < 0 ? "" : span, left < 0 ? "" : " left");
		say(s->name, line);
	}
	s->said_ms = now;
}

static void source_ended(const struct progress *p, const struct progress_source *s)
{
	struct buf text;

	buf_init(&text, PROGRESS_LINE_BYTES);
	progress_ran(p, s, &text);
	say(s->name, buf_str(&text));
	buf_clear(&text);
	progress_left(s, "    ", &text);
	(void)fputs(buf_str(&text), stdout);
	(void)fflush(stdout);
	buf_free(&text);
}

static void accounts_ended(const struct progress *p)
{
	for (size_t i = 0; i < p->naccounts && p->mode != RUN_DRY; i++) {
		struct buf name, text;

		buf_init(&name, PROGRESS_LINE_BYTES);
		buf_init(&text, PROGRESS_LINE_BYTES);
		(void)buf_addf(&name, "account %s", p->accounts[i].name);
		progress_filed(&p->accounts[i], &text);
		say(buf_str(&name), buf_str(&text));
		buf_free(&name);
		buf_free(&text);
	}
}

static void dry_line(struct progress *p, const struct sync_event *ev)
{
	struct buf text;

	buf_init(&text, PROGRESS_LINE_BYTES);
	if (progress_is_next(p, ev)) {
		progress_message(&ev->line, &text);
		say(ev->name, buf_str(&text));
		buf_clear(&text);
	}
	progress_plan(&ev->line, &text);
	(void)printf("    %s\n", buf_str(&text));
	buf_free(&text);
}

void progress_plain(struct progress *p, const struct sync_event *ev, struct progress_source *s,
		    struct progress_account *a)
{
	(void)a;
	if (ev->kind == SYNC_SOURCE && ev->attached)
		say(s->name, "a run of it is under way already; this waits for its end");
	else if (ev->kind == SYNC_SOURCE && ev->state == SYNC_WAITS && ev->words[0] != '\0')
		say(s->name, ev->words);
	else if (ev->kind == SYNC_PROGRESS)
		source_said(s);
	else if (ev->kind == SYNC_LINE && p->mode == RUN_DRY)
		dry_line(p, ev);
	else if (ev->kind == SYNC_RAN)
		source_ended(p, s);
	else if (ev->kind == SYNC_DONE)
		accounts_ended(p);
}

/* --quiet: only what somebody should look at, on standard error, as cron mails it. */
void progress_quiet(struct progress *p, const struct sync_event *ev, struct progress_source *s,
		    struct progress_account *a)
{
	struct buf text;

	(void)a;
	buf_init(&text, PROGRESS_LINE_BYTES);
	if (ev->kind == SYNC_RAN && ev->end != RUN_OK) {
		progress_ran(p, s, &text);
		(void)fprintf(stderr, "%s: %s\n", s->name, buf_str(&text));
	}
	for (size_t i = 0; i < p->naccounts && ev->kind == SYNC_DONE; i++) {
		const struct progress_account *w = &p->accounts[i];

		if (!w->held && w->stuck == 0)
			continue;
		buf_clear(&text);
		progress_filed(w, &text);
		(void)fprintf(stderr, "account %s: %s\n", w->name, buf_str(&text));
	}
	buf_free(&text);
}
