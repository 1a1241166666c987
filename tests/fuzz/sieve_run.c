/*
 * Scripts over messages. The input is a script, a line of "%%", and a message.
 * A plan is bounded, holds nothing that contradicts itself, and is the same the
 * second time; a failed run leaves the implicit keep and nothing else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "grammar.h"
#include "mime_grammar.h"
#include "sieve/flags.h"
#include "sieve/keyset.h"
#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char marker[] = "\n%%\n"; /* between script and message */

static void flags_check(char *const *flags, size_t n)
{
	if (n > FLAGS_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct slice flag = slice_str(flags[i]);

		if (!flag_settable(&flag) || !slice_eq(flag, slice_str(flags[i])))
			abort();
		for (size_t k = 0; k < i; k++)
			if (slice_eq_nocase(flag, slice_str(flags[k])))
				abort();
	}
}

static void action_check(const struct plan_action *a)
{
	if ((a->mailbox != NULL) != (a->kind == PLAN_FILEINTO) || (a->address != NULL) != (a->kind == PLAN_REDIRECT) ||
	    (a->reason != NULL) != (a->kind == PLAN_REJECT || a->kind == PLAN_EREJECT) || a->line == 0)
		abort();
	if (a->mailbox != NULL && (a->mailbox[0] == '\0' || !utf8_valid(slice_str(a->mailbox))))
		abort();
	if (a->address != NULL && strchr(a->address, '@') == NULL)
		abort();
	if (a->kind != PLAN_KEEP && a->kind != PLAN_FILEINTO && a->nflags > 0)
		abort();
	if ((a->answer != NULL) != (a->kind == PLAN_VACATION) || (a->notice != NULL) != (a->kind == PLAN_NOTIFY) ||
	    (a->dsn != NULL && a->kind != PLAN_REDIRECT))
		abort();
	flags_check(a->flags, a->nflags);
}

static void plan_check(const struct plan *p, int ret)
{
	size_t count[PLAN_KINDS] = { 0 }, refusals, deliveries;
	bool cancelled = false;

	if ((ret != 0) != (p->error != NULL) || p->n > SIEVE_ACTIONS_MAX)
		abort();
	if (ret != 0 && (p->n > 0 || !p->implicit_keep || p->nkeep_flags > 0))
		abort();
	for (size_t i = 0; i < p->n; i++) {
		action_check(&p->actions[i]);
		count[p->actions[i].kind]++;
		/* RFC 5230, 4.7; RFC 5435, 3 */
		if (p->actions[i].kind != PLAN_VACATION && p->actions[i].kind != PLAN_NOTIFY)
			cancelled = cancelled || !p->actions[i].copy;
	}
	if (count[PLAN_NOTIFY] > SIEVE_NOTIFICATIONS_MAX || count[PLAN_VACATION] > 1)
		abort();
	refusals = count[PLAN_REJECT] + count[PLAN_EREJECT];
	deliveries = count[PLAN_VACATION] + count[PLAN_KEEP] + count[PLAN_FILEINTO] + count[PLAN_REDIRECT];
	if (count[PLAN_REDIRECT] > SIEVE_REDIRECTS_MAX || count[PLAN_KEEP] > 1 || count[PLAN_DISCARD] > 1 ||
	    refusals > 1 || (refusals > 0 && deliveries > 0) || p->implicit_keep == cancelled)
		abort();
	flags_check(p->keep_flags, p->nkeep_flags);
}

static void plans_compare(const struct plan *a, const struct plan *b)
{
	if (a->n != b->n || a->implicit_keep != b->implicit_keep || a->nkeep_flags != b->nkeep_flags)
		abort();
	for (size_t i = 0; i < a->n; i++)
		if (a->actions[i].kind != b->actions[i].kind || a->actions[i].nflags != b->actions[i].nflags)
			abort();
}

static bool some_exist(void *arg, struct slice mailbox)
{
	(void)arg;
	return mailbox.n % 2 == 0;
}

static bool some_listed(void *arg, struct slice list, struct slice value)
{
	(void)arg;
	return list.n % 2 == 0 && (value.p == NULL || value.n % 3 == 0);
}

static bool some_members(void *arg, struct slice list, size_t i, struct slice *member)
{
	(void)arg;
	*member = i == 0 ? SLICE_LIT("a@b.example") : list;
	return i < 3;
}

static bool some_metadata(void *arg, struct slice mailbox, struct slice name, struct buf *out)
{
	(void)arg;
	return (mailbox.n + name.n) % 2 == 0 && buf_add_slice(out, name) == 0;
}

/* Scripts include themselves, under a name that is another's. */
static bool some_scripts(void *arg, bool global, struct slice name, struct slice *text, const char **path)
{
	*text = *(const struct slice *)arg;
	*path = "included";
	return !global && name.n % 2 == 0;
}

static void note_event(void *arg, const struct sieve_event *e)
{
	(void)arg;
	if (e->script == NULL || e->word == NULL || e->line == 0)
		abort();
}

static void run(const struct sieve_program *program, struct slice text)
{
	struct message m;
	struct sieve_input in = { .message = &m,
				  .from = SLICE_LIT("sender@example.com"),
				  .to = SLICE_LIT("info@office.example"),
				  .mailbox_exists = some_exist,
				  .id_exists = some_exist,
				  .listed = some_listed,
				  .list_member = some_members,
				  .metadata = some_metadata };
	struct plan first, second;

	message_init(&m, text, text.n, -1);
	plan_check(&first, sieve_run(program, &in, &first));
	/* The null sender, and what is no address. */
	in.from = SLICE_NONE;
	in.to = text.n < 200 ? text : slice_of(text.p, 200);
	plan_check(&second, sieve_run(program, &in, &second));
	plan_free(&second);
	in.from = SLICE_LIT("sender@example.com");
	in.to = SLICE_LIT("info@office.example");
	in.trace = note_event;
	plan_check(&second, sieve_run(program, &in, &second));
	plans_compare(&first, &second);
	plan_free(&first);
	plan_free(&second);
	message_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size), message = SLICE_NONE;
	const char *at = size > 0 ? memmem(data, size, marker, sizeof marker - 1) : NULL;
	struct sieve_program *program;
	struct buf errors;

	if (at != NULL) {
		message = slice_of(at + sizeof marker - 1, size - (size_t)(at - in.p) - (sizeof marker - 1));
		in.n = (size_t)(at - in.p);
	}
	keyset_force(true, false);
	buf_init(&errors, 1 << 16);
	program = sieve_compile_with("fuzz", in, &(struct sieve_scripts){ .find = some_scripts, .arg = &in }, &errors);
	if (program != NULL)
		run(program, message);
	sieve_program_free(&program);
	buf_free(&errors);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint8_t *at = size > 0 ? memmem(data, size, marker, sizeof marker - 1) : NULL;
	size_t before = at != NULL ? (size_t)(at - data) + sizeof marker - 1 : 0, n;

	switch (seed % 4) {
	case 0:
		return grammar_mutate(data, size, max, seed / 4, marker);
	case 1:
		n = at != NULL ? mime_grammar_mutate(data + before, size - before, max - before, seed / 4) : 0;
		return n > 0 ? before + n : 0;
	default:
		return LLVMFuzzerMutate(data, size, max);
	}
}
