/* Sessions with a POP3 server that follows a script: cut at every octet, ended at every octet, slow, and wrong. */
#include "pop3_fake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const uint64_t sizes[] = { 10, 20, 30 };
static const char *const uidls[] = { "aa", "bb", "cc" };

/* The whole of a session; -1 with E wherever it ends. */
static int whole_session(struct err *e)
{
	struct source_session *s = source_pop3.open(&fake_login, e);
	struct source_item items[3];
	struct source_mark now;
	struct source_folder folder = { .name = (char[]){ "" } };
	bool same = true, complete = false;
	struct buf refused;
	int ret = -1;

	if (s == NULL)
		return -1;
	buf_init(&refused, 1000);
	fake_choose(items, 3, sizes, uidls);
	if (source_pop3.enter(s, &folder, true, NULL, &now, &same, e) != 0)
		goto done;
	assert_false(same);
	(void)buf_addf(&fake_story, "exists=%u ", now.exists);
	if (source_pop3.list(s, 1, fake_tell, NULL, &complete, e) != 0)
		goto done;
	(void)buf_addf(&fake_story, "complete=%d ", complete);
	if (source_pop3.heads(s, items, 1, &fake_handler, e) != 0 || source_pop3.fetch(s, items, 3, &fake_handler, e) != 0 ||
	    source_pop3.remove(s, items, 3, NULL, &refused, e) != 0)
		goto done;
	(void)buf_addf(&fake_story, "refused=%s ", buf_str(&refused));
	ret = source_pop3.leave(&s, e);
	if (ret == 0)
		(void)buf_add_str(&fake_story, "left");
done:
	buf_free(&refused);
	source_pop3.abort(&s);
	return ret;
}

#define CAPAS "+OK here it comes\r\nTOP\r\nUIDL\r\nPIPELINING\r\nSASL PLAIN\r\nRESP-CODES\r\n.\r\n"
static const struct turn honest[] = {
	{ "CAPA", CAPAS },
	{ PLAIN, "+OK in\r\n" },
	{ "CAPA", CAPAS },
	{ "STAT", "+OK 3 60\r\n" },
	{ "LIST", "+OK 3 messages\r\n1 10\r\n2 20\r\n3 30\r\n.\r\n" },
	{ "UIDL", "+OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n" },
	{ "TOP 1 0", "+OK\r\nA: b\r\n..c: d\r\n\r\nnot asked for\r\n.\r\n" },
	{ "RETR 1", "+OK 10 octets\r\nA: b\r\n..c: d\r\n\r\n.\r\n" },
	{ "RETR 2", "-ERR no such message\r\n" },
	{ "RETR 3", "+OK\r\n\r\n...\r\n.x\n.\r\n\r\n.\r\n" },
	{ "DELE 1", "+OK\r\n" },
	{ "DELE 2", "-ERR not that one\r\n" },
	{ "DELE 3", "+OK gone\r\n" },
	{ "QUIT", "+OK bye\r\nand more\r\n" },
	{ NULL, NULL },
};
static const char honest_story[] = "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 "
				   "1(A: b\r\n.c: d\r\n\r\n)1=whole "
				   "1(A: b\r\n.c: d\r\n\r\n)1=whole "
				   ")2=vanished:no such message "
				   "3(\r\n..\r\nx\n.\r\n\r\n)3=whole "
				   "refused=message 2: not that one left";

static size_t total(const char *first, const struct turn *turns)
{
	size_t n = strlen(first);

	for (; turns->command != NULL; turns++)
		n += strlen(turns->reply);
	return n;
}

static void a_session_cut_anywhere(void **state)
{
	size_t all = total(fake_greeting, honest);

	(void)state;
	for (size_t cut = 0; cut <= all; cut++) {
		struct err e = { 0 };

		fake_reset();
		fake_start(honest, fake_greeting, cut, NEVER);
		if (whole_session(&e) != 0)
			fail_msg("cut at %zu: %s", cut, e.text);
		assert_string_equal(buf_str(&fake_story), honest_story);
		fake_stop();
	}
}

/* The server goes away after any octet: what was whole is whole, and the reason is told. */
static void a_server_that_closes_anywhere(void **state)
{
	size_t all = total(fake_greeting, honest) - strlen("and more\r\n");

	(void)state;
	for (size_t at = 0; at < all; at++) {
		struct err e = { 0 };
		size_t n;

		fake_reset();
		fake_start(honest, fake_greeting, NEVER, at);
		assert_int_equal(whole_session(&e), -1);
		assert_true(e.class == ERR_TEMP);
		assert_true(e.code == ECONNRESET || e.code == EPIPE);
		assert_non_null(strstr(e.text, "pop.example.net"));
		n = fake_story.n;
		assert_memory_equal(buf_str(&fake_story), honest_story, n);
		fake_stop();
	}
}

/* One octet a second: no command is waited for longer than its timeout, and nothing beyond the deadline. */
static void a_server_that_drips(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct err e = { 0 };

		fake_reset();
		fake_start(honest, fake_greeting, NEVER, NEVER);
		fake_server.drip = 1000;
		if (all == 1) {
			fake_source.server.timeout = 600000;
			fake_login.deadline = fake_now_ms + 90000;
		}
		assert_int_equal(whole_session(&e), -1);
		assert_int_equal(e.class, ERR_TEMP);
		assert_int_equal(e.code, ETIMEDOUT);
		assert_true(fake_now_ms >= 1000000 + (all == 1 ? 90000 : 60000));
		assert_true(fake_now_ms <= 1000000 + (all == 1 ? 91000 : 4 * 60000));
		assert_non_null(strstr(e.text, all == 1 ? "deadline of source old" : "did not answer in time"));
		fake_stop();
	}
}

/* ---- what may go wrong then ---- */

#define IN { "CAPA", CAPAS }, { PLAIN, "+OK in\r\n" }, { "CAPA", CAPAS }
#define STAT3 { "STAT", "+OK 3 60\r\n" }
#define LIST3 { "LIST", "+OK\r\n1 10\r\n2 20\r\n3 30\r\n.\r\n" }
#define UIDL3 { "UIDL", "+OK\r\n1 aa\r\n2 bb\r\n3 cc\r\n.\r\n" }
#define TOP1 { "TOP 1 0", "+OK\r\n\r\n.\r\n" }

static void sessions_that_fail(void **state)
{
	static const struct {
		struct turn turns[16];
		enum err_class class;
		const char *text, *story;
	} cases[] = {
		{ { IN, STAT3, { "LIST", "-ERR [SYS/TEMP] no\r\n" }, { "UIDL", "" } }, ERR_TEMP, "does not list the messages", "" },
		{ { IN, { "STAT", "-ERR [IN-USE] locked\r\n" }, { "LIST", "" }, { "UIDL", "" } }, ERR_TEMP,
		  "what is in the mailbox: \"[IN-USE] locked\"", "" },
		/* UIDLs that fail for once: all would look new. */
		{ { IN, STAT3, LIST3, { "UIDL", "-ERR not now\r\n" } }, ERR_TEMP, "does not tell the UIDLs", "" },
		{ { IN, STAT3, LIST3, UIDL3, { "TOP 1 0", "-ERR no\r\n" }, { "RETR 1", "+OK\r\na\r\n.\r\nwhat\r\n" },
		    { "RETR 2", "" }, { "RETR 3", "" } },
		  ERR_PROTOCOL, "says \"what\" where a reply", "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 )1=refused:no "
		  "1(a\r\n)1=whole " },
		/* One reply too many, and each message would be the one before. */
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na\r\n.\r\n+OK\r\n" }, { "RETR 2", "+OK\r\nb\r\n.\r\n" },
		    { "RETR 3", "" } },
		  ERR_PROTOCOL, "sends a reply where message 2 should begin",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a\r\n)1=whole 2(" },
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na.\r\n" }, { "RETR 2", "" }, { "RETR 3", "" } },
		  ERR_PROTOCOL, "does not end it with a line that holds only a dot",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a.\r\n)1=refused:the server does not end it with "
		  "a line that holds only a dot " },
		{ { IN, STAT3, LIST3, UIDL3, TOP1, { "RETR 1", "+OK\r\na.\r\n.\r\n" }, { "RETR 2", "-ERR [SYS/TEMP] bye\r\n" },
		    { "RETR 3", "+OK\r\n.\r\n" }, { "DELE 1", "+OK\r\n" }, { "DELE 2", "+OK\r\n" }, { "DELE 3", "+OK\r\n" },
		    { "QUIT", "-ERR some messages were not removed\r\n" } },
		  ERR_TEMP, "did not end the session well, so that removed messages may still be there: \"some",
		  "exists=3 1:10:aa 2:20:bb 3:30:cc complete=1 1(\r\n)1=whole 1(a.\r\n)1=whole )2=refused:[SYS/TEMP] bye "
		  "3()3=whole refused= " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t cut = 0; cut < 2; cut++) {
			struct err e = { 0 };

			fake_reset();
			fake_start(cases[i].turns, fake_greeting, cut == 0 ? 0 : NEVER, NEVER);
			assert_int_equal(whole_session(&e), -1);
			if (e.class != cases[i].class || strstr(e.text, cases[i].text) == NULL)
				fail_msg("case %zu: class %d: %s", i, e.class, e.text);
			assert_string_equal(buf_str(&fake_story), cases[i].story);
			fake_stop();
		}
	}
}

static struct source_session *opened(const struct turn *turns)
{
	struct err e = { 0 };
	struct source_session *s;

	fake_reset();
	fake_start(turns, fake_greeting, NEVER, NEVER);
	s = source_pop3.open(&fake_login, &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	return s;
}

/* An old server: one command after the other, no UIDL, no TOP. */
static void a_server_without_extensions(void **state)
{
	static const struct turn turns[] = {
		NO_CAPA,
		{ "USER office", "+OK\r\n" },
		{ "PASS s3cret", "+OK\r\n" },
		STAT3,
		LIST3,
		{ "UIDL", "-ERR what?\r\n" },
		{ "TOP 1 0", "-ERR what?\r\n" },
		{ "RETR 1", "+OK\r\na\r\n.\r\n" },
		{ "RETR 2", "+OK\r\nb\r\n.\r\n" },
		{ "QUIT", "+OK\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[3];
	bool complete;
	struct err e = { 0 };

	(void)state;
	fake_choose(items, 3, sizes, (const char *const[]){ "", "", "" });
	assert_int_equal(source_pop3.list(s, 1, fake_tell, NULL, &complete, &e), 0);
	assert_true(complete);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source_pop3.heads(s, items, 3, &fake_handler, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
	}
	assert_int_equal(source_pop3.fetch(s, items, 2, &fake_handler, &e), 0);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	assert_string_equal(buf_str(&fake_story), "1:10: 2:20: 3:30: 1(a\r\n)1=whole 2(b\r\n)2=whole ");
	fake_stop();
}

/* Never a number that this session has not listed so: it may be another message. */
static void only_what_was_listed_is_removed(void **state)
{
	static const struct turn turns[] = {
		IN, STAT3, LIST3, UIDL3, { "DELE 1", "+OK\r\n" }, { "QUIT", "+OK\r\n" }, { NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[5] = {
		{ .number = 1, .size = 10, .name = "aa", .flags = "" }, { .number = 2, .size = 21, .name = "bb", .flags = "" },
		{ .number = 3, .size = 30, .name = "CC", .flags = "" }, { .number = 4, .size = 40, .name = "dd", .flags = "" },
		{ .number = 0, .size = 0, .name = "", .flags = "" },
	};
	struct buf refused;
	struct err e = { 0 };
	bool marked = true, complete;

	(void)state;
	buf_init(&refused, 2000);
	assert_int_equal(source_pop3.remove(s, items, 5, &marked, &refused, &e), 0);
	assert_false(marked);
	for (int i = 2; i <= 4; i++) {
		char word[32];

		(void)snprintf(word, sizeof word, "message %d:", i);
		assert_non_null(strstr(buf_str(&refused), word));
	}
	/* It is there until QUIT, but not to be had any more. */
	assert_int_equal(source_pop3.present(s, fake_tell, NULL, &complete, &e), 0);
	assert_int_equal(source_pop3.fetch(s, items, 1, &fake_handler, &e), 0);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	assert_non_null(strstr(buf_str(&fake_story), "1:10:aa 2:20:bb 3:30:cc )1=vanished:"));
	buf_free(&refused);
	fake_stop();
}

static void what_is_too_large_is_refused(void **state)
{
	static const struct turn turns[] = {
		IN,
		STAT3,
		{ "LIST", "+OK\r\n1 10\r\n2 3000000000\r\n3 30\r\n.\r\n" },
		UIDL3,
		{ "RETR 1", "+OK\r\na\r\n.\r\n" },
		{ "RETR 3", "+OK\r\n0123456789012345678901234567890123456789\r\nmore\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(turns);
	struct source_item items[3];
	struct err e = { 0 };

	(void)state;
	fake_login.message_max = 35;
	fake_choose(items, 3, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 3, &fake_handler, &e), -1);
	assert_int_equal(e.class, ERR_PROTOCOL);
	assert_non_null(strstr(buf_str(&fake_story), "1(a\r\n)1=whole )2=refused:the server announces more"));
	assert_non_null(strstr(buf_str(&fake_story), ")3=refused:it is longer than the limit"));
	source_pop3.abort(&s);
	fake_stop();
}

static void the_server_may_ask_for_peace(void **state)
{
	static const struct turn said[] = {
		{ "CAPA", "+OK\r\nLOGIN-DELAY 900 USER\r\nSASL PLAIN\r\n.\r\n" },
		{ PLAIN, "+OK\r\n" },
		{ "CAPA", "+OK\r\nLOGIN-DELAY 600\r\nSASL PLAIN\r\nEXPIRE 0\r\n.\r\n" },
		{ "STAT", "+OK 0 0\r\n" },
		{ "LIST", "+OK\r\n.\r\n" },
		{ "UIDL", "+OK\r\n.\r\n" },
		{ "QUIT", "+OK\r\n" },
		{ NULL, NULL },
	};
	static const struct turn shouted[] = {
		NO_CAPA,
		{ "USER office", "+OK\r\n" },
		{ "PASS s3cret", "-ERR [LOGIN-DELAY 300] not yet\r\n" },
		{ NULL, NULL },
	};
	struct source_session *s = opened(said);
	struct err e = { 0 };
	bool complete;

	(void)state;
	assert_int_equal(source_pop3.list(s, 1, fake_tell, NULL, &complete, &e), 0);
	assert_int_equal(fake_delay, 600000);
	assert_int_equal(source_pop3.leave(&s, &e), 0);
	fake_stop();

	fake_reset();
	fake_start(shouted, fake_greeting, NEVER, NEVER);
	assert_null(source_pop3.open(&fake_login, &e));
	assert_int_equal(e.code, EUSERS);
	assert_int_equal(fake_delay, 300000);
	fake_stop();
}

static int say_no(void *arg, struct slice bytes)
{
	(void)arg;
	(void)bytes;
	return -1;
}

static void who_takes_may_stop(void **state)
{
	static const struct turn turns[] = {
		IN, STAT3, LIST3, UIDL3, { "RETR 1", "+OK\r\na\r\n.\r\n" }, { "RETR 2", "" }, { "RETR 3", "" }, { NULL, NULL },
	};
	static const struct source_handler stubborn = { fake_begin, say_no, fake_end, NULL };
	struct source_session *s = opened(turns);
	struct source_item items[3];
	struct err e = { 0 };

	(void)state;
	fake_choose(items, 3, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 3, &stubborn, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	source_pop3.abort(&s);
	fake_stop();
}

static int dawdle(void *arg, struct slice bytes)
{
	fake_now_ms += 100000;
	return fake_piece(arg, bytes);
}

/* A full disk here is no delay of the server's. */
static void who_takes_may_be_slow(void **state)
{
	static const struct turn turns[] = {
		IN,
		STAT3,
		LIST3,
		UIDL3,
		{ "RETR 1", "+OK\r\na\r\n..b\r\n.\r\n" },
		{ "RETR 2", "+OK\r\nc\r\n.\r\n" },
		{ NULL, NULL },
	};
	static const struct source_handler slow = { fake_begin, dawdle, fake_end, NULL };
	struct source_session *s = opened(turns);
	struct source_item items[2];
	struct err e = { 0 };

	(void)state;
	fake_server.cut = 0;
	fake_choose(items, 2, sizes, uidls);
	assert_int_equal(source_pop3.fetch(s, items, 2, &slow, &e), 0);
	assert_string_equal(buf_str(&fake_story), "1(a\r\n.b\r\n)1=whole 2(c\r\n)2=whole ");
	source_pop3.abort(&s);
	fake_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_cut_anywhere),
		cmocka_unit_test(a_server_that_closes_anywhere),
		cmocka_unit_test(a_server_that_drips),
		cmocka_unit_test(sessions_that_fail),
		cmocka_unit_test(a_server_without_extensions),
		cmocka_unit_test(only_what_was_listed_is_removed),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(the_server_may_ask_for_peace),
		cmocka_unit_test(who_takes_may_stop),
		cmocka_unit_test(who_takes_may_be_slow),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("POP3 sessions", tests, fake_set_up, fake_tear_down);
}
