/* A fetched message from its first octet to what the spool is asked to keep. The first octets say how: by which
 * headers, rules or none, a copy, in which pieces; then come its flags up to a line feed, then the message. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "msg/header.h"
#include "../unit/smtp_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\", \"me@h.example\" ]; rules = \"/etc/home.sieve\"; };\n"
    "  plain = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@o.example\" ]; }; };\n";

static const char rules[] = "require [\"fileinto\", \"reject\", \"imap4flags\", \"copy\", \"envelope\"];\n"
			    "if header :contains \"subject\" \"reject\" { reject text:\nno\n.\n; stop; }\n"
			    "if header :contains \"subject\" \"discard\" { discard; }\n"
			    "if envelope :contains \"from\" \"b.example\" { fileinto :copy \"A/B\"; }\n";

enum { BY_HEADER = 1, RULES = 2, COPY = 4, IMAP = 8, HEADS = 16 };

static void resumed(void *arg)
{
	(void)arg;
}

static const struct intake_events events = { .resume = resumed, .done = resumed };

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void take(struct intake_message *m, struct fake *f, struct slice text, size_t piece)
{
	while (text.n > 0) {
		size_t n = text.n < piece ? text.n : piece;
		enum intake_flow flow = intake_add(m, slice_of(text.p, n));

		must(flow != INTAKE_STOP);
		if (flow == INTAKE_WAIT)
			must(fake_answer(f));
		text = slice_skip(text, n);
	}
	if (!intake_finish(m))
		must(fake_answer(f));
}

/* The lines in front are whole fields, and nothing of the message stands in them as more than an address. */
static void check_lines(struct fake_message *kept)
{
	struct slice rest = buf_slice(&kept->prefix);
	struct header_field f;
	size_t received = 0;

	while (header_next(&rest, &f)) {
		must(slice_eq(f.name, SLICE_LIT("Received")) || slice_eq(f.name, SLICE_LIT("Delivered-To")));
		received += f.name.n == 8;
	}
	must(rest.n == 0 && received == 1 && kept->prefix.n <= SPOOL_PREFIX_MAX);
	for (size_t i = 0; i < kept->prefix.n; i++)
		must(kept->prefix.p[i] != '\0');
}

static void check_body(const struct buf *body, struct slice text)
{
	must(body->n == text.n);
	for (size_t i = 0; i < text.n; i++)
		must(body->p[i] == (text.p[i] == '\0' ? (char)0x80 : text.p[i]));
}

static void one(unsigned how, size_t piece, const char *flags, struct slice text)
{
	char *headers[] = { word("X-Original-To"), word("Delivered-To"), word("Received"), word("To") };
	struct config_source source = { .name = word("old"),
					.protocol = (how & IMAP) != 0 ? CONFIG_IMAP : CONFIG_POP3,
					.account = word("home"),
					.unmatched = word("Unmatched"),
					.rejected = word("Rejected"),
					.recipient_headers = headers,
					.nrecipient_headers = (how & BY_HEADER) != 0 ? 4 : 0 };
	const struct spool_origin origin = { .size = text.n };
	struct intake_fetched fetched = { .origin = &origin, .flags = flags, .source = &source };
	const struct intake_envelope env = { .session = "s", .fetched = &fetched };
	struct intake_message *m;
	const char *why;
	struct fake f;

	source.server.host = word("pop.far.example");
	source.server.user = word("all@h.example");
	fetched.folder = (how & COPY) != 0 ? "C/D" : NULL;
	fetched.head_only = (how & HEADS) != 0;
	fake_open(&f, config, (how & RULES) != 0 ? rules : "");
	f.heads = fetched.head_only;
	m = intake_begin(f.intake, &env, &events, &f);
	take(m, &f, text, piece);
	must(intake_outcome(m, &why) == INTAKE_ACCEPTED && why == NULL);
	must(f.nmessages == 1);
	must((how & COPY) == 0 || strstr(f.messages[0].text, "[home/C/D flags=") != NULL);
	must(utf8_valid(slice_str(f.messages[0].text)));
	if (f.messages[0].ndeliveries > 0) {
		check_lines(&f.messages[0]);
		if (!fetched.head_only)
			check_body(&f.messages[0].body, text);
	}
	intake_end(&m);
	must(f.uploads_open == 0);
	fake_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	char flags[200];
	size_t n;

	if (size < 3 || size > 1 << 20)
		return 0;
	text = slice_skip(text, 2);
	n = slice_find(text, '\n');
	if (n == text.n || n >= sizeof flags || memchr(text.p, '\0', n) != NULL || !utf8_valid(slice_of(text.p, n)))
		return 0;
	memcpy(flags, text.p, n);
	flags[n] = '\0';
	one(data[0], 1 + (size_t)data[1] * 200, flags, slice_skip(text, n + 1));
	return 0;
}
