/*
 * The parts of a message, as rules see and change them. The first octet says
 * how the message is cut into pieces, the rest is the message.
 *
 * Places found in pieces are those found at once, and lie within each other;
 * text converted in pieces, and the text of HTML, is that of the whole; a field
 * that is written is one field; and a script that
 * looks into all parts, and changes some, makes a plan whose pieces lie in the
 * message, the same whether the message is in memory or in a file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "mime_grammar.h"
#include "msg/charset.h"
#include "msg/header.h"
#include "msg/header_write.h"
#include "msg/html_text.h"
#include "msg/mime_scan.h"
#include "sieve/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

static void check_places(const struct mime_scan *s, uint64_t size)
{
	must(s->n > 0 && s->n <= MIME_PARTS_MAX && s->parts[0].parent == MIME_NONE && s->parts[0].end == size);
	for (size_t i = 0; i < s->n; i++) {
		const struct mime_place *p = &s->parts[i];

		must(p->head <= p->body && p->body <= p->end && p->end <= size && strchr(p->type, '/') != NULL);
		if (p->multipart)
			must(p->body <= p->prologue && p->prologue <= p->end && p->epilogue <= p->end);
		if (i == 0)
			continue;
		must(p->parent < i && p->depth == s->parts[p->parent].depth + 1 && p->depth <= MIME_DEPTH_MAX);
		must(p->head >= s->parts[p->parent].body && p->end <= s->parts[p->parent].end);
		must(p->head >= s->parts[i - 1].head);
	}
}

static void compare_places(const struct mime_scan *a, const struct mime_scan *b)
{
	must(a->n == b->n && a->cut == b->cut);
	for (size_t i = 0; i < a->n; i++) {
		const struct mime_place *p = &a->parts[i], *q = &b->parts[i];

		must(p->head == q->head && p->body == q->body && p->end == q->end && p->parent == q->parent);
		must(strcmp(p->type, q->type) == 0 && (p->charset == NULL) == (q->charset == NULL));
		must(p->multipart == q->multipart && (!p->multipart || p->epilogue == q->epilogue));
	}
}

static void scan_both(struct slice message, size_t piece)
{
	struct mime_scan whole, pieces;

	mime_scan_init(&whole);
	mime_scan_feed(&whole, message);
	mime_scan_finish(&whole);
	check_places(&whole, message.n);
	mime_scan_init(&pieces);
	for (struct slice rest = message; rest.n > 0;) {
		size_t n = rest.n < piece ? rest.n : piece;

		mime_scan_feed(&pieces, slice_of(rest.p, n));
		rest = slice_skip(rest, n);
	}
	mime_scan_finish(&pieces);
	compare_places(&whole, &pieces);
	mime_scan_free(&whole);
	mime_scan_free(&pieces);
}

static void convert_both(struct slice text, size_t piece)
{
	static const char *const names[] = {
		"utf-8", "iso-8859-1", "windows-1252", "shift_jis", "gb18030", "utf-16le"
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct charset_stream s = { .charset = charset_find(slice_str(names[i])) };
		struct buf whole, pieces;

		buf_init(&whole, text.n * 8 + 64);
		buf_init(&pieces, text.n * 8 + 64);
		must(charset_to_utf8(s.charset, text, &whole) == 0);
		for (struct slice rest = text; rest.n > 0;) {
			size_t n = rest.n < piece ? rest.n : piece;

			must(charset_feed(&s, slice_of(rest.p, n), &pieces) == 0);
			rest = slice_skip(rest, n);
		}
		must(charset_finish(&s, &pieces) == 0);
		must(utf8_valid(buf_slice(&pieces)));
		/* Where a broken character is cut, it may count as more than one. */
		if (i < 2)
			must(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
		buf_free(&whole);
		buf_free(&pieces);
	}
}

static void html_both(struct slice text, size_t piece)
{
	struct html_text h = { .state = HTML_TEXT };
	struct buf whole, pieces;

	buf_init(&whole, text.n * 4 + 64);
	buf_init(&pieces, text.n * 4 + 64);
	must(html_text_feed(&h, text, &whole) == 0 && html_text_finish(&h, &whole) == 0);
	for (struct slice rest = text; rest.n > 0;) {
		size_t n = rest.n < piece ? rest.n : piece;

		must(html_text_feed(&h, slice_of(rest.p, n), &pieces) == 0);
		rest = slice_skip(rest, n);
	}
	must(html_text_finish(&h, &pieces) == 0 && slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	buf_free(&whole);
	buf_free(&pieces);
}

/* Whatever the text, one field comes out, in lines that mail may have, and it reads as a text that is written the same.
 */
static void write_field(struct slice text)
{
	struct buf out, again, read;
	struct slice rest;
	struct header_field f;

	buf_init(&out, text.n * 16 + 256);
	buf_init(&again, text.n * 16 + 256);
	buf_init(&read, text.n * 16 + 256);
	must(header_write(SLICE_LIT("X-Field"), text, &out) == 0 && ascii_only(buf_slice(&out)));
	rest = buf_slice(&out);
	must(header_next(&rest, &f) && rest.n == 0 && slice_eq(f.name, SLICE_LIT("X-Field")));
	for (rest = buf_slice(&out); rest.n > 0; rest = slice_skip(rest, slice_find(rest, '\n') + 1))
		must(slice_find(rest, '\n') <= 999);
	must(header_decode(f.value, &read) == 0 && header_write(SLICE_LIT("X-Field"), buf_slice(&read), &again) == 0);
	buf_free(&out);
	buf_free(&again);
	buf_free(&read);
}

static const char script[] =
    "require [\"mime\", \"foreverypart\", \"extracttext\", \"replace\", \"enclose\", \"body\", \"variables\", "
    "\"fileinto\","
    "\"editheader\"];"
    "if body :content \"\" :contains \"needle\" { fileinto \"needle\"; }"
    "if body :raw :matches \"*b?\" { fileinto \"raw\"; }"
    "if header :mime :anychild :param [\"name\", \"filename\"] :matches \"Content-Disposition\" \"*.*\" { fileinto "
    "\"named\"; }"
    "set \"n\" \"\";"
    "foreverypart :name \"o\" {"
    "  extracttext :first 20 \"t\";"
    "  if not string \"${t}\" \"\" { set \"n\" \"${n}+\"; } else { set \"n\" \"${n}-\"; }"
    "  if header :mime :type \"Content-Type\" \"application\" { replace \"gone ${t}\"; }"
    "  foreverypart { if exists :mime \"X-Break\" { break :name \"o\"; } }"
    "  if header :mime :subtype \"Content-Type\" \"html\" { replace :mime \"Content-Type: text/plain\r\n\r\n${t}\"; }"
    "}"
    "addheader :last \"X-Parts\" \"${n}\"; deleteheader \"Subject\"; fileinto \"edited\";"
    "if exists \"X-Enclose\" { enclose :headers \"From\" \"a text\"; }"
    "foreverypart { if header :mime \"X-Part\" \"1\" { replace \"1\"; } }";

static void check_plan(const struct plan *p, uint64_t size)
{
	for (size_t i = 0; i < p->n; i++)
		must(p->actions[i].content <= p->ncontents);
	must(p->keep_content <= p->ncontents);
	for (size_t i = 0; i < p->ncontents; i++) {
		const struct plan_content *c = &p->contents[i];
		uint64_t sum = 0;

		for (size_t k = 0; k < c->n; k++) {
			must(c->pieces[k].n > 0);
			must(c->pieces[k].text != NULL || c->pieces[k].at + c->pieces[k].n <= size);
			sum += c->pieces[k].n;
		}
		must(sum == c->size);
	}
}

static void run(const struct sieve_program *program, struct slice message, int fd, struct plan *plan)
{
	struct message m, whole;
	struct sieve_input in = { .message = &m, .from = SLICE_LIT("a@b.example"), .to = SLICE_LIT("c@d.example") };
	size_t head = message.n;

	if (fd >= 0) {
		message_init(&whole, message, message.n, -1);
		head = whole.header.body_at;
		message_free(&whole);
	}
	message_init(&m, slice_of(message.p, head), message.n, fd);
	(void)sieve_run(program, &in, plan);
	check_plan(plan, message.n);
	message_free(&m);
}

static void compare_plans(const struct plan *a, const struct plan *b)
{
	must(a->n == b->n && a->ncontents == b->ncontents && (a->error == NULL) == (b->error == NULL));
	for (size_t i = 0; i < a->n; i++)
		must(a->actions[i].content == b->actions[i].content);
	for (size_t i = 0; i < a->ncontents; i++)
		must(a->contents[i].size == b->contents[i].size && a->contents[i].n == b->contents[i].n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message = slice_of((const char *)data + 1, size > 0 ? size - 1 : 0);
	size_t piece = size > 0 ? (size_t)data[0] % 32 + 1 : 1;
	struct sieve_program *program;
	struct plan memory, file;
	struct buf errors;
	int fd;

	if (size < 1 || size > 1 << 16)
		return 0;
	scan_both(message, piece);
	convert_both(message, piece);
	html_both(message, piece);
	write_field(message);
	buf_init(&errors, 1 << 16);
	program = sieve_compile("fuzz", slice_of(script, sizeof script - 1), &errors);
	must(program != NULL);
	run(program, message, -1, &memory);
	fd = memfd_create("message", 0);
	must(fd >= 0 && write(fd, message.p, message.n) == (ssize_t)message.n);
	run(program, message, fd, &file);
	compare_plans(&memory, &file);
	(void)close(fd);
	plan_free(&memory);
	plan_free(&file);
	sieve_program_free(&program);
	buf_free(&errors);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t n;

	if (seed % 2 == 0 || size < 1)
		return LLVMFuzzerMutate(data, size, max);
	n = mime_grammar_mutate(data + 1, size - 1, max - 1, seed / 2);
	return n > 0 ? 1 + n : 0;
}
