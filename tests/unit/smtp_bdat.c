/* Messages in chunks: dialogues as data, each whole, octet by octet and cut in two at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_tools.h"

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { recipients = 100; commands = 100; command_timeout = \"60s\";\n"
    "  data_timeout = \"30s\"; message_timeout = \"300s\"; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  lan = { address = \"127.0.0.1:2525\"; networks = [ \"192.0.2.0/24\" ]; };\n"
    "  scan = { address = \"127.0.0.1:2526\"; networks = [ \"192.0.2.0/24\" ]; bare_newlines = \"accept\"; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; };\n"
    "  open = { address = \"127.0.0.1:26\"; chunking = true; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\", \"you@home.example\" ]; rules = \"/etc/test.sieve\"; }; };\n";

static const char rules[] = "require \"reject\"; if header :is \"subject\" \"no\" { reject \"Not this\"; }\n";

enum { MX, LAN, SCAN, LMTP, OPEN };

#define HELLO "EHLO c\r\n"
#define BEGIN HELLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\n"
#define START "220 250 250 250 "
#define TEXT  "Subject: x\r\n\r\nbody\r\n" /* 20 octets */
#define TEN   "1234567890"
#define L100  TEN TEN TEN TEN TEN TEN TEN TEN TEN "12345678\r\n"
#define K1    L100 L100 L100 L100 L100 L100 L100 L100 L100 L100

struct dialogue {
	unsigned listener;
	const char *name;
	struct slice sent;
	const char *codes;
	const char *told; /* must be among it, or NULL */
	const char *body; /* of the message that is kept; NULL: none is */
	bool closed;
};
#define SENT(s) SLICE_LIT(s)

static const struct dialogue dialogues[] = {
	{ LAN, "one chunk", SENT(BEGIN "BDAT 20 LAST\r\n" TEXT "QUIT\r\n"), START "250 221 ", "Ok: queued as ", TEXT,
	  true },
	{ MX, "not offered to everybody", SENT(BEGIN "BDAT 20 LAST\r\n" TEXT), START "502 ", NULL, NULL, true },
	{ MX, "not announced to everybody", SENT(HELLO), "220 250 ", "250 LIMITS MAILMAX=10000 RCPTMAX=100\r\n", NULL,
	  false },
	{ LAN, "announced", SENT(HELLO), "220 250 ", "250-CHUNKING\r\n", NULL, false },
	{ OPEN, "where it is asked for", SENT(BEGIN "bdat 20 last\r\n" TEXT), START "250 ", NULL, TEXT, false },
	{ LAN, "chunks, each answered", SENT(BEGIN "BDAT 12\r\nSubject: x\r\nBDAT 8 LAST\r\n\r\nbody\r\nNOOP\r\n"),
	  START "250 250 250 ", "250 2.0.0 12 octets received\r\n", TEXT, false },
	{ LAN, "an empty last chunk", SENT(BEGIN "BDAT 20\r\n" TEXT "BDAT 0 LAST\r\n"), START "250 250 ", NULL, TEXT,
	  false },
	{ LAN, "line ends that are cut",
	  SENT(BEGIN "BDAT 11\r\nSubject: x\rBDAT 2\r\n\n\rBDAT 6\r\n\nbody\rBDAT 1 LAST\r\n\n"),
	  START "250 250 250 250 ", NULL, TEXT, false },
	{ LAN, "dots are dots", SENT(BEGIN "BDAT 14 LAST\r\n.\r\n..\r\n.\r\n.x\r\n"), START "250 ", NULL,
	  ".\r\n..\r\n.\r\n.x\r\n", false },
	{ LAN, "the end of DATA ends nothing", SENT(BEGIN "BDAT 9 LAST\r\na\r\n.\r\nb\r\nQUIT\r\n"), START "250 221 ",
	  NULL, "a\r\n.\r\nb\r\n", true },
	{ LAN, "no line end at the end", SENT(BEGIN "BDAT 18 LAST\r\nSubject: x\r\n\r\nbodyNOOP\r\n"), START "250 250 ",
	  NULL, TEXT, false },
	{ LAN, "nothing at all", SENT(BEGIN "BDAT 0 LAST\r\nNOOP\r\n"), START "250 250 ", NULL, "", false },
	{ LAN, "two messages, all at once",
	  SENT(BEGIN "BDAT 20 LAST\r\n" TEXT "MAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nBDAT 20 LAST\r\n" TEXT),
	  START "250 250 250 250 ", NULL, TEXT, false },
	{ LAN, "after the last", SENT(BEGIN "BDAT 20 LAST\r\n" TEXT "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
	  START "250 503 250 ", "503 5.5.1 Send MAIL first", TEXT, false },
	/* order */
	{ LAN, "before everything", SENT("BDAT 6\r\nQUIT\r\n" HELLO), "220 503 250 ", "503 5.5.1 Send EHLO first", NULL,
	  false },
	{ LAN, "after HELO", SENT("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
	  "220 250 250 250 503 250 ", NULL, NULL, false },
	{ LAN, "before MAIL", SENT(HELLO "BDAT 6\r\nQUIT\r\nNOOP\r\n"), "220 250 503 250 ", "Send MAIL first", NULL,
	  false },
	{ LAN, "before RCPT", SENT(HELLO "MAIL FROM:<>\r\nBDAT 6 LAST\r\nQUIT\r\nRCPT TO:<me@home.example>\r\n"),
	  "220 250 250 503 250 ", "Send RCPT first", NULL, false },
	{ LAN, "no recipient was taken",
	  SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<no@home.example>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
	  "220 250 250 550 554 554 250 ", NULL, NULL, false },
	{ LAN, "MAIL, RCPT and DATA between chunks",
	  SENT(BEGIN "BDAT 12\r\nSubject: x\r\nMAIL FROM:<>\r\nRCPT TO:<you@home.example>\r\nDATA\r\nVRFY x\r\n"
		     "BDAT 8 LAST\r\n\r\nbody\r\n"),
	  START "250 503 503 503 252 250 ", NULL, TEXT, false },
	{ LAN, "BDAT after DATA", SENT(BEGIN "DATA\r\nBDAT 3\r\n.\r\nBDAT 3\r\nx\r\nNOOP\r\n"), START "354 250 503 250 ",
	  NULL, "BDAT 3\r\n", false },
	{ LAN, "RSET midway", SENT(BEGIN "BDAT 12\r\nSubject: x\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
	  START "250 250 503 250 ", NULL, NULL, false },
	{ LAN, "EHLO midway", SENT(BEGIN "BDAT 12\r\nSubject: x\r\n" HELLO "MAIL FROM:<>\r\n"), START "250 250 250 ",
	  NULL, NULL, false },
	{ LAN, "QUIT midway", SENT(BEGIN "BDAT 12\r\nSubject: x\r\nQUIT\r\n"), START "250 221 ", NULL, NULL, true },
	/* arguments */
	{ LAN, "no size", SENT(BEGIN "BDAT\r\n"), START "521 ", "521 5.5.4 ", NULL, true },
	{ LAN, "a word for a size", SENT(BEGIN "BDAT LAST\r\n"), START "521 ", NULL, NULL, true },
	{ LAN, "a negative size", SENT(BEGIN "BDAT -1 LAST\r\nNOOP\r\n"), START "521 ", NULL, NULL, true },
	{ LAN, "a size with a sign", SENT(BEGIN "BDAT +1 LAST\r\nxNOOP\r\n"), START "521 ", NULL, NULL, true },
	{ LAN, "a size that overflows", SENT(BEGIN "BDAT 18446744073709551617\r\nx"), START "521 ", NULL, NULL, true },
	{ LAN, "a size just below", SENT(BEGIN "BDAT 9223372036854775807\r\nx"), START "552 ", NULL, NULL, true },
	{ LAN, "a hexadecimal size", SENT(BEGIN "BDAT 0x1\r\nx"), START "521 ", NULL, NULL, true },
	{ LAN, "LASTX", SENT(BEGIN "BDAT 1 LASTX\r\nx"), START "521 ", NULL, NULL, true },
	{ LAN, "LAST twice", SENT(BEGIN "BDAT 1 LAST LAST\r\nx"), START "521 ", NULL, NULL, true },
	{ LAN, "a tab for a blank", SENT(BEGIN "BDAT\t4 LAST\r\nQUIT"), START "521 ", NULL, NULL, true },
	{ LAN, "no blank", SENT(BEGIN "BDAT4\r\nQUIT"), START "521 ", NULL, NULL, true },
	{ LAN, "too long a line", SENT(BEGIN "bdat 6 LAST " K1 K1 K1 "QUIT\r\n"), START "521 ", "521 5.5.4 ", NULL, true },
	{ LAN, "a NUL", SENT(BEGIN "BDAT 1\0 LAST\r\nx"), START "521 ", NULL, NULL, true },
	{ LAN, "no UTF-8", SENT(BEGIN "BDAT 1 \xff\r\nx"), START "521 ", NULL, NULL, true },
	/* content */
	{ LAN, "a bare LF", SENT(BEGIN "BDAT 3 LAST\r\na\nbNOOP\r\n"), START "521 ", "521 5.5.2 ", NULL, true },
	{ LAN, "a bare CR", SENT(BEGIN "BDAT 3 LAST\r\na\rbNOOP\r\n"), START "521 ", "521 5.5.2 ", NULL, true },
	{ LAN, "a bare CR at the end", SENT(BEGIN "BDAT 2 LAST\r\na\rNOOP\r\n"), START "521 ", "521 5.5.2 ", NULL, true },
	{ LAN, "a bare CR at the end of a chunk", SENT(BEGIN "BDAT 2\r\na\rBDAT 1 LAST\r\nbNOOP\r\n"), START "250 521 ",
	  "521 5.5.2 ", NULL, true },
	{ SCAN, "bare line ends, normalised", SENT(BEGIN "BDAT 3\r\na\nbBDAT 5 LAST\r\n\r.\n.\rNOOP\r\n"),
	  START "250 250 250 ", NULL, "a\r\nb\r\n.\r\n.\r\n", false },
	{ LAN, "a NUL in it", SENT(BEGIN "BDAT 5\r\na\0b\r\nBDAT 0 LAST\r\nNOOP\r\n"), START "250 554 250 ",
	  "554 5.6.0 ", NULL, false },
	{ LAN, "refused by rules", SENT(BEGIN "BDAT 15 LAST\r\nSubject: no\r\n\r\nNOOP\r\n"), START "550 250 ",
	  "550 5.7.1 Not this", NULL, false },
	/* sizes */
	{ LAN, "as much as SIZE", SENT(BEGIN "BDAT 1000\r\n" K1 "BDAT 1048 LAST\r\n" K1 TEN TEN TEN TEN "123456\r\n"),
	  START "250 250 ", NULL, K1 K1 TEN TEN TEN TEN "123456\r\n", false },
	{ LAN, "one octet more", SENT(BEGIN "BDAT 2049 LAST\r\n" K1 K1 TEN TEN TEN TEN "1234567\r\nNOOP\r\n"),
	  START "552 250 ", "552 5.3.4 ", NULL, false },
	{ LAN, "more, chunk by chunk, and in step",
	  SENT(BEGIN "BDAT 1000\r\n" K1 "BDAT 1000\r\n" K1 "BDAT 100\r\n" L100 "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n"
		     "MAIL FROM:<>\r\n"),
	  START "250 250 552 552 552 250 ", NULL, NULL, false },
	{ LAN, "RSET after a refused chunk", SENT(BEGIN "BDAT 3000\r\n" K1 K1 K1 "RSET\r\nMAIL FROM:<>\r\n"),
	  START "552 250 250 ", NULL, NULL, false },
	{ LAN, "MAIL after a refused chunk", SENT(BEGIN "BDAT 3000\r\n" K1 K1 K1 "MAIL FROM:<>\r\n"), START "552 503 ",
	  NULL, NULL, false },
	{ LAN, "far more than could be read away", SENT(BEGIN "BDAT 10000\r\n" K1), START "552 ", NULL, NULL, true },
	{ LAN, "the same without a message", SENT(HELLO "BDAT 3000\r\n" K1), "220 250 503 ", NULL, NULL, true },
	{ LAN, "without a message, again and again",
	  SENT(HELLO "BDAT 1000\r\n" K1 "BDAT 1000\r\n" K1 "BDAT 100\r\n" L100), "220 250 503 503 503 ", NULL, NULL,
	  true },
	{ LAN, "empty chunks",
	  SENT(BEGIN "BDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\nBDAT 0\r\n"
		     "BDAT 0\r\nBDAT 0\r\nBDAT 2 LAST\r\nx\nNOOP\r\n"),
	  START "250 250 250 250 250 250 250 250 250 250 551 551 250 ", NULL, NULL, false },
	/* LMTP */
	{ LMTP, "a reply for each recipient",
	  SENT("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<no@home.example>\r\n"
	       "RCPT TO:<you@home.example>\r\nBDAT 12\r\nSubject: x\r\nBDAT 8 LAST\r\n\r\nbody\r\nQUIT\r\n"),
	  "220 250 250 250 550 250 250 250 250 221 ", "<you@home.example> Ok: queued as ", TEXT, true },
	{ LMTP, "a refusal for each recipient",
	  SENT("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<you@home.example>\r\nBDAT 3000\r\n" K1 K1 K1
	       "BDAT 0 LAST\r\nQUIT\r\n"),
	  "220 250 250 250 250 552 552 552 221 ", NULL, NULL, true },
	{ LMTP, "nobody to answer for",
	  SENT("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@home.example>\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n"),
	  "220 250 250 550 503 221 ", NULL, NULL, true },
};

static void play(struct fake *f, const struct dialogue *d, size_t piece, size_t split)
{
	const size_t before = f->nmessages;
	const struct fake_message *m;
	struct slice s = d->sent;
	const char *told, *data = memmem(s.p, s.n, "DATA\r\n", 6);
	bool good;

	fake_connect(f, d->listener);
	while (s.n > 0) {
		size_t n = s.n == d->sent.n && split > 0 ? split : s.n < piece ? s.n : piece;

		/* The message of DATA must be waited for. */
		if (data != NULL && s.p < data + 6 && s.p + n > data + 6)
			n = (size_t)(data + 6 - s.p);
		fake_send(f, slice_of(s.p, n));
		s = slice_of(s.p + n, s.n - n);
	}
	told = fake_told(f);
	good = strcmp(fake_codes(told), d->codes) == 0 && f->closed == d->closed &&
	       (f->nmessages > before) == (d->body != NULL) && (d->told == NULL || strstr(told, d->told) != NULL);
	m = f->nmessages > before && f->nmessages <= FAKE_MESSAGES_MAX ? &f->messages[f->nmessages - 1] : NULL;
	if (good && m != NULL)
		good = slice_eq(buf_slice(&m->body), slice_str(d->body));
	if (!good) {
		print_error("%s (pieces of %zu, cut at %zu): expected %s, got %s, %s, kept %zu %.*s:\n%s", d->name, piece,
			    split, d->codes, fake_codes(told), f->closed ? "closed" : "open", f->nmessages - before,
			    m == NULL ? 0 : (int)m->body.n, m == NULL ? "" : m->body.p, told);
		fail();
	}
	fake_forget(f);
}

static void dialogues_go_as_told(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, rules);
	f.config->limits.message_size = 2048; /* less than a configuration may say, for short rows */
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		play(&f, &dialogues[i], 1, 0);
		play(&f, &dialogues[i], SIZE_MAX, 0);
		for (size_t split = 1; split < dialogues[i].sent.n; split++)
			play(&f, &dialogues[i], SIZE_MAX, split);
	}
	fake_close(&f);
}

static void many_small_chunks_are_cut_off(void **state)
{
	struct fake f;
	size_t n = 0;

	(void)state;
	fake_open(&f, config, NULL);
	fake_connect(&f, LAN);
	fake_send(&f, SENT(BEGIN));
	for (; n < 1000000 && !f.closed; n++) {
		fake_send(&f, SENT("BDAT 1\r\nx"));
		buf_clear(&f.out);
	}
	assert_in_range(n, 50, 100);
	assert_int_equal(f.nmessages, 0);
	fake_close(&f);
}

static void a_large_message_pauses_where_it_must(void **state)
{
	static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n";
	static const char large[] =
	    "hostname = \"mail.office.example\"; limits = { message_size = \"1M\"; commands = 10; };\n"
	    "listeners = { lan = { address = \"127.0.0.1:2525\"; networks = [ \"192.0.2.0/24\" ]; }; };\n"
	    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
	    "    addresses = [ \"me@home.example\" ]; }; };\n";
	struct buf chunk, all;

	(void)state;
	buf_init(&chunk, 1 << 20);
	buf_init(&all, 1 << 20);
	for (size_t size = 100000; size <= 400000; size += 100000) {
		/* The spool's file is there late, or not at all; whole chunks, or many. */
		for (unsigned way = 0; way < 4; way++) {
			const size_t each = (way & 1) != 0 ? size : 2000;
			struct fake f;

			fake_open(&f, large, NULL);
			if ((way & 2) != 0)
				f.upload_answer = SPOOL_FULL;
			else
				f.upload_answer = SPOOL_ACCEPTED;
			fake_connect(&f, 0);
			fake_send(&f, SENT(BEGIN));
			fake_expect(&f, "250 2.1.5 ");
			buf_clear(&all);
			for (size_t at = 0; at < size; at += each) {
				buf_clear(&chunk);
				(void)buf_add_str(&chunk, at == 0 ? "Subject: x\r\n\r\n" : "");
				while (chunk.n + sizeof line - 1 <= each)
					(void)buf_add(&chunk, line, sizeof line - 1);
				while (chunk.n < each)
					(void)buf_add_char(&chunk, 'x');
				(void)buf_add_slice(&all, buf_slice(&chunk));
				{
					struct buf sent;

					buf_init(&sent, 1 << 20);
					(void)buf_addf(&sent, "BDAT %zu%s\r\n", each, at + each >= size ? " LAST" : "");
					(void)buf_add_slice(&sent, buf_slice(&chunk));
					fake_send_only(&f, buf_slice(&sent));
					buf_free(&sent);
				}
				while (fake_answer(&f))
					;
			}
			if ((way & 2) != 0) {
				fake_expect(&f, "452 4.3.1 ");
				assert_int_equal(f.nmessages, 0);
			} else {
				fake_expect(&f, "Ok: queued as ");
				assert_int_equal(f.nmessages, 1);
				(void)buf_add_str(&all, all.p[all.n - 1] == 'x' ? "\r\n" : "");
				assert_true(slice_eq(buf_slice(&f.messages[0].body), buf_slice(&all)));
			}
			fake_close(&f);
		}
	}
	buf_free(&chunk);
	buf_free(&all);
}

static void slow_chunks_end_the_session(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, config, NULL);
	f.config->limits.message_size = 2048;
	/* silence in a chunk, in one that is swallowed, and between two */
	fake_connect(&f, LAN);
	fake_send(&f, SENT(BEGIN "BDAT 20\r\nSub"));
	fake_wait(&f, 29000);
	assert_false(f.closed);
	fake_wait(&f, 2000);
	assert_true(f.closed);
	fake_expect(&f, "421 4.4.2 ");
	fake_connect(&f, LAN);
	fake_send(&f, SENT("BDAT 20\r\nSub"));
	fake_wait(&f, 29000);
	assert_false(f.closed);
	fake_wait(&f, 2000);
	assert_true(f.closed);
	fake_expect(&f, "421 4.4.2 ");
	fake_connect(&f, LAN);
	fake_send(&f, SENT(BEGIN "BDAT 3\r\na\r\n"));
	fake_wait(&f, 59000);
	assert_false(f.closed);
	fake_wait(&f, 2000);
	assert_true(f.closed);
	/* an octet now and then */
	fake_connect(&f, LAN);
	fake_send(&f, SENT(HELLO "BDAT 2000\r\n"));
	for (unsigned i = 0; i < 20 && !f.closed; i++) {
		fake_send(&f, SENT("x"));
		fake_wait(&f, 10000);
	}
	assert_true(f.closed);
	/* a message that never ends */
	fake_connect(&f, LAN);
	fake_send(&f, SENT(BEGIN));
	for (unsigned i = 0; i < 20 && !f.closed; i++) {
		fake_send(&f, SENT("BDAT 1\r\nx"));
		fake_wait(&f, 20000);
	}
	assert_true(f.closed);
	fake_expect(&f, "421 4.4.2 ");
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_told),
		cmocka_unit_test(many_small_chunks_are_cut_off),
		cmocka_unit_test(a_large_message_pauses_where_it_must),
		cmocka_unit_test(slow_chunks_end_the_session),
	};

	return cmocka_run_group_tests_name("smtp_bdat", tests, NULL, NULL);
}
