/* "duplicate" (RFC 7352): was this message, or what the script knows it by, seen before? */
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/remember.h"
#include "sieve/trace.h"
#include "sieve/view.h"

/* A week, where the script does not say; longer than a year never (3.3). */
enum { DUPLICATE_SECONDS = 7 * 86400, DUPLICATE_SECONDS_MAX = 366 * 86400 };

/* The first field of that name: 1, or 0 where there is none (3.1), or -1 after run_error. */
static int first_field(struct run *r, struct slice name, struct slice *value)
{
	size_t at = 0, field;
	int got = view_next(r, name, &at, &field);

	if (got <= 0)
		return got;
	return view_text(r, field, value) == 0 ? 1 : -1;
}

static int unique_id(struct run *r, const struct op *op, struct slice *id)
{
	const struct value *given = op_tag(op, "uniqueid"), *header = op_tag(op, "header");

	if (given == NULL)
		return first_field(r, header != NULL ? run_value(r, header) : SLICE_LIT("Message-ID"), id);
	*id = run_value(r, given);
	return 1;
}

/* What is remembered, wherever the id came from (3.2): "duplicate", and a handle, which may be missing, apart from it. */
static struct slice make_key(struct run *r, const struct value *handle, struct slice id)
{
	struct slice h = run_value(r, handle);
	struct buf b;
	struct slice key = SLICE_NONE;
	char *p;

	buf_init(&b, h.n + id.n + 64);
	if (handle == NULL)
		(void)buf_addf(&b, "duplicate -");
	else
		(void)buf_addf(&b, "duplicate %zu:", h.n);
	(void)buf_add_slice(&b, h);
	(void)buf_add_slice(&b, id);
	p = run_alloc_now(r, b.n, 1);
	if (p != NULL) {
		memcpy(p, b.p, b.n);
		key = slice_of(p, b.n);
	}
	buf_free(&b);
	return key;
}

static int run_duplicate(struct run *r, const struct op *op)
{
	const struct value *given = op_tag(op, "seconds");
	uint64_t seconds = given != NULL ? given->number : DUPLICATE_SECONDS;
	struct slice id, key;
	int got;

	if (seconds == 0)
		return 0;
	got = unique_id(r, op, &id);
	if (got <= 0)
		return got;
	if (run_charge(r, id.n / 64) != 0)
		return -1;
	trace_value(r, id);
	key = make_key(r, op_tag(op, "handle"), id);
	got = key.p != NULL ? remember_known(r, key) : -1;
	/* What was seen before lasts from then on, unless the script says from now on (3.3). That another message with this
	 * id came meanwhile is found when this one is put down, and it is judged anew (3). */
	if (seconds > DUPLICATE_SECONDS_MAX)
		seconds = DUPLICATE_SECONDS_MAX;
	if (got == 0 && remember_add(r, key, seconds, true) != 0)
		return -1;
	if (got > 0 && op_tag(op, "last") != NULL && remember_add(r, key, seconds, false) != 0)
		return -1;
	return got;
}

static const struct sieve_command commands[] = {
	{ "duplicate", SIEVE_TEST, .run = run_duplicate },
	{ 0 },
};

static const char *const on_duplicate[] = { "duplicate", NULL };

static const struct sieve_tag tags[] = {
	{ "handle", on_duplicate, NULL, VALUE_STRING, 0, "the handle", NULL, NULL },
	{ "header", on_duplicate, "id", VALUE_STRING, 0, "the header name", NULL, NULL },
	{ "uniqueid", on_duplicate, "id", VALUE_STRING, 0, "the id", NULL, NULL },
	{ "seconds", on_duplicate, NULL, VALUE_NUMBER, 0, "the time in seconds", NULL, NULL },
	{ "last", on_duplicate, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_duplicate = { "duplicate", .commands = commands, .tags = tags };
