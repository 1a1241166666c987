/*
 * Messages of our own from a script's texts and a stranger's message. The input is three lines (what a script says:
 * method or subject, from, reason; "\n" is an LF), a line of "%%", and a message. Whatever they hold, the header that
 * comes out has the fields that it should, each line ends, and nothing of it is longer than a line may be.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "msg/header.h"
#include "reply/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header_check(const struct reply *r, bool own)
{
	static const char *const once[] = { "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted" };
	const struct plan_piece *first = &r->content.pieces[0];
	struct slice text, rest;
	struct header h;

	if (r->content.n == 0 || first->text == NULL)
		abort();
	text = slice_of(first->text, (size_t)first->n);
	header_parse(&h, text);
	for (size_t i = 0; i < h.n; i++)
		if (h.fields[i].name.n == 0)
			abort();
	for (size_t i = 0; own && i < sizeof once / sizeof once[0]; i++)
		if (header_count(&h, slice_str(once[i])) > 1 || (i != 1 && header_count(&h, slice_str(once[i])) != 1))
			abort();
	if (header_count(&h, SLICE_LIT("Bcc")) > 0)
		abort();
	if (own && !r->utf8 && !ascii_only(slice_of(text.p, h.body_at)))
		abort();
	for (rest = text; rest.n > 0;) {
		const size_t n = slice_find(rest, '\n');

		if (n == rest.n || n == 0 || rest.p[n - 1] != '\r' || n > 999)
			abort();
		rest = slice_skip(rest, n + 1);
	}
	header_free(&h);
}

static void reply_check(const struct message *m, int ret, struct reply *r, bool own)
{
	uint64_t all = 0;

	if (ret != 0 && (r->content.n > 0 || r->nto > 0))
		abort();
	if (ret == 0) {
		if (r->nto == 0 || r->sender == NULL)
			abort();
		for (size_t i = 0; i < r->content.n; i++) {
			const struct plan_piece *p = &r->content.pieces[i];

			if (p->n == 0 || (p->text == NULL && p->at + p->n > m->size))
				abort();
			all += p->n;
		}
		if (all != r->content.size)
			abort();
		header_check(r, own);
	}
	reply_free(r);
}

/* The next line of *REST, with "\n" within it as LF. */
static char *line_take(struct slice *rest)
{
	const size_t n = slice_find(*rest, '\n');
	char *line = slice_dup(slice_of(rest->p, n));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		const bool lf = line[i] == '\\' && i + 1 < n && line[i + 1] == 'n';

		line[k++] = lf ? '\n' : line[i];
		i += lf;
	}
	line[k] = '\0';
	*rest = slice_skip(*rest, n < rest->n ? n + 1 : n);
	return line;
}

static void run(const struct message *m, char *one, char *two, char *three)
{
	struct reply_frame f = { .message = m,
				 .sender = SLICE_LIT("sender@example.com"),
				 .recipient = SLICE_LIT("info@office.example"),
				 .hostname = "mail.office.example",
				 .id = "0123456789abcdef" };
	struct plan_answer a = { .to = two, .from = two, .subject = one, .reason = three };
	const struct plan_notice n = { .method = one, .from = two, .message = three, .importance = 1 };
	struct reply_redirect r = { .address = "boss@example.net", .wrap = true };
	struct reply out;
	struct err e;

	reply_check(m, reply_redirect(&f, &r, &out, &e), &out, true);
	r.wrap = false;
	reply_check(m, reply_redirect(&f, &r, &out, &e), &out, false);
	reply_check(m, reply_vacation(&f, &a, &out, &e), &out, true);
	a.mime = true;
	a.to = (char *)"sender@example.com";
	reply_check(m, reply_vacation(&f, &a, &out, &e), &out, true);
	reply_check(m, reply_notify(&f, &n, &out, &e), &out, true);
	reply_check(m, reply_refusal(&f, slice_str(three), &out, &e), &out, true);
	f.recipient = slice_str(two);
	f.sender = slice_str(one);
	f.orcpt = slice_str(three);
	reply_check(m, reply_redirect(&f, &r, &out, &e), &out, false);
	reply_check(m, reply_notify(&f, &n, &out, &e), &out, true);
	reply_check(m, reply_refusal(&f, slice_str(three), &out, &e), &out, true);
	(void)reply_loop(m, slice_str(two));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char marker[] = "\n%%\n";
	struct slice in = slice_of((const char *)data, size), text = SLICE_NONE;
	const char *at = size > 0 ? memmem(data, size, marker, sizeof marker - 1) : NULL;
	struct message m;
	char *lines[3];

	if (at != NULL) {
		text = slice_of(at + sizeof marker - 1, size - (size_t)(at - in.p) - (sizeof marker - 1));
		in.n = (size_t)(at - in.p);
	}
	for (size_t i = 0; i < 3; i++)
		lines[i] = line_take(&in);
	message_init(&m, text, text.n, -1);
	run(&m, lines[0], lines[1], lines[2]);
	message_free(&m);
	for (size_t i = 0; i < 3; i++)
		free(lines[i]);
	return 0;
}
