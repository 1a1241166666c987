/* A run on a terminal: a line for each source at work and each account that is filed into, redrawn in place; what has ended
 * is printed above, once. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/screen.h"
#include "cmd/text.h"

enum { NAME_COLUMNS = 20, BAR_MIN = 8, BAR_MAX = 30, DRAW_MS = 100, WORDS = 5, WORD_BYTES = 64 };

#define RED    "\x1b[31m"
#define YELLOW "\x1b[33m"
#define GREEN  "\x1b[32m"
#define PLAIN  "\x1b[0m"

static size_t name_columns(const struct progress *p)
{
	size_t widest = 0;

	for (size_t i = 0; i < p->nsources + p->naccounts; i++) {
		size_t n = strlen(i < p->nsources ? p->sources[i].name : p->accounts[i - p->nsources].name);

		widest = n > widest ? n : widest;
	}
	return widest > NAME_COLUMNS ? NAME_COLUMNS : widest;
}

/* NAME, then as many of N words as fit, those in front first, with a bar of PART/WHOLE (0: none) between. */
static void row_draw(struct progress *p, const char *name, uint64_t part, uint64_t whole, char words[][WORD_BYTES], size_t n)
{
	size_t columns = screen_columns(p->screen) - 1, width, used = 0, bar, names = name_columns(p);
	struct buf line, all;

	if (names > columns / 3)
		names = columns / 3;
	buf_init(&line, PROGRESS_LINE_BYTES);
	buf_init(&all, PROGRESS_LINE_BYTES);
	width = text_clean(&all, name, names);
	(void)buf_addf(&all, "%*s", (int)(names - width) + 1, "");
	used = names + 1;
	if (whole > 0) {
		size_t wanted = 0;

		for (size_t i = 0; i < n; i++)
			wanted += strlen(words[i]) + 2;
		bar = columns > used + wanted + BAR_MIN + 8 ? columns - used - wanted - 8 : BAR_MIN;
		bar = bar > BAR_MAX ? BAR_MAX : bar;
		part = part > whole ? whole : part;
		if (used + bar + 8 <= columns) {
			size_t full = (size_t)((double)part / (double)whole * (double)bar);

			(void)buf_add_char(&all, '[');
			for (size_t i = 0; i < bar; i++)
				(void)buf_add_char(&all, i < full ? '#' : '.');
			(void)buf_addf(&all, "] %3u%%", (unsigned)((double)part / (double)whole * 100));
			used += bar + 7;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (words[i][0] == '\0')
			continue;
		if (i > 0 && used + strlen(words[i]) + 2 > columns)
			break;
		(void)buf_addf(&all, "%s%s", i == 0 && whole == 0 ? "" : "  ", words[i]);
		used += strlen(words[i]) + 2;
	}
	width = text_clean(&line, buf_str(&all), columns);
	screen_line(p->screen, buf_str(&line), width);
	buf_free(&all);
	buf_free(&line);
}

static void source_draw(struct progress *p, const struct progress_source *s)
{
	char words[WORDS][WORD_BYTES] = { { 0 } }, done[TEXT_OCTETS_SIZE], all[TEXT_OCTETS_SIZE], span[TEXT_SPAN_SIZE];
	const struct run_progress *sums = &s->sums;
	int64_t left = progress_left_ms(s);
	double octets, messages;
	uint64_t part = sums->octets, whole = sums->octets_all;

	if (sums->messages_all == 0) {
		(void)snprintf(words[0], WORD_BYTES, "%.30s%s%.25s",
			       s->words[0] != '\0'	 ? s->words
			       : s->folder[0] != '\0' ? "looks at "
						      : "connects",
			       s->words[0] != '\0' ? "" : s->folder, sums->skipped > 0 ? ", some are skipped" : "");
		row_draw(p, s->name, 0, 0, words, 1);
		return;
	}
	if (whole == 0) {
		part = sums->messages;
		whole = sums->messages_all;
	}
	(void)snprintf(words[0], WORD_BYTES, "%llu of %llu", (unsigned long long)sums->messages,
		       (unsigned long long)sums->messages_all);
	if (left >= 0) {
		text_span(left, span);
		(void)snprintf(words[1], WORD_BYTES, "%s left", span);
	}
	text_octets(sums->octets, done);
	text_octets(sums->octets_all, all);
	(void)snprintf(words[2], WORD_BYTES, "%s of %s", done, all);
	progress_rate(s, &octets, &messages);
	if (octets > 0) {
		text_octets((uint64_t)octets, done);
		(void)snprintf(words[3], WORD_BYTES, "%s/s", done);
	}
	if (sums->skipped > 0)
		(void)snprintf(words[4], WORD_BYTES, "%llu skipped", (unsigned long long)sums->skipped);
	row_draw(p, s->name, part, whole, words, WORDS);
}

static void account_draw(struct progress *p, const struct progress_account *a)
{
	char words[2][WORD_BYTES] = { { 0 } };

	(void)snprintf(words[0], WORD_BYTES, "%llu filed", (unsigned long long)a->filed);
	(void)snprintf(words[1], WORD_BYTES, "%llu wait", (unsigned long long)a->waiting);
	row_draw(p, a->name, a->filed, a->most, words, 2);
}

static void block_draw(struct progress *p)
{
	size_t rows = screen_rows(p->screen), used = 1, wait = 0, more = 0;
	char words[1][WORD_BYTES];

	for (size_t i = 0; i < p->nsources; i++) {
		const struct progress_source *s = &p->sources[i];

		if (s->state == SYNC_WAITS)
			wait++;
		else if (s->state == SYNC_RUNS && used + 2 < rows && ++used)
			source_draw(p, s);
		else if (s->state == SYNC_RUNS)
			more++;
	}
	for (size_t i = 0; i < p->naccounts; i++)
		if (p->accounts[i].state == SYNC_RUNS && used + 2 < rows && ++used)
			account_draw(p, &p->accounts[i]);
	if (wait + more > 0) {
		(void)snprintf(words[0], WORD_BYTES, "%zu more source%s", wait + more, wait + more == 1 ? "" : "s");
		row_draw(p, "and", 0, 0, words, 1);
	}
	screen_draw(p->screen);
}

/* "NAME: SENTENCE", in a colour that says how it went. */
static void above(struct progress *p, const char *color, const char *name, const char *sentence)
{
	struct buf *out = screen_above(p->screen);

	(void)text_clean(out, name, 0);
	(void)buf_addf(out, ": %s%s%s\n", p->color ? color : "", sentence, p->color ? PLAIN : "");
}

static void source_ended(struct progress *p, const struct progress_source *s)
{
	struct buf sentence;

	buf_init(&sentence, PROGRESS_LINE_BYTES);
	progress_ran(p, s, &sentence);
	above(p, s->end == RUN_OK ? GREEN : s->end == RUN_REFUSED ? RED : YELLOW, s->name, buf_str(&sentence));
	progress_left(s, "    ", screen_above(p->screen));
	buf_free(&sentence);
}

static void account_ended(struct progress *p, struct progress_account *a)
{
	struct buf sentence, name;

	buf_init(&sentence, PROGRESS_LINE_BYTES);
	buf_init(&name, PROGRESS_LINE_BYTES);
	(void)buf_addf(&name, "account %s", a->name);
	progress_filed(a, &sentence);
	above(p, a->held || a->stuck > 0 ? RED : a->waiting > 0 ? YELLOW : GREEN, buf_str(&name), buf_str(&sentence));
	buf_free(&sentence);
	buf_free(&name);
}

static void dry_line(struct progress *p, const struct sync_event *ev)
{
	struct buf *out = screen_above(p->screen);

	if (progress_is_next(p, ev)) {
		(void)text_clean(out, ev->name, 0);
		(void)buf_add_str(out, ": ");
		progress_message(&ev->line, out);
		(void)buf_add_char(out, '\n');
	}
	(void)buf_add_str(out, "    ");
	progress_plan(&ev->line, out);
	(void)buf_add_char(out, '\n');
}

void progress_screen(struct progress *p, const struct sync_event *ev, struct progress_source *s, struct progress_account *a)
{
	static int64_t drawn_ms;
	int64_t now = clock_mono_ms();

	if (ev->kind == SYNC_RAN)
		source_ended(p, s);
	else if (ev->kind == SYNC_LINE && p->mode == RUN_DRY)
		dry_line(p, ev);
	/* An account ends when nothing of it is due, and begins again when the next source has something for it: what became
	 * of it is told at the end. */
	for (size_t i = 0; i < p->naccounts && ev->kind == SYNC_DONE; i++)
		if (p->mode != RUN_DRY)
			account_ended(p, &p->accounts[i]);
	(void)a;
	if (ev->kind == SYNC_PROGRESS || ev->kind == SYNC_LINE || ev->kind == SYNC_ACCOUNT) {
		if (now - drawn_ms < DRAW_MS)
			return;
	}
	drawn_ms = now;
	block_draw(p);
}
