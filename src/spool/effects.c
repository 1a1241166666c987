#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "spool/inside.h"

/* ---- what a store holds ---- */

/* The place of NUMBER in the sorted list, or where it would stand. */
static size_t place_of(const struct account *a, int64_t number)
{
	size_t low = 0, high = a->ntaken;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->taken[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool account_has_taken(const struct account *a, int64_t number)
{
	size_t i = place_of(a, number);

	return i < a->ntaken && a->taken[i] == number;
}

void account_untake(struct account *a, int64_t number)
{
	size_t i = place_of(a, number);

	if (i == a->ntaken || a->taken[i] != number)
		return;
	memmove(a->taken + i, a->taken + i + 1, (a->ntaken - i - 1) * sizeof a->taken[0]);
	a->ntaken--;
}

void account_take(struct spool_server *s, struct account *a, int64_t number)
{
	size_t i = place_of(a, number);

	if (i < a->ntaken && a->taken[i] == number)
		return;
	if (a->ntaken == a->taken_cap) {
		a->taken_cap = a->taken_cap == 0 ? 64 : a->taken_cap * 2;
		a->taken = mem_resize(a->taken, a->taken_cap, sizeof a->taken[0]);
	}
	memmove(a->taken + i + 1, a->taken + i, (a->ntaken - i) * sizeof a->taken[0]);
	a->taken[i] = number;
	a->ntaken++;
	effect_add(s, (struct effect){ .kind = EFFECT_TAKE, .account = a, .number = number });
}

/* ---- effects ---- */

void effect_add(struct spool_server *s, struct effect e)
{
	if (s->neffects == s->effects_cap) {
		s->effects_cap = s->effects_cap == 0 ? 64 : s->effects_cap * 2;
		s->effects = mem_resize(s->effects, s->effects_cap, sizeof s->effects[0]);
	}
	s->effects[s->neffects++] = e;
}

void effects_undo(struct spool_server *s, size_t mark)
{
	while (s->neffects > mark) {
		struct effect *e = &s->effects[--s->neffects];

		if (e->kind == EFFECT_TAKE)
			account_untake(e->account, e->number);
		else if (e->kind == EFFECT_WAKE)
			e->account->woken = false;
		free(e->file);
	}
}

static void tell_held(struct spool_server *s, const char *reason)
{
	enum { SPACING_MS = 60 * 60 * 1000 };

	/* A clock that was set back must not keep it quiet. */
	if (s->options.held == NULL ||
	    (s->held_told != 0 && s->now >= s->held_told && s->now - s->held_told < SPACING_MS))
		return;
	s->held_told = s->now;
	s->options.held(s->options.arg, reason);
}

void effects_commit(struct spool_server *s)
{
	for (size_t i = 0; i < s->neffects; i++) {
		struct effect *e = &s->effects[i];

		if (e->kind == EFFECT_UNTAKE) {
			account_untake(e->account, e->number);
		} else if (e->kind == EFFECT_NEWS) {
			facts_news(s, e->account);
		} else if (e->kind == EFFECT_HELD) {
			tell_held(s, e->file);
		} else if (e->kind == EFFECT_RELEASE) {
			bundle_release(s, e->file, e->at, e->size);
		} else if (e->kind == EFFECT_UNLINK) {
			char *path = body_path(s, e->file);

			/* A file that stays is swept at the next start. */
			step("spool: before a body file is removed");
			if (unlink(path) != 0)
				log_warning("body-not-removed", LOG_STR("file", path));
			step("spool: after a body file was removed");
			free(path);
		}
		free(e->file);
	}
	s->neffects = 0;
}
