#include "cmd/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/screen.h"
#include "cmd/text.h"

enum { SAMPLE_MS = 500 };

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && value[0] != '\0';
}

static bool can_redraw(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

void progress_init(struct progress *p, progress_view *view, enum run_mode mode)
{
	*p = (struct progress){ .view = view, .mode = mode, .status = -1 };
	if (p->view == NULL)
		p->view = can_redraw() ? progress_screen : progress_plain;
	p->color = p->view == progress_screen && !is_set("NO_COLOR");
	if (p->view == progress_screen)
		p->screen = screen_new();
}

static void replace(char **at, const char *text)
{
	free(*at);
	*at = mem_strdup(text == NULL ? "" : text);
}

static struct progress_source *source_of(struct progress *p, const char *name)
{
	for (size_t i = 0; i < p->nsources; i++)
		if (strcmp(p->sources[i].name, name) == 0)
			return &p->sources[i];
	p->sources = mem_resize(p->sources, p->nsources + 1, sizeof *p->sources);
	p->sources[p->nsources] = (struct progress_source){ .name = mem_strdup(name) };
	replace(&p->sources[p->nsources].words, NULL);
	replace(&p->sources[p->nsources].folder, NULL);
	return &p->sources[p->nsources++];
}

static struct progress_account *account_of(struct progress *p, const char *name)
{
	for (size_t i = 0; i < p->naccounts; i++)
		if (strcmp(p->accounts[i].name, name) == 0)
			return &p->accounts[i];
	p->accounts = mem_resize(p->accounts, p->naccounts + 1, sizeof *p->accounts);
	p->accounts[p->naccounts] = (struct progress_account){ .name = mem_strdup(name) };
	replace(&p->accounts[p->naccounts].words, NULL);
	return &p->accounts[p->naccounts++];
}

static void sample_take(struct progress_source *s)
{
	int64_t now = clock_mono_ms();

	if (s->nsamples > 0 && now - s->samples[s->nsamples - 1].at_ms < SAMPLE_MS)
		return;
	if (s->nsamples == PROGRESS_SAMPLES) {
		memmove(s->samples, s->samples + 1, (PROGRESS_SAMPLES - 1) * sizeof *s->samples);
		s->nsamples--;
	}
	s->samples[s->nsamples++] = (struct progress_sample){ now, s->sums.messages, s->sums.octets };
}

static void sums_take(struct progress_source *s, const struct run_progress *p)
{
	replace(&s->folder, p->folder);
	s->sums = *p;
	s->sums.folder = NULL;
	sample_take(s);
}

/* Why was the message left? Few reasons are kept apart, and few messages of each. */
static void line_take(struct progress *p, struct progress_source *s, const struct sync_event *ev)
{
	const char *why = ev->line.why == NULL ? "" : ev->line.why;
	struct progress_reason *r;
	struct buf first;
	size_t i;

	s->lost += ev->lost;
	if (p->mode == RUN_DRY)
		return;
	for (i = 0; i < s->nreasons && strcmp(s->reasons[i].why, why) != 0; i++)
		;
	if (i == PROGRESS_REASONS_MAX) {
		i--;
		replace(&s->reasons[i].why, "other reasons");
	} else if (i == s->nreasons) {
		s->reasons[s->nreasons++] = (struct progress_reason){ .why = mem_strdup(why) };
	}
	r = &s->reasons[i];
	if (r->n < PROGRESS_FIRST_MAX) {
		buf_init(&first, PROGRESS_LINE_BYTES);
		progress_message(&ev->line, &first);
		(void)buf_str(&first);
		r->first[r->n] = buf_take(&first, NULL);
	}
	r->n++;
}

static void source_take(struct progress *p, struct progress_source *s, const struct sync_event *ev)
{
	if (ev->kind == SYNC_SOURCE) {
		s->state = ev->state;
		s->attached = s->attached || ev->attached;
		replace(&s->words, ev->words);
		if (ev->started_ms != 0)
			s->started_ms = ev->started_ms;
	} else if (ev->kind == SYNC_PROGRESS) {
		s->state = SYNC_RUNS;
		sums_take(s, &ev->progress);
	} else if (ev->kind == SYNC_LINE) {
		line_take(p, s, ev);
	} else {
		s->lost += ev->lost;
		s->state = SYNC_ENDED;
		s->end = ev->end;
		s->started_ms = ev->started_ms;
		s->ended_ms = ev->ended_ms;
		s->next_ms = ev->next_ms;
		replace(&s->words, ev->words);
		sums_take(s, &ev->progress);
	}
}

static void account_take(struct progress_account *a, const struct sync_event *ev)
{
	a->state = ev->state;
	a->waiting = ev->waiting;
	a->filed = ev->filed;
	a->stuck = ev->stuck;
	a->next_ms = ev->next_ms;
	a->held = ev->held;
	if (a->filed + a->waiting > a->most)
		a->most = a->filed + a->waiting;
	replace(&a->words, ev->words);
}

int progress_event(struct progress *p, const struct sync_event *ev)
{
	struct progress_source *s = NULL;
	struct progress_account *a = NULL;

	if (ev->kind == SYNC_ACCOUNT) {
		a = account_of(p, ev->name);
		account_take(a, ev);
	} else if (ev->kind == SYNC_DONE) {
		p->status = ev->status;
		replace(&p->words, ev->words);
	} else if (ev->kind != SYNC_TICK) {
		s = source_of(p, ev->name);
		source_take(p, s, ev);
	}
	p->view(p, ev, s, a);
	/* Nobody reads us any more. */
	return ferror(stdout) != 0 ? -1 : 0;
}

bool progress_is_next(struct progress *p, const struct sync_event *ev)
{
	struct buf key;
	bool next;

	buf_init(&key, PROGRESS_LINE_BYTES);
	(void)buf_addf(&key, "%s\n%s\n%s", ev->name, ev->line.folder == NULL ? "" : ev->line.folder,
		       ev->line.name == NULL ? "" : ev->line.name);
	next = p->last == NULL || strcmp(p->last, buf_str(&key)) != 0;
	replace(&p->last, buf_str(&key));
	buf_free(&key);
	return next;
}

void progress_free(struct progress *p)
{
	screen_free(&p->screen);
	for (size_t i = 0; i < p->nsources; i++) {
		struct progress_source *s = &p->sources[i];

		for (size_t k = 0; k < s->nreasons; k++) {
			free(s->reasons[k].why);
			for (size_t f = 0; f < PROGRESS_FIRST_MAX; f++)
				free(s->reasons[k].first[f]);
		}
		free(s->name);
		free(s->words);
		free(s->folder);
	}
	for (size_t i = 0; i < p->naccounts; i++) {
		free(p->accounts[i].name);
		free(p->accounts[i].words);
	}
	free(p->sources);
	free(p->accounts);
	free(p->words);
	free(p->last);
	*p = (struct progress){ .status = p->status };
}
