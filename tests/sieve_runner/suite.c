#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "includes.h"
#include "lists.h"
#include "script.h"
#include "sieve/content.h"
#include "sieve/parts.h"
#include "sieve/registry.h"
#include "sieve/result.h"
#include "testsuite.h"

static const char default_message[] = "From: sender@example.com\n"
				      "To: recipient@example.org\n"
				      "Subject: Frop!\n"
				      "\n"
				      "Friep!\n";

static bool mailbox_exists(void *arg, struct slice mailbox)
{
	struct suite *s = arg;

	return mailbox.n > 0 && store_find(&s->store, mailbox) != NULL;
}

static bool metadata(void *arg, struct slice mailbox, struct slice name, struct buf *out)
{
	struct suite *s = arg;
	const char *value = store_annotation(&s->store, mailbox, name);

	return value != NULL && buf_add_str(out, value) == 0;
}

/* Minutes ahead of UTC. */
static int zone_at(int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm = { 0 };

	(void)localtime_r(&t, &tm);
	return (int)(tm.tm_gmtoff / 60);
}

static void set_host(struct suite *s)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
		(void)strncpy(name, "localhost", sizeof name - 1);
	s->host = mem_strdup(name);
}

static void set_environment(struct suite *s)
{
	static struct sieve_item items[] = { { { "host", 4 }, SLICE_NONE } };

	items[0].value = slice_str(s->host);
	s->input.environment = items;
	s->input.nenvironment = sizeof items / sizeof items[0];
}

void suite_init(struct suite *s, const char *path, const char *folder, suite_read read, void *arg, FILE *out)
{
	*s = (struct suite){ .path = path, .folder = mem_strdup(folder), .read = read, .read_arg = arg };
	s->report = (struct report){ .out = out };
	s->plan = (struct plan){ .implicit_keep = true };
	s->input = (struct sieve_input){ .mailbox_exists = mailbox_exists,
					 .metadata = metadata,
					 .arg = s,
					 .memory_off = true };
	s->input.now_ms = clock_wall_ms();
	s->input.zone = zone_at(s->input.now_ms / 1000);
	s->input.zone_at = zone_at;
	buf_init(&s->member, 64 * 1024);
	store_init(&s->store);
	set_host(s);
	set_environment(s);
	suite_apply_settings(s);
	suite_take_letter(s, NULL, letter_new(slice_str(default_message)), true);
}

static void drop_flags(struct suite *s)
{
	for (size_t i = 0; i < s->nflags; i++)
		free(s->flags[i]);
	free(s->flags);
	s->flags = NULL;
	s->nflags = 0;
}

void suite_free(struct suite *s)
{
	plan_free(&s->plan);
	scripts_free(s);
	outbox_clear(&s->outbox);
	store_free(&s->store);
	envelope_free(&s->envelope);
	letter_free_all(&s->letter);
	settings_free(&s->settings);
	errors_clear(&s->errors);
	drop_flags(s);
	free(s->host);
	suite_drop_names(s);
	buf_free(&s->member);
	lists_verdict_free(s->spam);
	lists_verdict_free(s->virus);
	free(s->spam);
	free(s->virus);
	free(s->folder);
}

/* The flags of the message that is the current one. */
static void set_flags(const struct suite *s, struct run *r)
{
	struct flag_set set = { .n = 0 };

	for (size_t i = 0; i < s->nflags; i++)
		flags_add(&set, slice_str(s->flags[i]));
	flags_keep(&r->flags, &set);
}

static bool flags_untouched(const struct suite *s, const struct run *r)
{
	const struct flag_set *set = &r->flags.set;
	bool same = set->n == s->nflags;

	for (size_t i = 0; same && i < s->nflags; i++)
		same = slice_eq_nocase(set->all[i], slice_str(s->flags[i]));
	return same;
}

/* What a script has done to them stays until the result is reset. */
void suite_take_flags(struct suite *s, struct run *r, char *const *flags, size_t n)
{
	bool untouched = flags_untouched(s, r);

	drop_flags(s);
	s->flags = mem_array(n + 1, sizeof *s->flags);
	for (s->nflags = 0; s->nflags < n; s->nflags++)
		s->flags[s->nflags] = mem_strdup(flags[s->nflags]);
	if (untouched)
		set_flags(s, r);
}

/* A loop through its parts (RFC 5703, 3) goes on with the message that it has. */
static void forget_message(struct run *r)
{
	if (parts_depth(r) == 0)
		run_forget_message(r);
}

void suite_take_envelope(struct suite *s, struct run *r)
{
	static char orcpt[1024];

	s->input.from = slice_str(s->envelope.from);
	s->input.to = slice_str(s->envelope.to);
	s->input.auth = slice_str(s->envelope.auth);
	s->input.orcpt = SLICE_NONE;
	if (s->envelope.orig_to != NULL &&
	    snprintf(orcpt, sizeof orcpt, "rfc822;%s", s->envelope.orig_to) < (int)sizeof orcpt)
		s->input.orcpt = slice_str(orcpt);
	suite_apply_envelope(s);
	if (r == NULL)
		return;
	r->from = r->to = NULL;
	forget_message(r);
}

void suite_take_letter(struct suite *s, struct run *r, struct letter *l, bool derive)
{
	l->next = s->letter;
	s->letter = l;
	s->input.message = &l->message;
	/* What waits is carried out with the message that there is then; its edits were of the other. */
	for (size_t i = 0; i < s->plan.n; i++)
		s->plan.actions[i].content = 0;
	if (derive)
		envelope_derive(&s->envelope, &l->message.header);
	suite_take_envelope(s, r);
	if (r != NULL)
		suite_take_flags(s, r, NULL, 0);
}

void suite_reset_actions(struct suite *s, struct run *r)
{
	plan_free(&s->plan);
	s->plan = (struct plan){ .implicit_keep = true };
	r->executed = 0;
	s->kept = false;
	set_flags(s, r);
	content_forget_plan(r);
}

void suite_reset_result(struct suite *s, struct run *r)
{
	suite_reset_actions(s, r);
	forget_message(r);
}

void suite_close_result(struct suite *s, struct run *r)
{
	for (size_t i = 0; i < s->plan.nkeep_flags; i++)
		free(s->plan.keep_flags[i]);
	free(s->plan.keep_flags);
	s->plan.keep_flags = NULL;
	s->plan.nkeep_flags = 0;
	(void)result_finish(r, true);
}

enum { AMPLE_BYTES = 256 * 1024 * 1024 };

/* A file without the extension is no file of tests: nothing in it could fail. */
static bool is_suite(const struct sieve_program *p)
{
	int ext = registry_capability(slice_str(testsuite_extension.name));

	return ext >= 0 && (p->required >> ext & 1) != 0;
}

static void run_compiled(struct suite *s, const struct sieve_program *program)
{
	struct run r;

	run_open(&r, &s->input, &s->plan);
	suite_take_limits(s, &r);
	r.arena.max = AMPLE_BYTES;
	if (run_program(&r, program) != 0)
		report_abort(&s->report, slice_str(s->plan.error));
	else
		report_end(&s->report);
	run_close(&r);
}

void suite_run(struct suite *s, struct slice script)
{
	struct sieve_program *program;
	struct includes includes;
	struct buf errors;

	buf_init(&errors, SCRIPT_ERRORS_MAX);
	registry_add(&testsuite_extension);
	testsuite_compile_begin(true);
	includes_init(&includes, s);
	program = sieve_compile_with(s->path, script, &includes.scripts, &errors);
	includes_free(&includes);
	if (program != NULL && !is_suite(program))
		(void)buf_addf(&errors, "%s: expected require \"%s\"; at the top of the file\n", s->path,
			       testsuite_extension.name);
	if (program != NULL && errors.n == 0)
		run_compiled(s, program);
	else
		report_abort(&s->report, buf_slice(&errors));
	sieve_program_free(&program);
	buf_free(&errors);
}
