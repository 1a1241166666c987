#include "sieve/redirect.h"

#include <stdlib.h>

#include "base/mem.h"
#include "msg/date.h"

enum { BY_MAX = 999999999 }; /* RFC 2852, 4: nine digits */

void redirect_check(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	const struct value *relative = op_tag(op, "bytimerelative");

	if (relative != NULL && relative->number > BY_MAX)
		compile_error(c, node->pos, "\":bytimerelative\" is too large: at most %d seconds are allowed", BY_MAX);
	if (relative != NULL || op_tag(op, "bytimeabsolute") != NULL)
		return;
	if (op_tag(op, "bymode") != NULL)
		compile_error(c, node->pos, "\":bymode\" needs a time: expected \":bytimerelative\" or \":bytimeabsolute\"");
	else if (op_tag(op, "bytrace") != NULL)
		compile_error(c, node->pos, "\":bytrace\" needs a time: expected \":bytimerelative\" or \":bytimeabsolute\"");
}

/* ---- RFC 3339, 5.6 ---- */

static bool digits(struct slice *rest, size_t n, unsigned max, unsigned *out)
{
	*out = 0;
	if (rest->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_digit(rest->p[i]))
			return false;
		*out = *out * 10 + (unsigned)(rest->p[i] - '0');
	}
	*rest = slice_skip(*rest, n);
	return *out <= max;
}

static bool zone(struct slice *rest, int *minutes)
{
	unsigned hour, minute;
	int sign = 1;

	*minutes = 0;
	if (slice_take(rest, 'Z') || slice_take(rest, 'z'))
		return true;
	if (slice_take(rest, '-'))
		sign = -1;
	else if (!slice_take(rest, '+'))
		return false;
	/* "+0100", as the date test gives zones (RFC 5260), stands in scripts, too. */
	if (!digits(rest, 2, 23, &hour))
		return false;
	(void)slice_take(rest, ':');
	if (!digits(rest, 2, 59, &minute))
		return false;
	*minutes = sign * (int)(hour * 60 + minute);
	return true;
}

static bool day_exists(unsigned year, unsigned month, unsigned day)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

int redirect_time(struct slice text, int64_t *ms)
{
	unsigned year, month, day, hour, minute, second;
	int minutes;

	text = slice_trim(text);
	if (!digits(&text, 4, 9999, &year) || !slice_take(&text, '-') || !digits(&text, 2, 12, &month) ||
	    !slice_take(&text, '-') || !digits(&text, 2, 31, &day) || !day_exists(year, month, day))
		return -1;
	if (!slice_take(&text, 'T') && !slice_take(&text, 't') && !slice_take(&text, ' '))
		return -1;
	if (!digits(&text, 2, 23, &hour) || !slice_take(&text, ':') || !digits(&text, 2, 59, &minute) ||
	    !slice_take(&text, ':') || !digits(&text, 2, 60, &second))
		return -1;
	if (slice_take(&text, '.')) {
		if (text.n == 0 || !ascii_is_digit(text.p[0]))
			return -1;
		while (text.n > 0 && ascii_is_digit(text.p[0]))
			text = slice_skip(text, 1);
	}
	if (!zone(&text, &minutes) || text.n > 0)
		return -1;
	*ms = ((date_days(year, month, day) * 24 + hour) * 60 + minute - minutes) * 60000 + (int64_t)second * 1000;
	return 0;
}

/* ---- asking ---- */

static void take_time(struct run *r, const struct op *op, struct plan_dsn *d)
{
	const struct value *relative = op_tag(op, "bytimerelative");
	struct slice absolute = run_value(r, op_tag(op, "bytimeabsolute")), mode = run_value(r, op_tag(op, "bymode"));
	int64_t ms = 0;

	if (relative == NULL && absolute.p == NULL)
		return;
	d->by = true;
	/* RFC 6009, 7: "return" where nothing is said. */
	d->by_mode = slice_eq_nocase(mode, SLICE_LIT("notify")) ? 'N' : 'R';
	d->by_trace = op_tag(op, "bytrace") != NULL;
	if (relative != NULL)
		d->by_seconds = (int64_t)relative->number;
	else if (redirect_time(absolute, &ms) == 0)
		d->by_seconds = (ms - r->in->now_ms) / 1000;
	d->by_seconds = d->by_seconds > BY_MAX ? BY_MAX : d->by_seconds < -BY_MAX ? -BY_MAX : d->by_seconds;
	/* RFC 2852, 4: of what is to be returned the time can't have passed; the next server has a second to say so. */
	if (d->by_mode == 'R' && d->by_seconds < 1)
		d->by_seconds = 1;
}

int redirect_ask(struct run *r, const struct op *op, struct plan_dsn **out)
{
	struct slice notify = run_value(r, op_tag(op, "notify")), ret = run_value(r, op_tag(op, "ret"));
	struct plan_dsn d = { .by = false };

	*out = NULL;
	take_time(r, op, &d);
	if (run_failed(r))
		return -1;
	if (notify.p == NULL && ret.p == NULL && !d.by)
		return 0;
	d.notify = notify.p == NULL ? NULL : slice_dup(notify);
	d.ret = ret.p == NULL ? NULL : slice_dup(ret);
	*out = mem_alloc(sizeof **out);
	**out = d;
	return 0;
}
