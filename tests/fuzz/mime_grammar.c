#include "mime_grammar.h"

#include <stdio.h>
#include <string.h>

#include "grammar.h"

enum { DEPTH_MAX = 6, PARTS_MAX = 4, ENTITY_MAX = 64 * 1024, BOUNDARY_SIZE = 80 };

static const char *const fields[] = {
	"Content-Disposition: attachment; filename=\"a.exe\"",
	"Content-Disposition: inline; filename*0*=utf-8''%C3%A4;\r\n filename*1=b.txt",
	"Content-Transfer-Encoding: base64",
	"Content-Transfer-Encoding: quoted-printable",
	"Content-Transfer-Encoding: x-unknown",
	"Subject: =?utf-8?q?gr=C3=BC=C3=9F?=\r\n =?iso-8859-1?b?5A==?=",
	"From: \"a, b\" <a@b.example>, g: c@d.example;, <@x,@y:e@f.example>",
	"Content-ID: <1@x>",
	"MIME-Version: 1.0",
	"X-A: b",
	"X-A:",
	"Date: Tue, 1 Apr 1997 09:06:31 -0800",
	"no field",
	" a fold",
};

static const char *const types[] = {
	"text/plain; charset=utf-8",
	"text/plain; charset=\"iso-8859-1\"",
	"text/html",
	"application/octet-stream; name=a.bin",
	"text/plain; charset=x-none",
	"text",
	"",
	"image/png; name*=us-ascii'en'%41",
	"text/plain (a (comment)); format=flowed",
};

static const char *const bodies[] = {
	"plain text\r\n",
	"gr=C3=BC=\r\n=DF=\r\n",
	"PGI+eDwvYj4=\r\n",
	"<p>a &amp; b<!-- c --><script>d</script>\r\n",
	"",
	"\r\n\r\n",
	"--\r\n",
	"a\0b\xff\r\n",
	"a line without an end",
	"=?utf-8?q?x?=\r\n",
	"lone\nlf and \r cr\r\n",
};

static void put_line(struct buf *out, const char *text)
{
	(void)buf_add_str(out, text);
	(void)buf_add_str(out, "\r\n");
}

static void put_entity(struct grammar *g, struct buf *out);

static void put_parts(struct grammar *g, struct buf *out)
{
	/* A boundary that begins with that of the part around it, another one, the same one, and odd ones. */
	static const char *const boundaries[] = { "b", "bb", "b b", "=_x'()+_,-./:=?", "", "b--" };
	static const char *const kinds[] = { "mixed", "alternative", "digest", "related", "report" };
	char boundary[BOUNDARY_SIZE];

	(void)snprintf(boundary, sizeof boundary, "%s%.*s", boundaries[grammar_dice(g, 6)],
		       (int)(g->depth * grammar_dice(g, 2)), "xxxxxxxx");
	(void)buf_addf(out, "Content-Type: multipart/%s;\r\n boundary=\"%s\"\r\n\r\n", kinds[grammar_dice(g, 5)],
		       boundary);
	if (grammar_dice(g, 3) == 0)
		put_line(out, "preamble");
	for (unsigned n = grammar_dice(g, PARTS_MAX); n > 0; n--) {
		(void)buf_addf(out, "--%s%s\r\n", boundary, grammar_dice(g, 8) == 0 ? " \t" : "");
		put_entity(g, out);
		if (grammar_dice(g, 8) != 0)
			put_line(out, "");
	}
	if (grammar_dice(g, 4) != 0)
		(void)buf_addf(out, "--%s--\r\n", boundary);
	if (grammar_dice(g, 3) == 0)
		put_line(out, "epilogue");
}

static void put_entity(struct grammar *g, struct buf *out)
{
	g->depth++;
	for (unsigned n = grammar_dice(g, 4); n > 0; n--)
		put_line(out, fields[grammar_dice(g, sizeof fields / sizeof fields[0])]);
	if (g->depth < DEPTH_MAX && grammar_dice(g, 3) == 0) {
		put_parts(g, out);
	} else if (g->depth < DEPTH_MAX && grammar_dice(g, 4) == 0) {
		put_line(out, "Content-Type: message/rfc822\r\n");
		put_entity(g, out);
	} else {
		if (grammar_dice(g, 4) != 0)
			(void)buf_addf(out, "Content-Type: %s\r\n",
				       types[grammar_dice(g, sizeof types / sizeof types[0])]);
		put_line(out, "");
		(void)buf_add_str(out, bodies[grammar_dice(g, sizeof bodies / sizeof bodies[0])]);
	}
	g->depth--;
}

void mime_grammar_entity(uint64_t seed, struct buf *out)
{
	struct grammar g;

	grammar_init(&g, seed, out);
	put_entity(&g, out);
}

/* The beginning of a line at or behind some place. */
static size_t find_line(struct grammar *g, struct slice text)
{
	size_t at = grammar_dice(g, (unsigned)text.n + 1);

	while (at > 0 && at < text.n && text.p[at - 1] != '\n')
		at++;
	return at;
}

/* One of the boundaries that stand in TEXT, or one that does not. */
static struct slice find_boundary(struct grammar *g, struct slice text)
{
	static const struct slice word = SLICE_LIT("boundary=\"");
	struct slice found = SLICE_LIT("b");

	for (size_t at = 0; at + word.n < text.n; at++) {
		struct slice rest = slice_skip(text, at);

		if (memcmp(rest.p, word.p, word.n) == 0 && grammar_dice(g, 2) == 0) {
			rest = slice_skip(rest, word.n);
			found = slice_of(rest.p, slice_find(rest, '"'));
		}
	}
	return found;
}

size_t mime_grammar_mutate(uint8_t *data, size_t size, size_t max, uint64_t seed)
{
	struct slice text = slice_of((char *)data, size);
	struct buf made;
	struct grammar g;
	size_t from, to, n = 0;

	buf_init(&made, ENTITY_MAX + size);
	grammar_init(&g, seed, &made);
	from = find_line(&g, text);
	to = find_line(&g, text);
	if (grammar_dice(&g, 8) == 0) {
		put_entity(&g, &made);
		from = size;
	} else {
		(void)buf_add(&made, text.p, from);
		switch (grammar_dice(&g, 5)) {
		case 0:
			put_line(&made, fields[grammar_dice(&g, sizeof fields / sizeof fields[0])]);
			break;
		case 1:
			(void)buf_add_str(&made, "--");
			(void)buf_add_slice(&made, find_boundary(&g, text));
			put_line(&made, grammar_dice(&g, 2) == 0 ? "--" : "");
			break;
		case 2:
			put_entity(&g, &made);
			break;
		case 3:
			(void)buf_addf(&made, "Content-Type: %s\r\n",
				       types[grammar_dice(&g, sizeof types / sizeof types[0])]);
			break;
		default:
			from = to > from ? to : from;
			break;
		}
	}
	(void)buf_add_slice(&made, slice_skip(text, from));
	if (made.n > 0 && made.n <= max) {
		n = made.n;
		memcpy(data, made.p, n);
	}
	buf_free(&made);
	return n;
}
