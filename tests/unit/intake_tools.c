#include "intake_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sieve/content.h"

static int run_mark(struct run *r, const struct op *op)
{
	const struct slice text = run_string(r, op, 0);
	char *line = run_alloc(r, text.n + 2, 1);

	if (line == NULL)
		return -1;
	memcpy(line, text.p, text.n);
	memcpy(line + text.n, "\r\n", 2);
	return content_add_field(r, content_of(r), 0, slice_of(line, text.n + 2));
}

static void add_memory(struct plan_memory **all, size_t *n, struct slice key)
{
	*all = mem_resize(*all, *n + 1, sizeof **all);
	(*all)[(*n)++] = (struct plan_memory){ .key = slice_dup(key), .key_n = key.n, .seconds = 100, .once = true };
}

static int run_new(struct run *r, const struct op *op)
{
	const struct slice key = run_string(r, op, 0);

	for (size_t i = 0; i < r->in->nmemory && !r->in->memory_off; i++) {
		if (!slice_eq(r->in->memory[i].key, key))
			continue;
		if (!r->in->memory[i].known)
			add_memory(&r->plan->memory, &r->plan->nmemory, key);
		return r->in->memory[i].known ? 0 : 1;
	}
	if (!r->in->memory_off)
		add_memory(&r->plan->wanted, &r->plan->nwanted, key);
	return 1;
}

static const struct sieve_param text_param[] = { { "the text", VALUE_STRING, 0, NULL, NULL }, { 0 } };

static const struct sieve_command commands[] = {
	{ "mark", SIEVE_ACTION, .params = text_param, .run = run_mark },
	{ "new", SIEVE_TEST, .params = text_param, .run = run_new },
	{ 0 },
};

const struct sieve_extension letter_extension = { "vnd.test", .commands = commands };

const char letter_config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"2M\"; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\" ]; rules = \"/etc/home.sieve\"; };\n"
    "  other = { host = \"imap.example.net\"; user = \"o\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@o.example\" ]; rules = \"/etc/home.sieve\"; }; };\n";

void letter_begin(struct fake *f, const char *recipients)
{
	struct slice rest = slice_str(recipients);
	char line[300];

	fake_connect(f, 0);
	fake_send(f, SLICE_LIT("EHLO c\r\n"));
	fake_send(f, SLICE_LIT("MAIL FROM:<s@b.example>\r\n"));
	while (rest.n > 0) {
		const size_t n = slice_find(rest, ' ');

		(void)snprintf(line, sizeof line, "RCPT TO:<%.*s>\r\n", (int)n, rest.p);
		fake_send(f, slice_str(line));
		rest = slice_trim(slice_skip(rest, n));
	}
	fake_send(f, SLICE_LIT("DATA\r\n"));
	(void)fake_told(f);
}

void letter_send(struct fake *f, const char *recipients, struct slice text)
{
	letter_begin(f, recipients);
	for (size_t at = 0; at < text.n; at += 10000)
		fake_send(f, slice_of(text.p + at, text.n - at < 10000 ? text.n - at : 10000));
	fake_send(f, SLICE_LIT(".\r\n"));
}
