/* A run on a terminal: a line for each source at work and each account that is filed into, redrawn in place; what has
 * ended is printed above, once. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/progress.h"
#include "cmd/screen.h"
#include "cmd/text.h"

enum {
	NAME_COLUMNS = 20,
	BAR_MIN = 8,
	BAR_MAX = 30,
	BAR_SIDES = 7, /* "[", "] 100%" */
	DRAW_MS = 100,
	ABOVE_BYTES = 256 * 1024, /* so much text does not wait for its turn */
	WORDS = 5,
	WORD_COLUMNS = 40,
	WORD_BYTES = 200
};

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

/* How many columns the bar may have, beside N words and what is USED; 0: none. */
static size_t bar_columns(size_t columns, size_t used, char words[][WORD_BYTES], size_t n)
{
	size_t wanted = used + BAR_SIDES, bar;

	for (size_t i = 0; i < n; i++)
		wanted += words[i][0] == '\0' ? 0 : strlen(words[i]) + 2;
	bar = columns > wanted + BAR_MIN ? columns - wanted : BAR_MIN;
	bar = bar > BAR_MAX ? BAR_MAX : bar;
	return used + bar + BAR_SIDES <= columns ? bar : 0;
}

static void bar_add(struct buf *line, size_t bar, uint64_t part, uint64_t whole)
{
	double share = part >= whole ? 1 : (double)part / (double)whole;
	size_t full = (size_t)(share * (double)bar);

	(void)buf_add_char(line, '[');
	for (size_t i = 0; i < bar; i++)
		(void)buf_add_char(line, i < full ? '#' : '.');
	(void)buf_addf(line, "] %3u%%", (unsigned)(share * 100));
}

/* NAME, a bar of PART/WHOLE (0: none), then as many of the N words as fit, the most important first. They are clean,
 * and have at least as many octets as columns. */
static void row_draw(struct progress *p, const char *name, uint64_t part, uint64_t whole, char words[][WORD_BYTES],
		     size_t n)
{
	size_t columns = screen_columns(p->screen) - 1, names = name_columns(p), width, used, bar;
	struct buf line;

	if (names > columns / 3)
		names = columns / 3;
	buf_init(&line, PROGRESS_LINE_BYTES);
	width = text_clean(&line, name, names);
	(void)buf_addf(&line, "%*s", (int)(names - width) + 1, "");
	used = names + 1;
	bar = whole == 0 ? 0 : bar_columns(columns, used, words, n);
	if (bar > 0) {
		bar_add(&line, bar, part, whole);
		used += bar + BAR_SIDES;
	}
	for (size_t i = 0; i < n; i++) {
		size_t w = strlen(words[i]);

		if (w == 0)
			continue;
		if (used + w + 2 > columns)
			break;
		(void)buf_addf(&line, "  %s", words[i]);
		used += w + 2;
	}
	screen_line(p->screen, buf_str(&line), used);
	buf_free(&line);
}

/* What a source does that has no count of messages yet. */
static void begins_draw(struct progress *p, const struct progress_source *s)
{
	char words[1][WORD_BYTES] = { { 0 } };
	struct buf text;

	buf_init(&text, PROGRESS_LINE_BYTES);
	if (s->words[0] != '\0') {
		(void)text_clean(&text, s->words, WORD_COLUMNS);
	} else if (s->folder[0] != '\0') {
		(void)buf_add_str(&text, "looks at ");
		(void)text_clean(&text, s->folder, WORD_COLUMNS / 2);
	} else {
		(void)buf_add_str(&text, "looks for mail");
	}
	if (text.n < WORD_BYTES)
		memcpy(words[0], buf_str(&text), text.n + 1);
	buf_free(&text);
	row_draw(p, s->name, 0, 0, words, 1);
}

static int digits_of(uint64_t n)
{
	int digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

static void source_draw(struct progress *p, const struct progress_source *s)
{
	char words[WORDS][WORD_BYTES] = { { 0 } }, done[TEXT_OCTETS_SIZE], all[TEXT_OCTETS_SIZE], span[TEXT_SPAN_SIZE];
	const struct run_progress *sums = &s->sums;
	int64_t left = progress_left_ms(s);
	uint64_t part = sums->octets, whole = sums->octets_all;
	double octets, messages;

	if (sums->messages_all == 0) {
		begins_draw(p, s);
		return;
	}
	if (whole == 0) {
		part = sums->messages;
		whole = sums->messages_all;
	}
	(void)snprintf(words[0], WORD_BYTES, "%*llu of %llu", digits_of(sums->messages_all),
		       (unsigned long long)sums->messages, (unsigned long long)sums->messages_all);
	text_span(left, span);
	(void)snprintf(words[1], WORD_BYTES, "%4s left", left < 0 ? "?" : span);
	text_octets(sums->octets, done);
	text_octets(sums->octets_all, all);
	(void)snprintf(words[2], WORD_BYTES, "%6s of %s", done, all);
	progress_rate(s, &octets, &messages);
	text_octets((uint64_t)octets, done);
	if (octets > 0)
		(void)snprintf(words[3], WORD_BYTES, "%6s/s", done);
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
	above(p, s->end == RUN_OK ? GREEN : progress_needs_person(s->end) ? RED : YELLOW, s->name, buf_str(&sentence));
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

void progress_screen(struct progress *p, const struct sync_event *ev, struct progress_source *s,
		     struct progress_account *a)
{
	static int64_t drawn_ms;
	int64_t now = clock_mono_ms();

	if (ev->kind == SYNC_RAN)
		source_ended(p, s);
	else if (ev->kind == SYNC_LINE && p->mode == RUN_DRY)
		dry_line(p, ev);
	/* An account ends when nothing of it is due, and begins again when the next source has something for it: what
	 * became of it is told at the end. */
	for (size_t i = 0; i < p->naccounts && ev->kind == SYNC_DONE; i++)
		if (p->mode != RUN_DRY)
			account_ended(p, &p->accounts[i]);
	(void)a;
	if (ev->kind == SYNC_PROGRESS || ev->kind == SYNC_LINE || ev->kind == SYNC_ACCOUNT) {
		if (now - drawn_ms < DRAW_MS && screen_above(p->screen)->n < ABOVE_BYTES)
			return;
	}
	drawn_ms = now;
	block_draw(p);
}
