/* "enclose" (RFC 5703, 6): the message becomes an attachment of a new one. What redirect sends stays as it was. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "msg/header_write.h"
#include "sieve/compiler.h"
#include "sieve/entity.h"
#include "sieve/extensions.h"
#include "sieve/parts.h"

enum { ENCLOSE_TEXT };
enum { BOUNDARY_SIZE = 64, SEARCH_ROOM = 64 * 1024 };

/* What the enclosed message is in the tree of parts: root, text, message/rfc822, then it. */
enum { ENCLOSED_AT = 3 };

static void check_name(struct maker *m, struct slice *name)
{
	if (!header_name_valid(*name))
		maker_error(m, "%s can't be the name of a header field", diag_word(*name));
}

/* Whether BOUNDARY stands in the message: 1, 0, or -1. */
static int occurs(struct run *r, const struct content *c, struct slice header, const char *boundary)
{
	size_t n = strlen(boundary);
	struct part_reader reader;
	struct buf window;
	int more, found = memmem(header.p, header.n, boundary, n) != NULL;

	part_read_raw(&reader, 0, c->size);
	buf_init(&window, SEARCH_ROOM);
	while (found == 0 && (more = part_more(r, &reader, &window)) != 0) {
		found = more < 0 ? -1 : memmem(window.p, window.n, boundary, n) != NULL;
		if (window.n > n)
			buf_consume(&window, window.n - n);
	}
	buf_free(&window);
	return found;
}

/* FNV-1a of what the message and its time are: that two messages differ is enough, for the boundary is looked for. */
static int make_boundary(struct run *r, const struct content *c, char *out)
{
	struct slice header;
	uint64_t h = UINT64_C(14695981039346656037);
	int found = 1;

	if (content_header_text(r, c, &header) != 0)
		return -1;
	if (header.p == NULL)
		header = SLICE_LIT("");
	for (size_t i = 0; i < header.n; i++)
		h = (h ^ (unsigned char)header.p[i]) * UINT64_C(1099511628211);
	for (unsigned try = 0; found > 0; try++) {
		h = (h ^ (uint64_t)r->in->now_ms ^ c->size ^ try) * UINT64_C(1099511628211);
		(void)snprintf(out, BOUNDARY_SIZE, "enclosed-%016" PRIx64, h);
		found = occurs(r, c, header, out);
	}
	return found;
}

/* The fields of the old header that the new one has, too: their text, in the order in which they stand. Appended to
 * FIELDS; *HAVE tells which of the usual ones were among them. */
struct usual {
	bool subject, from, date;
};

static bool is_listed(struct strings names, struct slice name)
{
	for (size_t i = 0; i < names.n; i++)
		if (slice_eq_nocase(names.all[i], name))
			return true;
	return false;
}

static int copy_fields(struct run *r, const struct content *c, struct strings names, bool subject, struct buf *out,
		       struct usual *have)
{
	for (size_t i = 0; i < c->header.n; i++) {
		const struct view_field *f = &c->header.fields[i];
		bool is_subject = slice_eq_nocase(f->name, SLICE_LIT("Subject"));

		if (run_charge(r, 1 + names.n) != 0)
			return -1;
		if (f->name.n == 0 || slice_starts_nocase(f->name, SLICE_LIT("Content-")) ||
		    slice_eq_nocase(f->name, SLICE_LIT("MIME-Version")))
			continue;
		/* Where no other is given, the subject is that of the enclosed message. */
		if (is_subject ? subject || have->subject : !is_listed(names, f->name))
			continue;
		have->subject = have->subject || is_subject;
		have->from = have->from || slice_eq_nocase(f->name, SLICE_LIT("From"));
		have->date = have->date || slice_eq_nocase(f->name, SLICE_LIT("Date"));
		(void)buf_add_slice(out, f->name);
		(void)buf_add_char(out, ':');
		(void)buf_add_slice(out, f->value);
		(void)buf_add_str(out, "\r\n");
	}
	return buf_failed(out) ? run_error(r, "the header of the message is too long to be copied") : 0;
}

/* Fields that were written to TEXT become the header. */
static int put_fields(struct run *r, struct content *c, struct slice text)
{
	struct header_field f;

	while (text.n > 0) {
		const char *from = text.p;

		(void)header_next(&text, &f);
		if (content_add_field(r, c, c->header.n, slice_of(from, (size_t)(text.p - from))) != 0)
			return -1;
	}
	return 0;
}

static int write_header(struct run *r, const struct op *op, struct content *c, struct slice copied,
			const struct usual *have, const char *boundary)
{
	const struct value *subject = op_tag(op, "subject");
	char date[CLOCK_RFC5322_SIZE], type[BOUNDARY_SIZE + 40];

	(void)snprintf(type, sizeof type, "multipart/mixed; boundary=\"%s\"", boundary);
	clock_rfc5322((time_t)(r->in->now_ms / 1000), date);
	if (put_fields(r, c, copied) != 0 ||
	    (subject != NULL && entity_add_field(r, c, SLICE_LIT("Subject"), run_value(r, subject)) != 0) ||
	    (!have->from && entity_add_mailboxes(r, c, "From", r->in->to) != 0) ||
	    (!have->date && entity_add_field(r, c, SLICE_LIT("Date"), slice_str(date)) != 0))
		return -1;
	return entity_add_field(r, c, SLICE_LIT("MIME-Version"), SLICE_LIT("1.0")) == 0 &&
		       entity_add_field(r, c, SLICE_LIT("Content-Type"), slice_str(type)) == 0 &&
		       entity_add_field(r, c, SLICE_LIT("Content-Transfer-Encoding"), SLICE_LIT("8bit")) == 0
		   ? 0
		   : -1;
}

/* The new body around the message. */
static int put_around(struct run *r, struct content *c, const struct entity *text, const char *boundary)
{
	struct slice before, behind;
	struct buf b;

	buf_init(&b, ENTITY_MAX + 1024);
	(void)buf_addf(&b, "--%s\r\n", boundary);
	(void)buf_add_slice(&b, text->head);
	(void)buf_add_str(&b, "\r\n");
	(void)buf_add_slice(&b, text->body);
	(void)buf_addf(&b, "\r\n--%s\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
		       boundary);
	before = run_copy(r, buf_slice(&b));
	buf_clear(&b);
	(void)buf_addf(&b, "\r\n--%s--\r\n", boundary);
	behind = run_copy(r, buf_slice(&b));
	buf_free(&b);
	return before.p != NULL && behind.p != NULL ? content_enclose(r, c, before, behind) : -1;
}

static int run_enclose(struct run *r, const struct op *op)
{
	const struct value *headers = op_tag(op, "headers");
	struct strings names = headers != NULL ? run_strings(r, headers) : (struct strings){ NULL, 0 };
	struct slice text = run_string(r, op, ENCLOSE_TEXT), copied = SLICE_NONE;
	struct content *c = content_of(r);
	char boundary[BOUNDARY_SIZE];
	struct usual have = { false, false, false };
	struct entity e;
	struct buf fields;
	int ret;

	if (run_failed(r) || make_boundary(r, c, boundary) != 0 || entity_of_text(r, text, &e) != 0)
		return -1;
	buf_init(&fields, HEADER_MAX_BYTES * 2);
	ret = copy_fields(r, c, names, op_tag(op, "subject") != NULL, &fields, &have);
	if (ret == 0)
		copied = run_copy(r, buf_slice(&fields));
	buf_free(&fields);
	if (ret != 0 || copied.p == NULL || put_around(r, c, &e, boundary) != 0 ||
	    write_header(r, op, c, copied, &have, boundary) != 0)
		return -1;
	parts_changed(r, ENCLOSED_AT);
	return 0;
}

static const struct sieve_param params[] = {
	{ "the text", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_command commands[] = {
	{ "enclose", SIEVE_ACTION, .params = params, .run = run_enclose },
	{ 0 },
};

static const char *const on_enclose[] = { "enclose", NULL };

static const struct sieve_tag tags[] = {
	{ .name = "subject", .on = on_enclose, .value = VALUE_STRING, .value_name = "the subject" },
	{ .name = "headers",
	  .on = on_enclose,
	  .value = VALUE_STRINGS,
	  .value_name = "the names of the fields",
	  .check = check_name },
	{ 0 },
};

const struct sieve_extension sieve_enclose = { "enclose", .commands = commands, .tags = tags };
