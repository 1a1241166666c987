/*
 * A session with intake and a fake spool. The first byte chooses listener and
 * how the spool answers, the rest is what the client sends; a byte 0xff in it
 * (never part of UTF-8) is a pause in which the spool answers and time passes.
 *
 * Must hold: no 250 for a message that the spool did not take, output bounded,
 * counters back at nothing, no upload left behind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/smtp_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"96K\"; recipients = 8; commands = 100; messages = 10; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; chunking = true; };\n"
    "  lan = { address = \"127.0.0.1:2525\"; bare_newlines = \"accept\"; chunking = true; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\", \"me@o.example\" ]; rules = \"/etc/test.sieve\"; }; };\n";

static const char rules[] = "require [\"fileinto\", \"reject\", \"imap4flags\", \"copy\", \"envelope\", \"envelope-dsn\", \"mailbox\"];\n"
			    "if envelope \"notify\" \"delay\" { fileinto \"N\"; }\n"
			    "if envelope :matches [\"orcpt\", \"envid\", \"ret\"] \"*a*\" { fileinto \"O\"; }\n"
			    "if header :contains \"subject\" \"r\" { reject text:\nno\r\n250 2.0.0 yes\n.\n; stop; }\n"
			    "if envelope :is \"to\" \"me@o.example\" { reject \"never\"; stop; }\n"
			    "if header :contains \"subject\" \"d\" { discard; stop; }\n"
			    "if header :matches \"x\" \"*\" { fileinto :create :flags \"\\\\seen a\" \"X\"; }\n"
			    "if size :over 100 { fileinto :copy \"inbox\"; redirect \"a@b.example\"; }\n";

static unsigned count(struct slice s, const char *what)
{
	unsigned n = 0;
	const char *p;

	while ((p = s.n == 0 ? NULL : memmem(s.p, s.n, what, strlen(what))) != NULL) {
		size_t at = (size_t)(p - s.p) + strlen(what);

		s = slice_of(s.p + at, s.n - at);
		n++;
	}
	return n;
}

/* Lines that say that a message is kept. Others may repeat an address that reads like one. */
static size_t count_kept(struct slice s)
{
	size_t n = 0, end;

	for (; s.n > 0; s = slice_of(s.p + end, s.n - end)) {
		end = slice_find(s, '\n');
		end = end < s.n ? end + 1 : end;
		if (end > 10 && memcmp(s.p, "250 2.0.0 ", 10) == 0 && count(slice_of(s.p, end), "Ok: queued as ") > 0)
			n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake f;
	static const enum spool_answer answers[] = { SPOOL_ACCEPTED, SPOOL_DUPLICATE, SPOOL_FULL, SPOOL_FAILED,
						     SPOOL_LOST };
	size_t before, kept, said;
	unsigned choice;
	struct slice s;

	if (f.config == NULL) {
		struct facts facts;

		fake_open(&f, config, rules);
		if (facts_read(SLICE_LIT("-+ / \n"), &facts) != 0)
			abort();
		intake_set_facts(f.intake, "home", 0, &facts);
	}
	if (size < 1)
		return 0;
	choice = data[0];
	s = slice_of((const char *)data + 1, size - 1);
	before = f.nmessages;
	f.answer = answers[choice / 3 % 5];
	f.upload_answer = answers[choice / 15 % 5] == SPOOL_DUPLICATE ? SPOOL_ACCEPTED : answers[choice / 15 % 5];
	fake_connect(&f, choice % 3);
	while (s.n > 0) {
		size_t n = slice_find(s, '\xff');

		fake_send_only(&f, slice_of(s.p, n));
		n = n < s.n ? n + 1 : n;
		s = slice_of(s.p + n, s.n - n);
		while (fake_answer(&f))
			;
		fake_wait(&f, 400);
	}
	while (fake_answer(&f))
		;
	kept = f.nmessages - before;
	said = count_kept(buf_slice(&f.out));
	/* LMTP answers each recipient. */
	if (said > 8 * kept || (choice % 3 != 2 && said > kept))
		abort();
	/* A reply in a reply: what rules and clients say must not look like a line of ours. */
	if (count(buf_slice(&f.out), "\n250 2.0.0 yes") > 0)
		abort();
	if ((choice & 0x80) != 0)
		smtp_session_eof(f.session, (choice & 0x40) != 0);
	fake_disconnect(&f);
	while (fake_answer(&f))
		;
	if (f.uploads_open != 0)
		abort();
	fake_forget(&f);
	return 0;
}
