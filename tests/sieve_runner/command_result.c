/* Scripts under test, and what came of them: actions, errors. */
#include "deliver.h"
#include "script.h"
#include "sieve/match.h"
#include "testsuite.h"

int testsuite_script_compile(struct run *r, const struct op *op)
{
	return script_compile(suite_of(r), run_string(r, op, 0));
}

int testsuite_script_run(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);

	if (op_tag(op, "append_result") == NULL)
		suite_reset_actions(s, r);
	return script_run(s, r);
}

int testsuite_multiscript(struct run *r, const struct op *op)
{
	struct strings paths = run_param(r, op, 0);

	return script_run_all(suite_of(r), r, paths.all, paths.n);
}

int testsuite_binary_save(struct run *r, const struct op *op)
{
	if (!script_save(suite_of(r), run_string(r, op, 0)))
		return run_error(r, "no script was compiled");
	return 0;
}

int testsuite_binary_load(struct run *r, const struct op *op)
{
	if (!script_load(suite_of(r), run_string(r, op, 0)))
		return run_error(r, "no script was saved under that name");
	return 0;
}

int testsuite_result_reset(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);

	(void)op;
	suite_reset_result(s, r);
	outbox_clear(&s->outbox);
	return 0;
}

int testsuite_result_print(struct run *r, const struct op *op)
{
	const struct suite *s = suite_of(r);

	(void)op;
	for (size_t i = 0; i < s->plan.n && s->report.out != NULL; i++)
		(void)fprintf(s->report.out, "%zu %s%s%s\n", i + 1, plan_kind_name(s->plan.actions[i].kind),
			      s->plan.actions[i].mailbox != NULL ? " " : "",
			      s->plan.actions[i].mailbox != NULL ? s->plan.actions[i].mailbox : "");
	return 0;
}

int testsuite_result_execute(struct run *r, const struct op *op)
{
	struct suite *s = suite_of(r);
	bool done;

	(void)op;
	errors_clear(&s->errors);
	suite_close_result(s, r);
	done = deliver(s, &s->plan, r->executed, s->plan.implicit_keep && !s->kept);
	s->kept = s->kept || s->plan.implicit_keep || !done;
	r->executed = s->plan.n;
	return done;
}

static const char *action_name(enum plan_kind kind)
{
	switch (kind) {
	case PLAN_FILEINTO:
		return "store";
	case PLAN_EREJECT:
		return "reject";
	default:
		return plan_kind_name(kind);
	}
}

/* The one value that :index asks for, or all. */
static bool is_asked(const struct op *op, size_t i)
{
	const struct value *index = op_tag(op, "index");

	return index == NULL || index->number == i + 1;
}

int testsuite_result_action(struct run *r, const struct op *op)
{
	const struct plan *p = &suite_of(r)->plan;
	struct matcher m;
	int got = match_start(&m, r, op);

	for (size_t i = 0; i < p->n && got == 0; i++)
		if (is_asked(op, i))
			got = match_value(&m, slice_str(action_name(p->actions[i].kind)));
	return got != 0 ? got : match_end(&m);
}

int testsuite_error(struct run *r, const struct op *op)
{
	const struct errors *e = &suite_of(r)->errors;
	struct matcher m;
	int got = match_start(&m, r, op);

	for (size_t i = 0; i < e->n && got == 0; i++)
		if (is_asked(op, i))
			got = match_value(&m, slice_str(e->all[i]));
	return got != 0 ? got : match_end(&m);
}
