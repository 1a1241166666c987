/*
 * Files of tests, run in memory: whole sequences of scripts, results and edited
 * messages. The input is the file; behind a line "%% NAME" stands a script of
 * that name, which it may compile or include. Whatever it says, the run ends,
 * and what is told of it adds up.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"
#include "suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static const char marker[] = "\n%% ";

/* The text up to the next marker; *REST goes on behind it. */
static struct slice next_part(struct slice *rest)
{
	const char *at = rest->n > 0 ? memmem(rest->p, rest->n, marker, sizeof marker - 1) : NULL;
	struct slice part = *rest;

	if (at == NULL) {
		*rest = SLICE_NONE;
		return part;
	}
	part.n = (size_t)(at - rest->p) + 1;
	*rest = slice_skip(*rest, part.n + sizeof marker - 2);
	return part;
}

/* The script whose name is the end of PATH. */
static int read_part(void *arg, const char *path, struct buf *out, struct err *e)
{
	struct slice rest = *(struct slice *)arg, all = slice_str(path);

	(void)next_part(&rest);
	while (rest.n > 0) {
		struct slice part = next_part(&rest), name = slice_of(part.p, slice_find(part, '\n'));

		if (name.n < all.n && all.p[all.n - name.n - 1] == '/' &&
		    slice_eq(slice_skip(all, all.n - name.n), name))
			return buf_add_slice(out, slice_skip(part, name.n < part.n ? name.n + 1 : name.n));
	}
	return err_set(e, ERR_INPUT, 0, "there is no such script");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { STEPS = 300000 };
	struct slice in = slice_of((const char *)data, size), rest = in;
	struct suite s;
	int good, bad;

	suite_init(&s, "fuzz", "/fuzz", read_part, &in, NULL);
	s.steps = STEPS;
	suite_apply_settings(&s);
	suite_run(&s, next_part(&rest));
	if (s.plan.n > s.limits.actions && s.limits.actions >= SIEVE_ACTIONS_MAX)
		abort();
	good = report_finish(&s.report, false);
	bad = report_finish(&s.report, true);
	if ((good == 0) != (s.report.failed == 0) || (bad == 0) != (s.report.passed == 0))
		abort();
	suite_free(&s);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return seed % 2 == 0 ? LLVMFuzzerMutate(data, size, max) : grammar_mutate(data, size, max, seed / 2, marker);
}
