/* Settings, as the engine takes them. */
#include <stdlib.h>

#include "base/mem.h"
#include "lists.h"
#include "suite.h"

enum { PROTECTED_MAX = 64 };

static void drop_names(char ***all, struct sieve_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free((*all)[i]);
	free(*all);
	*all = NULL;
	*names = (struct sieve_names){ NULL, 0 };
}

void suite_drop_names(struct suite *s)
{
	drop_names(&s->forbid_add, &s->input.forbid_add);
	drop_names(&s->forbid_delete, &s->input.forbid_delete);
}

/* Of the header NAME, where its setting WHAT ("forbid_add") says so. */
static void forbid(struct suite *s, struct slice id, const char *what, char **all, struct sieve_names *names)
{
	const char *name = settings_getf(&s->settings, "sieve_editheader_header/%.*s/name", (int)id.n, id.p);

	/* A name that is the setting's own may be left out. */
	if (settings_is_yes(settings_getf(&s->settings, "sieve_editheader_header/%.*s/%s", (int)id.n, id.p, what)))
		all[names->n++] = name != NULL ? mem_strdup(name) : slice_dup(id);
	names->all = all;
}

/* sieve_editheader_header names some, sieve_editheader_header/NAME/… says what each is. */
static void apply_protected(struct suite *s)
{
	struct slice rest = slice_str(settings_get(&s->settings, "sieve_editheader_header")), word;

	suite_drop_names(s);
	s->forbid_add = mem_array(PROTECTED_MAX, sizeof *s->forbid_add);
	s->forbid_delete = mem_array(PROTECTED_MAX, sizeof *s->forbid_delete);
	for (size_t n = 0; n < PROTECTED_MAX && settings_word(&rest, &word); n++) {
		forbid(s, word, "forbid_add", s->forbid_add, &s->input.forbid_add);
		forbid(s, word, "forbid_delete", s->forbid_delete, &s->input.forbid_delete);
	}
}

static void apply_own(struct suite *s)
{
	size_t n = 0;

	s->own[0] = s->own[1] = s->own[2] = NULL;
	if (settings_get(&s->settings, "sieve_user_email") != NULL)
		s->own[n++] = settings_get(&s->settings, "sieve_user_email");
	if (settings_flag(&s->settings, "sieve_vacation_use_original_recipient", false) && s->envelope.orig_to != NULL)
		s->own[n++] = s->envelope.orig_to;
	s->input.own = s->own;
	s->input.answer_all = !settings_flag(&s->settings, "sieve_vacation_check_recipient", true) ||
			      settings_flag(&s->settings, "sieve_vacation_dont_check_recipient", false);
}

void suite_apply_envelope(struct suite *s)
{
	apply_own(s);
}

void suite_apply_settings(struct suite *s)
{
	enum { HEADER_SIZE_LEAST = 1024 };
	const struct settings *all = &s->settings;
	struct sieve_limits *l = &s->limits;

	if (s->spam == NULL) {
		s->spam = mem_alloc(sizeof *s->spam);
		s->virus = mem_alloc(sizeof *s->virus);
	}
	settings_apply(&s->settings);
	*l = sieve_usual_limits;
	if (s->steps > 0)
		l->steps = s->steps;
	l->cpu_ms = (unsigned)settings_ms(all, "sieve_max_cpu_time", SIEVE_CPU_MS_MAX);
	if (l->cpu_ms == 0)
		l->cpu_ms = SIEVE_CPU_MS_MAX;
	l->actions = settings_number(all, "sieve_max_actions", SIEVE_ACTIONS_MAX);
	l->redirects = settings_number(all, "sieve_max_redirects", SIEVE_REDIRECTS_MAX);
	l->notifications = settings_number(all, "sieve_notify_max_notifications", SIEVE_NOTIFICATIONS_MAX);
	l->variable_size = settings_number(all, "sieve_variables_max_variable_size", SIEVE_VARIABLE_MAX);
	l->variable_size = settings_number(all, "sieve_variables_max_value_size", l->variable_size);
	l->header_size = settings_number(all, "sieve_editheader_max_header_size", l->header_size);
	if (l->header_size < HEADER_SIZE_LEAST)
		l->header_size = HEADER_SIZE_LEAST;
	l->include_depth = settings_number(all, "sieve_include_max_nesting_depth", SIEVE_INCLUDE_DEPTH_MAX);
	l->vacation_min = settings_seconds(all, "sieve_vacation_min_period", l->vacation_min);
	l->vacation_max = settings_seconds(all, "sieve_vacation_max_period", l->vacation_max);
	s->input.separators = settings_get(all, "recipient_delimiter");
	apply_protected(s);
	apply_own(s);
	s->input.listed = lists_listed;
	s->input.list_member = lists_member;
	s->input.spam = lists_verdict(s, "spamtest", s->spam);
	s->input.virus = lists_verdict(s, "virustest", s->virus);
}

void suite_take_limits(const struct suite *s, struct run *r)
{
	/* A file does much more than a script over one message. */
	enum { AMPLE_CPU_MS = 10 * 60 * 1000 };
	const uint64_t ample_steps = 200000000;

	r->limits = s->limits;
	r->limits.steps = s->steps > 0 ? s->steps : ample_steps;
	r->limits.cpu_ms = AMPLE_CPU_MS;
}
