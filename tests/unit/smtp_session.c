/* The receiver's protocol: dialogues as data, each also cut at every byte. */
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
    "limits = { message_size = \"100K\"; recipients = 100; commands = 1000; };\n"
    "listeners = { mx = { address = \"127.0.0.1:25\"; };\n"
    "  lan = { address = \"127.0.0.1:2525\"; bare_newlines = \"accept\"; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
    "accounts = { office = { host = \"imap.example.net\"; user = \"u\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@office.example\", \"50%off@office.example\" ]; };\n"
    "  home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"me@home.example\", \"you@home.example\" ]; }; };\n";

enum { MX, LAN, LMTP };

#define HELLO	"EHLO client.example\r\n"
#define BEGIN	HELLO "MAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\n"
#define OK_HELO "250 "
/* Codes of the replies to those. */
#define BEGIN_CODES "220 250 250 250 "
#define TEN	    "1234567890"
#define LABEL	    TEN TEN TEN TEN "."
#define TEXT	    "Subject: x\r\n\r\nbody\r\n"

/* Sends S in pieces of at most PIECE octets. */
static void send_pieces(struct fake *f, struct slice s, size_t piece)
{
	while (s.n > 0) {
		size_t n = s.n < piece ? s.n : piece;

		fake_send(f, slice_of(s.p, n));
		s = slice_of(s.p + n, s.n - n);
	}
}

/* DATA must be waited for: what is in front of the message goes first. The rest in pieces. */
static void converse(struct fake *f, struct slice s, size_t piece, size_t split)
{
	static const char data[] = "DATA\r\n";

	for (;;) {
		const char *at = s.n == 0 ? NULL : memmem(s.p, s.n, data, sizeof data - 1);
		size_t n = at == NULL ? s.n : (size_t)(at - s.p) + sizeof data - 1;

		if (split > 0 && split < n) {
			fake_send(f, slice_of(s.p, split));
			fake_send(f, slice_of(s.p + split, n - split));
		} else {
			send_pieces(f, slice_of(s.p, n), piece);
		}
		split = split > n ? split - n : 0;
		s = slice_of(s.p + n, s.n - n);
		if (s.n == 0)
			return;
	}
}

struct dialogue {
	unsigned listener;
	const char *name;
	struct slice sent;
	const char *codes; /* of all replies */
	const char *told;  /* must be among what was told, or NULL */
	size_t messages;   /* kept */
	bool closed;
};
#define SENT(s) SLICE_LIT(s)

static const struct dialogue dialogues[] = {
	{ MX, "one message", SENT(BEGIN "DATA\r\n" TEXT ".\r\nQUIT\r\n"), BEGIN_CODES "354 250 221 ",
	  "250 2.0.0 Ok: queued as ", 1, true },
	{ MX, "capabilities", SENT(HELLO), "220 250 ",
	  "250-mail.office.example\r\n250-PIPELINING\r\n250-SIZE 102400\r\n250-8BITMIME\r\n"
	  "250-ENHANCEDSTATUSCODES\r\n250 LIMITS MAILMAX=10000 RCPTMAX=100\r\n",
	  0, false },
	{ MX, "HELO", SENT("HELO c\r\nMAIL FROM:<>\r\n"), "220 250 250 ", "250 mail.office.example\r\n", 0, false },
	{ MX, "case and blanks", SENT("ehlo c\r\nmail from: <a@b.example>\r\nRcpt To:<ME@HOME.example>\r\n"),
	  "220 250 250 250 ", NULL, 0, false },
	{ MX, "two messages, the second pipelined",
	  SENT(BEGIN "DATA\r\n" TEXT ".\r\nMAIL FROM:<>\r\nRCPT TO:<you@home.example>\r\nDATA\r\n" TEXT ".\r\n"),
	  BEGIN_CODES "354 250 250 250 354 250 ", NULL, 2, false },
	{ MX, "empty message", SENT(BEGIN "DATA\r\n.\r\n"), BEGIN_CODES "354 250 ", NULL, 1, false },
	{ MX, "before EHLO", SENT("MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n"), "220 503 503 503 ", "503 5.5.1 ", 0,
	  false },
	{ MX, "RCPT first", SENT(HELLO "RCPT TO:<me@home.example>\r\n"), "220 250 503 ", "503 5.5.1 ", 0, false },
	{ MX, "DATA first", SENT(HELLO "DATA\r\n"), "220 250 503 ", "503 5.5.1 ", 0, false },
	{ MX, "nested MAIL", SENT(BEGIN "MAIL FROM:<c@d.example>\r\nDATA\r\n.\r\n"), BEGIN_CODES "503 354 250 ", NULL,
	  1, false },
	{ MX, "no recipient", SENT(HELLO "MAIL FROM:<>\r\nDATA\r\n"), "220 250 250 503 ", "503 5.5.1 ", 0, false },
	{ MX, "only refused recipients", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<no@home.example>\r\nDATA\r\n"),
	  "220 250 250 550 554 ", "554 5.5.1 ", 0, false },
	{ LMTP, "LMTP, only refused", SENT("LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<no@home.example>\r\nDATA\r\n"),
	  "220 250 250 550 503 ", "503 5.5.1 ", 0, false },
	{ MX, "RSET", SENT(BEGIN "RSET\r\nRCPT TO:<me@home.example>\r\nRSET\r\n"), BEGIN_CODES "250 503 250 ", NULL, 0,
	  false },
	{ MX, "EHLO resets", SENT(BEGIN HELLO "DATA\r\n"), BEGIN_CODES "250 503 ", NULL, 0, false },
	{ MX, "verbs that do little", SENT(HELLO "NOOP x y\r\nVRFY a\r\nEXPN a\r\nHELP\r\nTURN\r\nFOO\r\n\r\n"),
	  "220 250 250 252 502 214 502 500 500 ", NULL, 0, false },
	{ MX, "verbs not offered", SENT(HELLO "STARTTLS\r\nAUTH PLAIN\r\n"), "220 250 502 502 ", NULL, 0, false },
	{ MX, "BDAT", SENT(BEGIN "BDAT 5 LAST\r\nQUIT\r\n"), BEGIN_CODES "502 ", NULL, 0, true },
	{ MX, "arguments",
	  SENT("EHLO\r\nEHLO a b\r\n" HELLO "RSET x\r\nDATA x\r\nQUIT x\r\nVRFY\r\nMAIL\r\nMAIL TO:<>\r\n"),
	  "220 501 250 250 501 501 501 501 501 501 ", NULL, 0, false },
	{ MX, "HTTP", SENT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "220 502 ", NULL, 0, true },
	{ MX, "HTTP POST", SENT("POST / HTTP/1.1\r\n\r\nEHLO x\r\n"), "220 502 ", NULL, 0, true },
	{ MX, "TLS to a plain port", SENT("\x16\x03\x01\x02\x00\x01\x00"), "220 554 ", NULL, 0, true },
	{ MX, "TLS without STARTTLS", SENT(HELLO "\x16\x03\x01\x02\x00\x01\x00"), "220 250 554 ", NULL, 0, true },
	{ MX, "PROXY", SENT("PROXY TCP4 192.0.2.8 192.0.2.1 1 25\r\n" HELLO), "220 554 ", NULL, 0, true },
	{ MX, "PROXY, binary", SENT("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" HELLO), "220 500 500 554 ", NULL, 0, true },
	{ MX, "NUL in a command", SENT("EHLO a\0b\r\n" HELLO), "220 501 250 ", NULL, 0, false },
	{ MX, "no UTF-8", SENT("EHLO a\xff\r\n" HELLO), "220 500 250 ", "500 5.5.2 ", 0, false },
	{ MX, "UTF-8 address", SENT(HELLO "MAIL FROM:<j\xc3\xb6@b.example>\r\n"), "220 250 553 ", "553 5.6.7 ", 0,
	  false },
	{ MX, "bare LF in a command", SENT(HELLO "NOOP\nQUIT\r\n"), "220 250 521 ", "521 5.5.2 ", 0, true },
	{ LAN, "bare LF in a command, accepted", SENT("EHLO c\nNOOP\nQUIT\n"), "220 250 250 221 ", NULL, 0, true },
	{ MX, "escape sequences", SENT(HELLO "MAIL FROM:<\x1b[2J@b>\r\nRCPT TO:<x>\r\n\x1b]0;x\r\n"),
	  "220 250 501 503 500 ", NULL, 0, false },
	/* parameters */
	{ MX, "SIZE and BODY", SENT(HELLO "MAIL FROM:<> SIZE=102400 BODY=8BITMIME\r\n"), "220 250 250 ", NULL, 0,
	  false },
	{ MX, "SIZE too large", SENT(HELLO "MAIL FROM:<> SIZE=102401\r\n"), "220 250 552 ", "552 5.3.4 ", 0, false },
	{ MX, "SIZE overflow", SENT(HELLO "MAIL FROM:<> SIZE=99999999999999999999\r\n"), "220 250 552 ", NULL, 0,
	  false },
	{ MX, "SIZE nonsense", SENT(HELLO "MAIL FROM:<> SIZE=-1\r\nMAIL FROM:<> SIZE\r\nMAIL FROM:<> SIZE=1k\r\n"),
	  "220 250 501 501 501 ", NULL, 0, false },
	{ MX, "BODY nonsense", SENT(HELLO "MAIL FROM:<> BODY=BINARYMIME\r\nMAIL FROM:<> BODY=9BIT\r\nMAIL FROM:<> BODY\r\n"),
	  "220 250 555 501 501 ", "555 5.6.1 ", 0, false },
	{ MX, "unknown parameter",
	  SENT(HELLO "MAIL FROM:<> BY=120;R\r\nMAIL FROM:<> MT-PRIORITY=3\r\nMAIL FROM:<> NOTIFY=NEVER\r\nMAIL FROM:<>\r\n"
		     "RCPT TO:<me@home.example> RET=FULL\r\nRCPT TO:<me@home.example> =\r\n"),
	  "220 250 555 555 555 250 555 555 ", "555 5.5.4 ", 0, false },
	{ MX, "REQUIRETLS", SENT(HELLO "MAIL FROM:<> REQUIRETLS\r\nMAIL FROM:<>\r\n"), "220 250 555 250 ",
	  "555 5.7.30 ", 0, false },
	{ MX, "parameter twice", SENT(HELLO "MAIL FROM:<> SIZE=1 size=1\r\n"), "220 250 501 ", NULL, 0, false },
	{ MX, "SMTPUTF8 not offered", SENT(HELLO "MAIL FROM:<> SMTPUTF8\r\n"), "220 250 555 ", NULL, 0, false },
	{ MX, "parameter after HELO", SENT("HELO c\r\nMAIL FROM:<> SIZE=1\r\n"), "220 250 555 ", NULL, 0, false },
	/* recipients */
	{ MX, "postmaster", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n"), "220 250 250 250 ", NULL, 0,
	  false },
	{ MX, "postmaster sends", SENT(HELLO "MAIL FROM:<postmaster>\r\nMAIL FROM:<postmaster@b.example>\r\n"),
	  "220 250 501 250 ", "501 5.1.7 ", 0, false },
	{ MX, "unknown here", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<who@home.example>\r\n"), "220 250 250 550 ",
	  "550 5.1.1 ", 0, false },
	{ MX, "foreign", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<who@far.example>\r\n"), "220 250 250 550 ", "550 5.7.1 ",
	  0, false },
	{ MX, "percent hack",
	  SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<a%b@office.example>\r\nRCPT TO:<50%off@office.example>\r\n"),
	  "220 250 250 550 250 ", NULL, 0, false },
	{ MX, "UUCP path", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<x!y@office.example>\r\nRCPT TO:<x!y>\r\n"),
	  "220 250 250 550 550 ", NULL, 0, false },
	{ MX, "source route", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<@office.example:a@far.example>\r\n"),
	  "220 250 250 550 ", NULL, 0, false },
	{ MX, "quoted line end", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<\"a\\\rX: y\"@office.example>\r\n"),
	  "220 250 250 501 ", "501 5.1.3 ", 0, false },
	{ MX, "bad paths", SENT(HELLO "MAIL FROM:a@b\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a@b>x\r\nMAIL FROM:<a@b>> \r\n"),
	  "220 250 501 501 501 501 ", "501 5.1.7 ", 0, false },
	{ MX, "local part of 65", SENT(HELLO "MAIL FROM:<" TEN TEN TEN TEN TEN TEN "12345@b.example>\r\n"),
	  "220 250 501 ", "501 5.1.7 ", 0, false },
	{ MX, "domain too long", SENT(HELLO "MAIL FROM:<a@" LABEL LABEL LABEL LABEL LABEL LABEL LABEL "x>\r\n"),
	  "220 250 501 ", "501 5.1.7 ", 0, false },
	{ MX, "A-labels",
	  SENT(HELLO
	       "MAIL FROM:<a@xn--.example>\r\nMAIL FROM:<a@xn--ab-.example>\r\nMAIL FROM:<a@xn--99999999.example>\r\n"
	       "MAIL FROM:<a@xn--a_.example>\r\nMAIL FROM:<a@XN--bcher-kva.example>\r\n"
	       "RCPT TO:<a@xn--.office.example>\r\n"),
	  "220 250 501 501 501 501 250 501 ", "501 5.1.7 ", 0, false },
	/* U+202E in either form, and U+200B */
	{ MX, "labels that seem to be others",
	  SENT(HELLO "MAIL FROM:<a@b\xe2\x80\xae" "c.example>\r\nMAIL FROM:<a@xn--bc-g4t.example>\r\n"
		     "MAIL FROM:<a@b\xe2\x80\x8b" "c.example>\r\n"),
	  "220 250 501 501 501 ", "501 5.1.7 ", 0, false },
	{ MX, "null recipient", SENT(HELLO "MAIL FROM:<>\r\nRCPT TO:<>\r\n"), "220 250 250 501 ", "501 5.1.3 ", 0,
	  false },
	{ LMTP, "LMTP",
	  SENT(
	      "EHLO c\r\nHELO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<me@home.example>\r\nRCPT TO:<no@home.example>\r\n"
	      "RCPT TO:<a@office.example>\r\nDATA\r\n" TEXT ".\r\nQUIT\r\n"),
	  "220 500 500 250 250 250 550 250 354 250 250 221 ", "250 2.0.0 <me@home.example> Ok: queued as ", 1, true },
	{ MX, "LHLO", SENT("LHLO c\r\n"), "220 500 ", NULL, 0, false },
	/* content */
	{ MX, "NUL in content", SENT(BEGIN "DATA\r\na\0b\r\n.\r\nNOOP\r\n"), BEGIN_CODES "354 554 250 ", "554 5.6.0 ",
	  0, false },
	{ MX, "first line no field", SENT(BEGIN "DATA\r\n>From me\r\n x\r\n.\r\n"), BEGIN_CODES "354 250 ", NULL, 1,
	  false },
};

static void play(struct fake *f, const struct dialogue *d, size_t piece, size_t split)
{
	size_t before = f->nmessages;
	const char *told;

	fake_connect(f, d->listener);
	converse(f, d->sent, piece, split);
	told = fake_told(f);
	if (strcmp(fake_codes(told), d->codes) != 0 || f->nmessages - before != d->messages || f->closed != d->closed ||
	    (d->told != NULL && strstr(told, d->told) == NULL)) {
		print_error("%s (pieces of %zu, cut at %zu): expected %s, %zu messages, got %s, %zu messages, %s:\n%s",
			    d->name, piece, split, d->codes, d->messages, fake_codes(told), f->nmessages - before,
			    f->closed ? "closed" : "open", told);
		fail();
	}
}

static void dialogues_go_as_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		struct fake f;

		fake_open(&f, config, NULL);
		play(&f, &dialogues[i], 1, 0);
		play(&f, &dialogues[i], SIZE_MAX, 0);
		for (size_t split = 1; split < dialogues[i].sent.n; split++)
			play(&f, &dialogues[i], SIZE_MAX, split);
		fake_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues_go_as_told),
	};

	return cmocka_run_group_tests_name("smtp_session", tests, NULL, NULL);
}
