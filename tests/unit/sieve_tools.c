#include "sieve_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/newline.h"

const char message_a[] = "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\n"
			 "From: coyote@desert.example.org\n"
			 "To: roadrunner@acme.example.com\n"
			 "Subject: I have a present for you\n"
			 "\n"
			 "Look, I'm sorry about the whole anvil thing.\n";

const char message_b[] = "From: youcouldberich!@reply-by-postal-mail.invalid\n"
			 "Sender: b1ff@de.res.example.com\n"
			 "To: rube@landru.example.com\n"
			 "Date:  Mon, 31 Mar 1997 18:26:10 -0800\n"
			 "Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\n"
			 "\n"
			 "YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS\n";

struct sieve_input sieve_tools_input;
const struct sieve_scripts *sieve_tools_scripts;

enum { TEXT_MAX = 8 * 1024 * 1024 };

static void add_flags(struct buf *out, char *const *flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, "%s%s%s", i == 0 ? " (" : " ", flags[i], i + 1 == n ? ")" : "");
}

static void add_plan(struct buf *out, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];

		(void)buf_addf(out, "%s%s%s%s", i > 0 ? "; " : "", plan_kind_name(a->kind), a->copy ? ":copy" : "",
			       a->create ? ":create" : "");
		if (a->mailbox != NULL)
			(void)buf_addf(out, " %s", a->mailbox);
		if (a->mailbox_id != NULL)
			(void)buf_addf(out, " id %s", a->mailbox_id);
		if (a->address != NULL)
			(void)buf_addf(out, " %s", a->address);
		if (a->reason != NULL)
			(void)buf_addf(out, " %s", a->reason);
		add_flags(out, a->flags, a->nflags);
	}
	if (p->implicit_keep) {
		(void)buf_addf(out, "%simplicit", p->n > 0 ? "; " : "");
		add_flags(out, p->keep_flags, p->nkeep_flags);
	}
	if (p->error != NULL)
		(void)buf_addf(out, "; %s", p->error);
}

static void run(const struct sieve_program *program, const struct sieve_case *c, struct buf *out)
{
	const char *text = c->message == NULL ? message_a : c->message;
	struct newline lines = { 0 };
	struct message message;
	struct sieve_input in = sieve_tools_input;
	struct plan plan;
	struct buf crlf;
	int ret;

	in.from = slice_str(c->from == NULL ? "coyote@desert.example.org" : c->from);
	in.to = slice_str(c->to == NULL ? "roadrunner@acme.example.com" : c->to);
	buf_init(&crlf, TEXT_MAX);
	assert_int_equal(newline_feed(&lines, slice_str(text), &crlf), 0);
	assert_int_equal(newline_finish(&lines, true, &crlf), 0);
	message_init(&message, buf_slice(&crlf), crlf.n, -1);
	in.message = &message;
	ret = sieve_run(program, &in, &plan);
	assert_int_equal(ret, plan.error == NULL ? 0 : -1);
	add_plan(out, &plan);
	plan_free(&plan);
	message_free(&message);
	buf_free(&crlf);
}

char *sieve_tools_run(const struct sieve_case *c)
{
	struct sieve_program *program;
	struct buf out;
	size_t n;

	buf_init(&out, TEXT_MAX);
	(void)buf_add_str(&out, "compile error: ");
	program = sieve_compile_with("t", slice_str(c->script), sieve_tools_scripts, &out);
	if (program != NULL) {
		buf_clear(&out);
		run(program, c, &out);
		sieve_program_free(&program);
	}
	(void)buf_str(&out);
	return buf_take(&out, &n);
}

void sieve_tools_check(const struct sieve_case *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *plan = sieve_tools_run(&rows[i]);

		if (strcmp(plan, rows[i].plan) != 0)
			fail_msg("row %zu: %s\n  gave:     %s\n  expected: %s", i, rows[i].script, plan, rows[i].plan);
		free(plan);
	}
}

char *sieve_tools_errors(struct slice script)
{
	struct sieve_program *program;
	struct buf out;
	char *text;

	buf_init(&out, TEXT_MAX);
	program = sieve_compile("t", script, &out);
	if ((program == NULL) != (out.n > 0))
		fail_msg("a program and errors, or neither");
	sieve_program_free(&program);
	text = mem_strdup(buf_str(&out));
	buf_free(&out);
	return text;
}

char *sieve_tools_tellings(struct slice script, bool excerpts)
{
	struct sieve_program *program;
	struct buf errors, warnings;
	char *text;

	buf_init(&errors, TEXT_MAX);
	buf_init(&warnings, TEXT_MAX);
	program = sieve_compile_telling("t", script, &(struct sieve_telling){ &errors, &warnings, excerpts, sieve_tools_scripts, 0 });
	if ((program == NULL) != (errors.n > 0) || (errors.n > 0 && warnings.n > 0))
		fail_msg("a program and errors, or neither; or errors and warnings");
	sieve_program_free(&program);
	text = mem_strdup(errors.n > 0 ? buf_str(&errors) : buf_str(&warnings));
	buf_free(&errors);
	buf_free(&warnings);
	return text;
}
