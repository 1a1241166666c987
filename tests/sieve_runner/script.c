#include "script.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver.h"
#include "includes.h"
#include "sieve/content.h"
#include "sieve/globals.h"
#include "sieve/parts.h"
#include "sieve/result.h"
#include "testsuite.h"

/* Lives as long as the suite does: flags and actions may point into a program. */
struct script {
	struct sieve_program *program;
	struct script *older;
};

/* A name for one of them. */
struct binary {
	char *name;
	const struct script *script;
	struct binary *older;
};

static struct script *compile(struct suite *s, struct slice path)
{
	char *name = slice_dup(path), *full = name[0] == '/' ? mem_strdup(name) : mem_printf("%s/%s", s->folder, name);
	struct sieve_program *program = NULL;
	struct script *script = NULL;
	struct sieve_telling telling;
	struct includes includes;
	bool whole;
	struct buf text, errors;
	struct err e;

	buf_init(&text, SIEVE_SCRIPT_MAX);
	buf_init(&errors, SCRIPT_ERRORS_MAX);
	if (slice_find(path, '\0') < path.n || s->read(s->read_arg, full, &text, &e) != 0) {
		errors_add(&s->errors, "%s: %s", name, slice_find(path, '\0') < path.n ? "bad name" : e.text);
	} else {
		testsuite_compile_begin(false);
		includes_init(&includes, s);
		whole = includes_check(&includes, buf_slice(&text));
		telling = (struct sieve_telling){ .errors = &errors, .scripts = &includes.scripts, .max = ERRORS_MAX };
		program = sieve_compile_telling(name, buf_slice(&text), &telling);
		if (program == NULL) {
			errors_clear(&s->errors);
			errors_add_lines(&s->errors, buf_slice(&errors));
			includes_blame(&includes, buf_slice(&errors));
		} else if (!whole) {
			sieve_program_free(&program);
		}
		includes_free(&includes);
	}
	if (program != NULL) {
		script = mem_alloc(sizeof *script);
		*script = (struct script){ program, s->scripts };
		s->scripts = script;
	} else {
		errors_add(&s->errors, "%s: the script could not be compiled", name);
	}
	buf_free(&text);
	buf_free(&errors);
	free(full);
	free(name);
	return script;
}

bool script_compile(struct suite *s, struct slice path)
{
	const struct script *script;

	errors_clear(&s->errors);
	script = compile(s, path);
	if (script != NULL)
		s->script = script;
	return script != NULL;
}

/* Within the run of the file, as if it were one of its own, but for limits and variables. False after an error. */
static bool run_one(struct suite *s, struct run *r, const struct script *script)
{
	enum { UNDER_TEST_MAX = 8 /* a script may run others, also itself */ };
	const struct run before = *r;
	struct part_frame whole;
	int ret;

	if (s->under_test == UNDER_TEST_MAX) {
		errors_add(&s->errors, "more than %d scripts run within each other", UNDER_TEST_MAX);
		return false;
	}
	r->limits = s->limits;
	r->steps = 0;
	r->cpu_from_ms = clock_cpu_ms();
	r->arena.max = r->arena.used + SIEVE_RUN_BYTES_MAX;
	r->globals = NULL;
	s->under_test++;
	parts_frame_open_whole(r, &whole);
	ret = run_program(r, script->program);
	parts_frame_close(r, &whole);
	s->under_test--;
	globals_free(&r->globals);
	r->globals = before.globals;
	r->stopped = false;
	r->limits = before.limits;
	r->steps = before.steps + r->steps;
	r->cpu_from_ms = before.cpu_from_ms;
	r->arena.max = before.arena.max;
	if (ret != 0) {
		errors_add(&s->errors, "%s", r->plan->error);
		free(r->plan->error);
		r->plan->error = NULL;
	}
	return ret == 0;
}

bool script_run(struct suite *s, struct run *r)
{
	errors_clear(&s->errors);
	if (s->script == NULL) {
		errors_add(&s->errors, "no script was compiled");
		return false;
	}
	return run_one(s, r, s->script);
}

static bool flags_are_set(const struct run *r, const struct plan_action *a)
{
	const struct flag_set *set = &r->flags.set;
	bool same = a->nflags == set->n;

	for (size_t i = 0; same && i < set->n; i++)
		same = slice_eq_nocase(slice_str(a->flags[i]), set->all[i]);
	return same;
}

/* A keep in a script before the last one hands the message on, as the implicit keep does; flags of its own stay with it, in
 * KEPT. False when the message is kept neither way. */
static bool put_keep_off(struct run *r, struct plan *kept)
{
	struct plan *p = r->plan;
	size_t n = r->executed;

	for (size_t i = r->executed; i < p->n; i++) {
		struct plan keep = { .implicit_keep = true };

		if (p->actions[i].kind != PLAN_KEEP) {
			p->actions[n++] = p->actions[i];
			continue;
		}
		keep.keep_flags = p->actions[i].flags;
		keep.nkeep_flags = p->actions[i].nflags;
		if (flags_are_set(r, &p->actions[i]))
			plan_free(&keep);
		plan_free(kept);
		*kept = keep;
		p->implicit_keep = true;
	}
	p->n = n;
	return p->implicit_keep;
}

/* What the last script left, and the keep. */
static bool carry_out(struct suite *s, struct run *r, struct plan *kept)
{
	struct plan *p = r->plan;

	if (result_finish(r, true) != 0)
		return false;
	if (p->implicit_keep && kept->nkeep_flags > 0) {
		struct plan own = *p;

		p->keep_flags = kept->keep_flags;
		p->nkeep_flags = kept->nkeep_flags;
		kept->keep_flags = own.keep_flags;
		kept->nkeep_flags = own.nkeep_flags;
	}
	return deliver(s, p, r->executed, p->implicit_keep);
}

bool script_run_all(struct suite *s, struct run *r, const struct slice *paths, size_t n)
{
	struct plan plan = { .implicit_keep = true }, *outer = r->plan;
	struct plan kept = { .implicit_keep = true }; /* keep_flags of a keep that was put off */
	size_t executed = r->executed;
	bool ok = true;

	errors_clear(&s->errors);
	r->plan = &plan;
	content_forget_plan(r);
	r->executed = 0;
	for (size_t i = 0; i < n && ok; i++) {
		const struct script *script = compile(s, paths[i]);

		if (script == NULL || !run_one(s, r, script)) {
			(void)deliver(s, &(struct plan){ .implicit_keep = true }, 0, true);
			ok = false;
		} else if (i + 1 < n && put_keep_off(r, &kept)) {
			ok = deliver(s, &plan, r->executed, false);
			r->executed = plan.n;
		} else {
			ok = carry_out(s, r, &kept);
			break;
		}
	}
	r->plan = outer;
	content_forget_plan(r);
	r->executed = executed;
	plan_free(&plan);
	plan_free(&kept);
	return ok;
}

bool script_save(struct suite *s, struct slice name)
{
	struct binary *b;

	if (s->script == NULL)
		return false;
	b = mem_alloc(sizeof *b);
	*b = (struct binary){ slice_dup(name), s->script, s->binaries };
	s->binaries = b;
	return true;
}

bool script_load(struct suite *s, struct slice name)
{
	for (const struct binary *b = s->binaries; b != NULL; b = b->older) {
		if (slice_eq(slice_str(b->name), name)) {
			s->script = b->script;
			return true;
		}
	}
	return false;
}

void scripts_free(struct suite *s)
{
	while (s->binaries != NULL) {
		struct binary *b = s->binaries;

		s->binaries = b->older;
		free(b->name);
		free(b);
	}
	while (s->scripts != NULL) {
		struct script *script = s->scripts;

		s->scripts = script->older;
		sieve_program_free(&script->program);
		free(script);
	}
}
