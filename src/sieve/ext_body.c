/*
 * "body" (RFC 5173). Values are read in a stream: with :contains all of a body
 * is searched in windows that overlap, with other match types it is compared as
 * far as BODY_VALUE_MAX goes.
 */
#include "base/utf8.h"
#include "sieve/compiler.h"
#include "sieve/extensions.h"
#include "sieve/match.h"
#include "sieve/parts.h"

enum { BODY_KEYS };
enum {
	BODY_VALUE_MAX = 512 * 1024, /* octets in memory at once */
	BODY_ROOM = 128 * 1024,	     /* what one piece may be longer */
	FOLD_SHRINKS = 4	     /* octets of a value that one octet of a folded key may stand for */
};

/* How much of one window must come again in the next, so that no key is cut. */
static size_t overlap(const struct matcher *m)
{
	size_t longest = 0;

	for (size_t i = 0; i < m->nkeys; i++)
		if (m->keys[i].text.n > longest)
			longest = m->keys[i].text.n;
	return longest < BODY_VALUE_MAX / 2 / FOLD_SHRINKS - 1 ? (longest + 1) * FOLD_SHRINKS : BODY_VALUE_MAX / 2;
}

/* Drops the front of VALUE, all but what M needs again, and what belongs to a character there. */
static void move_on(const struct matcher *m, struct buf *value)
{
	size_t n = value->n - overlap(m);

	for (unsigned back = 0; back < 3 && n > 0 && ((unsigned char)value->p[n] & 0xc0) == 0x80; back++)
		n--;
	buf_consume(value, n);
}

/* All that READER gives, as one value: 1, 0, or -1. What comes in pieces is cut between characters, which comparators
 * look at. */
static int match_stream(struct run *r, struct matcher *m, struct part_reader *reader)
{
	bool windows = strcmp(m->match->type->name, "contains") == 0;
	uint64_t values = m->values;
	struct buf value;
	size_t cut;
	int got = 0, more;

	buf_init(&value, BODY_VALUE_MAX + BODY_ROOM);
	for (;;) {
		while ((more = value.n < BODY_VALUE_MAX ? part_more(r, reader, &value) : 0) > 0)
			;
		cut = reader->over ? 0 : utf8_cut_off(buf_slice(&value));
		got = more < 0 ? -1 : match_value(m, slice_of(value.p, value.n - cut));
		if (got != 0 || !windows || value.n < BODY_VALUE_MAX)
			break;
		move_on(m, &value);
	}
	m->values = values + 1;
	buf_free(&value);
	return got;
}

static int match_raw(struct run *r, struct matcher *m, uint64_t from, uint64_t to)
{
	struct part_reader reader;

	part_read_raw(&reader, from, to);
	return match_stream(r, m, &reader);
}

/* The header of the message that a message/rfc822 part holds, as one string (5.2). */
static int match_head(struct run *r, struct matcher *m, const struct mime_place *inner)
{
	char end[4];
	uint64_t to = inner->body;
	ssize_t n =
	    to - inner->head >= sizeof end ? content_read(r, content_of(r), to - sizeof end, end, sizeof end) : 0;

	if (n < 0)
		return -1;
	/* Without the empty line. */
	if (n == sizeof end && memcmp(end, "\r\n\r\n", 4) == 0)
		to -= 2;
	return match_raw(r, m, inner->head, to);
}

/* One part whose type fits (5.2): what it holds but for other parts. */
static int match_part(struct run *r, struct matcher *m, const struct parts *p, size_t i, bool text)
{
	const struct mime_place *part = &p->scan.parts[i];
	struct part_reader reader;
	int got;

	if (part->multipart) {
		got = match_raw(r, m, part->body, part->prologue);
		return got != 0 ? got : match_raw(r, m, part->epilogue, part->end);
	}
	if (i + 1 < p->scan.n && p->scan.parts[i + 1].parent == i)
		return match_head(r, m, &p->scan.parts[i + 1]);
	if (text)
		part_read_text(&reader, part);
	else
		part_read(&reader, part);
	got = match_stream(r, m, &reader);
	part_reader_free(&reader);
	return got;
}

/* "", "type" or "type/subtype"; anything else fits nothing. */
static bool type_fits(struct slice wanted, const char *type)
{
	size_t slash = slice_find(wanted, '/');
	struct slice is = slice_str(type);

	if (wanted.n == 0)
		return true;
	if (slash == wanted.n)
		return slice_eq_nocase(wanted, slice_of(is.p, slice_find(is, '/')));
	return slash > 0 && slash + 1 < wanted.n && slice_eq_nocase(wanted, is);
}

static bool any_fits(struct strings types, const char *type)
{
	for (size_t i = 0; i < types.n; i++)
		if (type_fits(types.all[i], type))
			return true;
	return false;
}

static int match_parts(struct run *r, struct matcher *m, struct strings types, bool text)
{
	const struct parts *p = parts_of(r);
	size_t first = parts_subject(r), end = p != NULL ? parts_end(p, first) : 0;
	int got = p == NULL ? -1 : 0;

	for (size_t i = first; got == 0 && i < end && i < p->scan.n; i++) {
		got = run_charge(r, 1 + types.n);
		if (got == 0 && any_fits(types, p->scan.parts[i].type))
			got = match_part(r, m, p, i, text);
	}
	return got;
}

/* The whole body of the message, or of the part that is one to this script. */
static int match_all(struct run *r, struct matcher *m)
{
	size_t subject = parts_subject(r);
	const struct parts *p;

	if (subject == 0)
		return match_raw(r, m, 0, content_of(r)->size);
	p = parts_of(r);
	if (p == NULL || subject >= p->scan.n)
		return p == NULL ? -1 : 0;
	return match_raw(r, m, p->scan.parts[subject].body, p->scan.parts[subject].end);
}

static int run_body(struct run *r, const struct op *op)
{
	static const struct slice text = { "text", 4 };
	const struct value *content = op_tag(op, "content");
	struct strings types = content != NULL ? run_strings(r, content) : (struct strings){ &text, 1 };
	struct matcher m;
	int got = match_start(&m, r, op);

	if (got != 0 || run_failed(r))
		return -1;
	m.quiet = true; /* 6 */
	if (parts_subject(r) == 0 && !content_has_body(content_of(r)))
		return 0;
	got = op_tag(op, "raw") != NULL ? match_all(r, &m) : match_parts(r, &m, types, content == NULL);
	return got != 0 ? got : match_end(&m);
}

static const struct sieve_param params[] = {
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "body", SIEVE_TEST, .matches = true, .params = params, .run = run_body },
	{ 0 },
};

static const char *const on_body[] = { "body", NULL };

static const struct sieve_tag tags[] = {
	{ "raw", on_body, "body transform", VALUE_NONE, 0, NULL, NULL, NULL },
	{ "content", on_body, "body transform", VALUE_STRINGS, 0, "the content types", NULL, NULL },
	{ "text", on_body, "body transform", VALUE_NONE, 0, NULL, NULL, NULL },
	{ 0 },
};

const struct sieve_extension sieve_body = { "body", .commands = commands, .tags = tags };
