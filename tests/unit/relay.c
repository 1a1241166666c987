/* The relay's client: transactions against servers that say what they like, cut at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "relay/client.h"

enum { MOST = 4 };

/* What one run came to: what was sent, and each recipient's outcome. */
struct run {
	struct buf sent;
	enum relay_outcome outcome[MOST];
	char words[MOST][RELAY_WORDS_SIZE];
	bool failed; /* the input was no SMTP */
	bool closing, login;
};

static void run_free(struct run *r)
{
	buf_free(&r->sent);
}

/* One transaction for N recipients, to a server that says SAYS in pieces of PIECE octets. CUT: the connection ends when
 * all of it is read. */
static void run(const struct offers *offers, size_t n, struct slice content, const char *says, size_t piece, bool cut,
		struct run *out)
{
	static const char *const names[MOST] = { "a@example.net", "b@example.net", "c@example.net", "d@example.net" };
	struct relay_client *c = relay_client_new(offers);
	struct relay_recipient all[MOST] = { 0 };
	struct relay_transaction t = {
		.sender = "scanner@office.example", .id = "id", .size = content.n, .all = all, .n = n
	};
	struct relay_transaction *over = NULL;
	struct slice rest = slice_str(says);
	struct err e = { 0 };
	const char *wants = strstr(says, "354 ");
	size_t limit = wants == NULL ? rest.n : (size_t)(wants - says) + slice_find(slice_str(wants), '\n') + 1;
	bool ended = false;

	*out = (struct run){ .failed = false };
	buf_init(&out->sent, 1024 * 1024);
	for (size_t i = 0; i < n; i++)
		all[i].address = names[i];
	relay_client_begin(c, &t);
	for (;;) {
		struct buf *o = relay_client_output(c);
		struct slice in = slice_of(rest.p, rest.n < piece ? rest.n : piece);

		if (relay_client_content(c) != NULL) {
			relay_client_add(c, content);
			relay_client_end(c);
			ended = true;
		}
		/* No server answers a message before it has it. */
		if (!ended && in.n > limit)
			in.n = limit;
		limit = ended || limit == in.n ? SIZE_MAX : limit - in.n;
		(void)buf_add_slice(&out->sent, buf_slice(o));
		buf_clear(o);
		over = relay_client_over(c);
		if (over != NULL || rest.n == 0)
			break;
		rest = slice_skip(rest, in.n);
		if (relay_client_input(c, in, &e) != 0) {
			out->failed = true;
			break;
		}
	}
	out->closing = relay_client_closing(c, &out->login) != NULL;
	if (over == NULL && (cut || out->failed)) {
		relay_client_lost(c, false, "gone");
		over = relay_client_over(c);
		assert_ptr_equal(over, &t);
	}
	for (size_t i = 0; i < n; i++) {
		out->outcome[i] = all[i].outcome;
		(void)snprintf(out->words[i], sizeof out->words[i], "%s", all[i].words);
	}
	assert_true(over == NULL || relay_client_over(c) == NULL);
	relay_client_free(&c);
}

#define PIPE  { .what = OFFERS_EHLO | OFFERS_PIPELINING | OFFERS_8BITMIME }
#define ALONE { .what = OFFERS_EHLO | OFFERS_8BITMIME }

static const struct row {
	const char *name;
	struct offers offers;
	size_t n;
	const char *says;
	enum relay_outcome outcome[MOST];
	const char *words; /* of the first recipient */
	bool failed, closing;
} rows[] = {
	{ "all is well", PIPE, 2, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 queued as X\r\n",
	  { RELAY_DONE, RELAY_DONE }, "250 2.0.0 queued as X", false, false },
	{ "without pipelining", ALONE, 2, "250 ok\r\n250 ok\r\n251 ok\r\n354 go\r\n250 2.0.0 queued as X\r\n",
	  { RELAY_DONE, RELAY_DONE }, "250 2.0.0 queued as X", false, false },
	{ "replies of several lines", PIPE, 1, "250-a\r\n250 b\r\n250-a\r\n250-\r\n250\r\n354-go\r\n354 on\r\n250-one\r\n250 two\r\n",
	  { RELAY_DONE }, "250 one two", false, false },
	{ "LF alone ends a line", PIPE, 1, "250 ok\n250 ok\n354 go\n250 done\n", { RELAY_DONE }, "250 done", false, false },
	{ "one bad among good ones", PIPE, 3, "250 ok\r\n250 ok\r\n550 5.1.1 nobody\r\n451 later\r\n354 go\r\n250 done\r\n",
	  { RELAY_DONE, RELAY_REFUSED, RELAY_LATER }, "250 done", false, false },
	{ "too many at once", PIPE, 3, "250 ok\r\n250 ok\r\n452 4.5.3 many\r\n552 many\r\n354 go\r\n250 done\r\n",
	  { RELAY_DONE, RELAY_SOON, RELAY_SOON }, "250 done", false, false },
	{ "452 for the first is no such thing", PIPE, 1, "250 ok\r\n452 4.3.1 full\r\n503 no\r\n", { RELAY_LATER },
	  "452 4.3.1 full", false, false },
	{ "nobody is left, and DATA is refused", PIPE, 2, "250 ok\r\n550 no\r\n551 no\r\n554 none\r\n",
	  { RELAY_REFUSED, RELAY_REFUSED }, "550 no", false, false },
	{ "nobody is left, and 354 comes all the same", PIPE, 1, "250 ok\r\n550 no\r\n354 go\r\n554 empty\r\n",
	  { RELAY_REFUSED }, "550 no", false, false },
	{ "nobody is left, one by one", ALONE, 1, "250 ok\r\n550 no\r\n", { RELAY_REFUSED }, "550 no", false, false },
	{ "the sender is refused", PIPE, 2, "553 5.7.1 not you\r\n503 a\r\n503 b\r\n503 c\r\n",
	  { RELAY_REFUSED, RELAY_REFUSED }, "553 5.7.1 not you", false, false },
	{ "the sender is refused, one by one", ALONE, 2, "451 not now\r\n", { RELAY_LATER, RELAY_LATER }, "451 not now",
	  false, false },
	{ "a login is wanted", PIPE, 1, "530 5.7.0 log in\r\n503 a\r\n503 b\r\n", { RELAY_UNSENT }, "530 5.7.0 log in",
	  false, true },
	{ "DATA is refused for all", PIPE, 2, "250 ok\r\n250 ok\r\n550 no\r\n451 later\r\n", { RELAY_LATER, RELAY_REFUSED },
	  "451 later", false, false },
	{ "the message is refused", PIPE, 1, "250 ok\r\n250 ok\r\n354 go\r\n554 5.7.1 spam\r\n", { RELAY_REFUSED },
	  "554 5.7.1 spam", false, false },
	{ "the message is not taken now", PIPE, 1, "250 ok\r\n250 ok\r\n354 go\r\n452 full\r\n", { RELAY_LATER },
	  "452 full", false, false },
	{ "421 in the midst", PIPE, 1, "250 ok\r\n421 4.3.2 going down\r\n", { RELAY_LATER }, "421 4.3.2 going down", false,
	  true },
	{ "421 to the message: not taken", PIPE, 1, "250 ok\r\n250 ok\r\n354 go\r\n421 4.3.2 bye\r\n", { RELAY_LATER },
	  "421 4.3.2 bye", false, true },
	{ "cut before anything", PIPE, 1, "", { RELAY_LATER }, "gone", false, false },
	{ "cut behind 354, the end being sent", PIPE, 2, "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n",
	  { RELAY_DOUBT, RELAY_REFUSED }, "gone", false, false },
	{ "cut within the last answer", PIPE, 1, "250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 queu", { RELAY_DOUBT }, "gone",
	  false, false },
	{ "no SMTP at all", PIPE, 1, "HTTP/1.1 400 Bad Request\r\n", { RELAY_LATER }, "gone", true, false },
	{ "codes that there are not", PIPE, 1, "250 ok\r\n999 ok\r\n", { RELAY_LATER }, "gone", true, false },
	{ "two codes in one reply", PIPE, 1, "250-ok\r\n550 no\r\n", { RELAY_LATER }, "gone", true, false },
	{ "3xx out of place", PIPE, 1, "354 go\r\n", { RELAY_LATER }, "gone", true, false },
	{ "2xx to DATA", PIPE, 1, "250 ok\r\n250 ok\r\n250 ok\r\n", { RELAY_LATER }, "gone", true, false },
	{ "3xx to the message", PIPE, 1, "250 ok\r\n250 ok\r\n354 go\r\n354 more\r\n", { RELAY_DOUBT }, "gone", true, false },
};

static void outcomes_are_right_however_replies_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];

		for (size_t piece = 1; piece <= strlen(row->says) + 1; piece++) {
			struct run r;

			run(&row->offers, row->n, SLICE_LIT("x\r\n"), row->says, piece, true, &r);
			for (size_t k = 0; k < row->n; k++)
				if (r.outcome[k] != row->outcome[k])
					fail_msg("%s, pieces of %zu: recipient %zu has %d", row->name, piece, k,
						 (int)r.outcome[k]);
			assert_string_equal(r.words[0], row->words);
			assert_int_equal(r.failed, row->failed);
			assert_int_equal(r.closing, row->closing);
			run_free(&r);
		}
	}
}

static void commands_go_out_together_or_one_by_one(void **state)
{
	const struct offers pipe = { .what = OFFERS_EHLO | OFFERS_PIPELINING | OFFERS_SIZE | OFFERS_DSN };
	const struct offers alone = { .what = OFFERS_EHLO };
	struct run r;

	(void)state;
	run(&pipe, 2, SLICE_LIT("x"), "", 100, true, &r);
	assert_string_equal(buf_str(&r.sent), "MAIL FROM:<scanner@office.example> SIZE=1 RET=HDRS ENVID=id\r\n"
					      "RCPT TO:<a@example.net>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	run_free(&r);
	run(&alone, 2, SLICE_LIT("x"), "", 100, true, &r);
	assert_string_equal(buf_str(&r.sent), "MAIL FROM:<scanner@office.example>\r\n");
	run_free(&r);
}

static const struct {
	const char *words, *notify, *ret;
	long long by; /* -1: none */
	char mode;
	bool trace;
} asked[] = {
	{ "", "", "", -1, 0, false },
	{ "NOTIFY=NEVER", "NEVER", "", -1, 0, false },
	{ "NOTIFY=SUCCESS,FAILURE RET=FULL BY=100;RT", "SUCCESS,FAILURE", "FULL", 100, 'R', true },
	{ "BY=7;N ret=hdrs", "", "HDRS", 7, 'N', false },
	{ "NOTIFY=NE\rVER RET=ALL BY=;N BY=1 BY=1;X BY=1;NN BY=-1;N BY=99999999999;N", "", "", -1, 0, false },
	{ "NOTIFY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "", -1, 0, false },
	{ "\\Seen  x NOTIFY=", "", "", -1, 0, false },
	{ "RELAYED ENVID=QQ+2B7 ORCPT=rfc822;a@b.example", "", "", -1, 0, false },
};

static void what_rules_ask_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
		struct relay_asked a;

		relay_asked_read(asked[i].words, &a);
		assert_string_equal(a.notify, asked[i].notify);
		assert_string_equal(a.ret, asked[i].ret);
		assert_int_equal(a.by, asked[i].by >= 0);
		assert_int_equal(a.relayed, a.envid.n > 0);
		assert_true(a.envid.n == 0 || (slice_eq(a.envid, SLICE_LIT("QQ+2B7")) &&
					       slice_eq(a.orcpt, SLICE_LIT("rfc822;a@b.example"))));
		if (a.by)
			assert_true(a.by_at == asked[i].by && a.by_mode == asked[i].mode && a.by_trace == asked[i].trace);
	}
}

/* Nothing that stands in them ends a word or a line, and they have an end. */
static void names_for_reports_are_bounded(void **state)
{
	static const char *const bad[] = { "ENVID=", "ORCPT=", "ENVID=a\r\nRCPT", "ENVID=a\tb", "ORCPT=rfc822;a=b", "ENVID=a\x7f", "envids=x" };
	char words[700];
	struct relay_asked a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		relay_asked_read(bad[i], &a);
		assert_true(a.envid.n == 0 && a.orcpt.n == 0);
	}
	for (int n = 99; n < 102; n++) {
		(void)snprintf(words, sizeof words, "ENVID=%0*d", n, 0);
		relay_asked_read(words, &a);
		assert_int_equal(a.envid.n, n <= 100 ? n : 0);
	}
	for (int n = 499; n < 502; n++) {
		(void)snprintf(words, sizeof words, "ORCPT=%0*d x", n, 0);
		relay_asked_read(words, &a);
		assert_int_equal(a.orcpt.n, n <= 500 ? n : 0);
	}
}

static void what_rules_ask_is_asked_of_whom_it_can(void **state)
{
	static const struct {
		const char *words;
		unsigned offers;
		long long now;
		const char *sent; /* NULL: it is refused */
	} cases[] = {
		{ "NOTIFY=NEVER", OFFERS_DSN, 0, "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example> NOTIFY=NEVER\r\nDATA\r\n" },
		{ "NOTIFY=NEVER RET=FULL", 0, 0, "MAIL FROM:<s@o.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "RET=FULL BY=100;RT", OFFERS_DSN | OFFERS_DELIVERBY, 40,
		  "MAIL FROM:<s@o.example> RET=FULL ENVID=id BY=60;RT\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "BY=100;N", OFFERS_DELIVERBY, 105, "MAIL FROM:<s@o.example> BY=-5;N\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "BY=100;N", 0, 40, "MAIL FROM:<s@o.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "BY=100;R", 0, 40, NULL },
		/* What somebody else asked, and nothing besides. */
		{ "RELAYED", OFFERS_DSN, 0, "MAIL FROM:<s@o.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "RELAYED ENVID=QQ+2B7", OFFERS_DSN, 0, "MAIL FROM:<s@o.example> ENVID=QQ+2B7\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "NOTIFY=DELAY RET=FULL RELAYED ORCPT=rfc822;x+2B@y.example", OFFERS_DSN, 0,
		  "MAIL FROM:<s@o.example> RET=FULL\r\nRCPT TO:<a@b.example> NOTIFY=DELAY ORCPT=rfc822;x+2B@y.example\r\nDATA\r\n" },
		{ "RELAYED ENVID=QQ NOTIFY=NEVER RET=HDRS ORCPT=rfc822;x@y.example", 0, 0,
		  "MAIL FROM:<s@o.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "RELAYED ORCPT=utf-8;m\xc3\xbc@y.example", OFFERS_DSN | OFFERS_SMTPUTF8, 0,
		  "MAIL FROM:<s@o.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "BY=100;R", OFFERS_DELIVERBY, 100, NULL },
		{ "BY=100;R", OFFERS_DELIVERBY, 71, NULL },
		{ "BY=100;R", OFFERS_DELIVERBY, 70, "MAIL FROM:<s@o.example> BY=30;R\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		{ "BY=100;N", OFFERS_DELIVERBY, 99, "MAIL FROM:<s@o.example> BY=1;N\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
		/* RFC 2852, 4.1.4.2 */
		{ "BY=100;N", OFFERS_DSN, 40,
		  "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example> NOTIFY=FAILURE,DELAY\r\nDATA\r\n" },
		{ "BY=100;N NOTIFY=SUCCESS", OFFERS_DSN, 40,
		  "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY\r\nDATA\r\n" },
		{ "BY=100;N NOTIFY=DELAY", OFFERS_DSN, 40,
		  "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example> NOTIFY=DELAY\r\nDATA\r\n" },
		{ "BY=100;N NOTIFY=NEVER", OFFERS_DSN, 40,
		  "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example> NOTIFY=NEVER\r\nDATA\r\n" },
		{ "BY=100;N", OFFERS_DSN, 100, "MAIL FROM:<s@o.example> RET=HDRS ENVID=id\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct offers o = { .what = OFFERS_EHLO | OFFERS_PIPELINING | cases[i].offers, .by_min = 30 };
		struct relay_client *c = relay_client_new(&o);
		struct relay_asked a;
		struct relay_recipient to = { .address = "a@b.example", .notify = a.notify };
		struct relay_transaction t = { .sender = "s@o.example", .id = "id", .size = 1, .all = &to, .n = 1,
					       .asked = &a, .now = cases[i].now };

		relay_asked_read(cases[i].words, &a);
		to.orcpt = a.orcpt;
		relay_client_begin(c, &t);
		assert_string_equal(buf_str(relay_client_output(c)), cases[i].sent == NULL ? "" : cases[i].sent);
		if (cases[i].sent == NULL)
			assert_true(to.outcome == RELAY_REFUSED && relay_client_over(c) == &t);
		relay_client_free(&c);
	}
}

static void what_the_server_cannot_take_is_not_said(void **state)
{
	const struct offers small = { .what = OFFERS_EHLO | OFFERS_PIPELINING | OFFERS_SIZE, .size = 2 };
	const struct offers plain = { .what = OFFERS_EHLO };
	struct relay_recipient to[2] = { { .address = "m\xc3\xbcller@example.net" }, { .address = "a@example.net" } };
	struct relay_transaction t = { .sender = "s@office.example", .id = "id", .all = to, .n = 2 };
	struct relay_client *c = relay_client_new(&plain);
	struct run r;

	(void)state;
	run(&small, 1, SLICE_LIT("123"), "", 100, true, &r);
	assert_int_equal(r.outcome[0], RELAY_REFUSED);
	assert_int_equal(r.sent.n, 0);
	run_free(&r);
	/* Only whose address needs it is refused. */
	relay_client_begin(c, &t);
	assert_int_equal(to[0].outcome, RELAY_REFUSED);
	assert_int_equal(to[1].outcome, RELAY_OPEN);
	assert_non_null(strstr(to[0].words, "SMTPUTF8"));
	assert_string_equal(buf_str(relay_client_output(c)), "MAIL FROM:<s@office.example>\r\n");
	relay_client_lost(c, true, "gone");
	relay_client_free(&c);
	t.eightbit = true;
	c = relay_client_new(&plain);
	relay_client_begin(c, &t);
	assert_int_equal(to[1].outcome, RELAY_REFUSED);
	assert_non_null(strstr(to[1].words, "8BITMIME"));
	assert_ptr_equal(relay_client_over(c), &t);
	relay_client_free(&c);
}

/* The second message's commands stand behind the end of the first, and a loss between is told apart. */
static void the_next_message_goes_with_the_end_of_the_first(void **state)
{
	const struct offers pipe = { .what = OFFERS_EHLO | OFFERS_PIPELINING };
	struct relay_recipient one = { .address = "a@example.net" }, two = { .address = "b@example.net" };
	struct relay_transaction t1 = { .sender = "s@office.example", .id = "1", .all = &one, .n = 1 };
	struct relay_transaction t2 = { .sender = "s@office.example", .id = "2", .all = &two, .n = 1 };
	struct relay_client *c = relay_client_new(&pipe);
	struct err e;

	(void)state;
	relay_client_begin(c, &t1);
	assert_false(relay_client_ready(c));
	assert_int_equal(relay_client_input(c, SLICE_LIT("250 a\r\n250 b\r\n354 c\r\n"), &e), 0);
	buf_clear(relay_client_output(c));
	assert_ptr_equal(relay_client_content(c), &t1);
	relay_client_add(c, SLICE_LIT("x\r\n"));
	relay_client_end(c);
	assert_true(relay_client_ready(c));
	relay_client_begin(c, &t2);
	assert_false(relay_client_ready(c));
	assert_string_equal(buf_str(relay_client_output(c)),
			    "x\r\n.\r\nMAIL FROM:<s@office.example>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	assert_int_equal(relay_client_waits(c), RELAY_WAIT_END);
	assert_int_equal(relay_client_input(c, SLICE_LIT("250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n"), &e), 0);
	assert_ptr_equal(relay_client_over(c), &t1);
	assert_int_equal(one.outcome, RELAY_DONE);
	assert_ptr_equal(relay_client_content(c), &t2);
	relay_client_add(c, SLICE_LIT("y"));
	/* Its end was not sent: it is not in doubt. */
	relay_client_lost(c, false, "gone");
	assert_ptr_equal(relay_client_over(c), &t2);
	assert_int_equal(two.outcome, RELAY_LATER);
	relay_client_free(&c);
}

static void dots_and_line_ends(void **state)
{
	static const struct {
		const char *in, *out;
	} all[] = {
		{ "", ".\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ ".a\r\n..b\r\nc.d\r\n.", "..a\r\n...b\r\nc.d\r\n..\r\n.\r\n" },
		{ "a\n.\nMAIL", "a\r\n..\r\nMAIL\r\n.\r\n" },
		{ "a\r.\rb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r", "a\r\n.\r\n" },
		{ "a\n", "a\r\n.\r\n" },
		{ "a\r\n.\n", "a\r\n..\r\n.\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const size_t n = strlen(all[i].in);

		for (size_t at = 0; at <= n; at++) {
			struct stuffing s = { STUFF_BEGIN };
			struct buf out;

			buf_init(&out, 1000);
			assert_int_equal(stuff_add(&s, slice_of(all[i].in, at), &out), 0);
			assert_int_equal(stuff_add(&s, slice_of(all[i].in + at, n - at), &out), 0);
			assert_int_equal(stuff_end(&s, &out), 0);
			assert_string_equal(buf_str(&out), all[i].out);
			buf_free(&out);
		}
	}
}

static void offers_are_read(void **state)
{
	struct relay_reply r;
	struct offers o;
	struct slice in = SLICE_LIT("250-relay.example.net at your service\r\n250-pipelining\r\n250-SIZE 1000\r\n"
				    "250-AUTH PLAIN SCRAM-SHA-256\r\n250-LIMITS RCPTMAX=20 MAILMAX=x\r\n250-STARTTLSX\r\n250 8BITMIME\r\n");
	struct err e;

	(void)state;
	relay_reply_init(&r);
	assert_int_equal(relay_reply_feed(&r, &in, &e), 1);
	offers_read(&r, &o);
	assert_int_equal(o.what, OFFERS_EHLO | OFFERS_PIPELINING | OFFERS_SIZE | OFFERS_AUTH | OFFERS_8BITMIME);
	assert_int_equal(o.size, 1000);
	assert_int_equal(o.recipients, 20);
	assert_int_equal(o.messages, 0);
	assert_string_equal(o.mechanisms, "PLAIN SCRAM-SHA-256");
	relay_reply_free(&r);
}

static void replies_are_bounded(void **state)
{
	struct relay_reply *r = mem_alloc(sizeof *r);
	char *long_line = mem_alloc(RELAY_REPLY_LINE_MAX + 10);
	struct slice in;
	struct err e;
	int got = 0;

	(void)state;
	memset(long_line, '2', RELAY_REPLY_LINE_MAX + 9);
	relay_reply_init(r);
	in = slice_str(long_line);
	assert_int_equal(relay_reply_feed(r, &in, &e), -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	relay_reply_free(r);
	relay_reply_init(r);
	for (int i = 0; i < 100000 && got == 0; i++) {
		in = SLICE_LIT("250-and on it goes\r\n");
		got = relay_reply_feed(r, &in, &e);
	}
	assert_int_equal(got, -1);
	assert_true(r->text.n <= RELAY_REPLY_TEXT_MAX);
	relay_reply_free(r);
	free(long_line);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_are_right_however_replies_are_cut),
		cmocka_unit_test(commands_go_out_together_or_one_by_one),
		cmocka_unit_test(what_rules_ask_is_read),
		cmocka_unit_test(names_for_reports_are_bounded),
		cmocka_unit_test(what_rules_ask_is_asked_of_whom_it_can),
		cmocka_unit_test(what_the_server_cannot_take_is_not_said),
		cmocka_unit_test(the_next_message_goes_with_the_end_of_the_first),
		cmocka_unit_test(dots_and_line_ends),
		cmocka_unit_test(offers_are_read),
		cmocka_unit_test(replies_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
