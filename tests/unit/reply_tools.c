#include "reply_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/mime.h"
#include "reply/reply.h"

const char world_plain[] = "From: Anna <anna@example.com>\r\n"
			   "To: info@office.example\r\n"
			   "Subject: =?utf-8?q?Angebot_f=C3=BCr_Sie?=\r\n"
			   "Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n"
			   "Message-ID: <1@example.com>\r\n"
			   "References: <0@example.com>\r\n"
			   "\r\n"
			   "Hello\r\n";

void world_begin(struct world *w, const char *text)
{
	*w = (struct world){ .text = NULL };
	message_init(&w->message, slice_str(text), strlen(text), -1);
	w->frame = (struct reply_frame){ .message = &w->message,
					 .sender = SLICE_LIT("anna@example.com"),
					 .recipient = SLICE_LIT("info@office.example"),
					 .hostname = "mail.office.example",
					 .id = ID,
					 .now_ms = 0 };
}

void world_assemble(struct world *w)
{
	const struct plan_content *c = &w->reply.content;
	struct buf all;
	uint64_t size = 0;
	struct slice rest;

	buf_init(&all, 8 << 20);
	for (size_t i = 0; i < c->n; i++) {
		const struct plan_piece *p = &c->pieces[i];

		if (p->text == NULL)
			assert_true(p->at + p->n <= w->message.size);
		(void)buf_add(&all, p->text != NULL ? p->text : w->message.head.p + p->at, (size_t)p->n);
		size += p->n;
	}
	assert_int_equal(size, c->size);
	assert_int_equal(all.n, size);
	w->n = all.n;
	w->text = mem_strdup(buf_str(&all));
	buf_free(&all);
	/* Lines end with CRLF, and are not too long. */
	rest = slice_of(w->text, w->n);
	while (rest.n > 0) {
		const size_t n = slice_find(rest, '\n');

		assert_true(n < rest.n && n > 0 && rest.p[n - 1] == '\r' && n <= 999);
		rest = slice_skip(rest, n + 1);
	}
}

void world_end(struct world *w)
{
	free(w->text);
	reply_free(&w->reply);
	message_free(&w->message);
}

void world_has(const struct world *w, const char *part)
{
	if (strstr(w->text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, w->text);
}

char *world_field(const struct world *w, const char *name)
{
	struct header h;
	const struct header_field *f;
	struct buf text;
	size_t at = 0;

	header_parse(&h, slice_of(w->text, w->n));
	for (size_t i = 0; i < h.n; i++)
		assert_true(h.fields[i].name.n > 0);
	assert_int_equal(header_count(&h, slice_str(name)), 1);
	f = header_find(&h, slice_str(name), &at);
	buf_init(&text, HEADER_TEXT_MAX);
	assert_int_equal(header_decode(f->value, &text), 0);
	header_free(&h);
	(void)buf_str(&text);
	return text.p == NULL ? mem_strdup("") : buf_take(&text, NULL);
}

void world_field_is(const struct world *w, const char *name, const char *want)
{
	char *got = world_field(w, name);

	if (strcmp(got, want) != 0)
		fail_msg("%s is \"%s\", expected \"%s\"", name, got, want);
	free(got);
}

void world_has_no_field(const struct world *w, const char *name)
{
	struct header h;

	header_parse(&h, slice_of(w->text, w->n));
	assert_int_equal(header_count(&h, slice_str(name)), 0);
	header_free(&h);
}

char *world_part(const struct world *w, size_t i, const char *type)
{
	struct mime m;
	struct buf out;

	mime_parse(&m, slice_of(w->text, w->n));
	assert_true(i < m.n);
	if (!slice_eq_nocase(m.parts[i].subtype, slice_str(type)))
		fail_msg("part %zu is a %.*s", i, (int)m.parts[i].subtype.n, m.parts[i].subtype.p);
	buf_init(&out, 8 << 20);
	assert_int_equal(mime_part_decode(&m.parts[i], &out), 0);
	mime_free(&m);
	(void)buf_str(&out);
	return out.p == NULL ? mem_strdup("") : buf_take(&out, NULL);
}

void world_redirect(struct world *w, bool wrap, enum reply_path path)
{
	const struct reply_redirect r = { .address = "boss@example.net", .wrap = wrap, .path = path };

	assert_int_equal(reply_redirect(&w->frame, &r, &w->reply, &w->err), 0);
	world_assemble(w);
}
