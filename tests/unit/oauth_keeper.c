/* When tokens are asked for, who gets them, and what is on disk by then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"
#include "oauth/keeper.h"

#define OAUTH                                                                                                          \
	" addresses = [ \"%c@office.example\" ]; oauth = { tenant = \"t\"; client_id = \"i\"; client_secret = \"s\"; " \
	"grant = \"%s\"; }; };\n"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, ANSWERS_MAX = 32 };

static struct {
	char dir[64];
	struct config *config;
	struct token_store *store;
	struct keeper *keeper;
	int64_t now;
	unsigned begun, job; /* exchanges; number of the last */
	struct exchange_order order;
	char value[64], binding[200];
	struct {
		uint64_t asker;
		char token[64], error[520], url[2000];
		int64_t serial;
	} answers[ANSWERS_MAX];
	size_t nanswers;
	unsigned notices, signed_in;
} t;

/* ---- hooks ---- */

static int64_t clock_fake(void *arg)
{
	(void)arg;
	return t.now;
}

static void begin(void *arg, unsigned job, const struct exchange_order *order)
{
	(void)arg;
	t.begun++;
	t.job = job;
	t.order = *order;
	(void)snprintf(t.value, sizeof t.value, "%s", order->request.value == NULL ? "" : order->request.value);
	(void)snprintf(t.binding, sizeof t.binding, "%s", order->stored.binding);
}

static void answer(void *arg, uint64_t asker, const struct keeper_answer *a)
{
	size_t n = t.nanswers++;

	(void)arg;
	assert_true(n < ANSWERS_MAX);
	t.answers[n].asker = asker;
	t.answers[n].serial = a->serial;
	(void)snprintf(t.answers[n].token, sizeof t.answers[n].token, "%s", a->token == NULL ? "" : a->token);
	(void)snprintf(t.answers[n].error, sizeof t.answers[n].error, "%s", a->err == NULL ? "" : a->err->text);
	(void)snprintf(t.answers[n].url, sizeof t.answers[n].url, "%s", a->url == NULL ? "" : a->url);
}

static void signed_in(void *arg, const char *account)
{
	(void)arg;
	(void)account;
	t.signed_in++;
}

static void notice(void *arg, const char *account, bool expires, const char *text)
{
	(void)arg;
	(void)account;
	(void)expires;
	(void)text;
	t.notices++;
}

/* ---- set up ---- */

static int directory(void)
{
	int fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void store_open(void)
{
	struct err e;

	t.store = token_store_new(directory(), 0, &e);
	if (t.store == NULL)
		fail_msg("%s", e.text);
}

static void keeper_open(void)
{
	struct keeper_hooks hooks = { clock_fake, begin, answer, signed_in, notice, NULL };

	t.keeper = keeper_new(t.config, t.store, &hooks);
}

/* As a role that ended does. */
static void all_close(void)
{
	keeper_free(&t.keeper);
	token_store_free(&t.store);
}

/* Accounts a, b, … with the GRANT each; what is there already stays on disk. */
static void start(const char *grant, unsigned accounts)
{
	struct buf text, errors;

	buf_init(&text, 10000);
	buf_init(&errors, 10000);
	(void)buf_add_str(&text, "accounts = { ");
	for (unsigned i = 0; i < accounts; i++) {
		(void)buf_addf(&text, "%c = { provider = \"microsoft365\"; user = \"u%u@office.example\";", 'a' + i, i);
		(void)buf_addf(&text, OAUTH, 'a' + i, grant);
	}
	(void)buf_add_str(&text, "};");
	t.config = config_check("t", buf_slice(&text), &errors);
	if (t.config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&text);
	buf_free(&errors);
	store_open();
	keeper_open();
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	(void)snprintf(t.dir, sizeof t.dir, "/tmp/mailferry-unit-XXXXXX");
	t.now = 1000000;
	log_set_level(LOG_ERROR);
	return mkdtemp(t.dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	char *command = mem_printf("rm -rf %s", t.dir);
	int r;

	(void)state;
	all_close();
	config_free(&t.config);
	r = system(command);
	free(command);
	return r;
}

/* ---- acting ---- */

static void get(uint64_t asker, const char *account, int64_t refused)
{
	keeper_get(t.keeper, asker, account, refused);
	(void)keeper_turn(t.keeper);
}

/* The exchange under way ends. TEXT is the access token, or the error. */
static void finish(enum grant_verdict verdict, const char *text, const char *refresh, int64_t retry)
{
	struct exchange_result r = { .answer.verdict = verdict,
				     .answer.expires_in = HOUR,
				     .answer.retry_after = retry };

	if (verdict == GRANT_OK) {
		r.answer.access_token = mem_strdup(text);
		r.answer.refresh_token = mem_strdup(refresh);
		r.fresh = refresh != NULL;
	} else {
		(void)err_set(&r.err, ERR_CONFIG, 0, "%s", text);
	}
	keeper_finished(t.keeper, t.job, &r, NULL);
	exchange_result_free(&r);
	(void)keeper_turn(t.keeper);
}

static const char *token(size_t i)
{
	assert_true(i < t.nanswers);
	return t.answers[i].token;
}

static void sign_in_stored(const char *account, const char *refresh, const char *binding)
{
	struct stored_token s = { .refresh_token = mem_strdup(refresh),
				  .binding = mem_strdup(binding),
				  .signed_in = clock_wall_ms(),
				  .refreshed = clock_wall_ms() };
	struct err e;

	store_open();
	if (token_store_write(t.store, account, &s, &e) != 0)
		fail_msg("%s", e.text);
	stored_token_free(&s);
	token_store_free(&t.store);
}

#define BINDING "i https://login.microsoftonline.com/t/oauth2/v2.0/token"

/* ---- the keeper ---- */

static void ten_stores_of_one_client_cause_one_exchange(void **state)
{
	(void)state;
	start("application", 10);
	for (unsigned i = 0; i < 10; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		get(i, name, 0);
	}
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.nanswers, 0);
	assert_int_equal(t.order.request.step, GRANT_APPLICATION);
	finish(GRANT_OK, "t1", NULL, 0);
	assert_int_equal(t.nanswers, 10);
	for (size_t i = 0; i < 10; i++)
		assert_string_equal(token(i), "t1");
	/* From then on it is at hand. */
	get(20, "c", 0);
	assert_string_equal(token(10), "t1");
	assert_int_equal(t.begun, 1);
}

static void an_endpoint_that_hangs_leaves_room_for_others(void **state)
{
	(void)state;
	for (char c = 'a'; c < 'a' + 20; c++) {
		char name[2] = { c, '\0' };

		sign_in_stored(name, "r", BINDING);
	}
	start("user", 20);
	for (unsigned i = 0; i < 20; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		get(i, name, 0);
	}
	assert_int_equal(t.begun, 8);
	/* One that ends makes room for the next. */
	finish(GRANT_LATER, "late", NULL, 0);
	assert_int_equal(t.begun, 9);
	assert_int_equal(t.nanswers, 1);
}

static void a_token_in_use_is_renewed_before_it_ends(void **state)
{
	int64_t next;

	(void)state;
	start("application", 1);
	get(1, "a", 0);
	finish(GRANT_OK, "t1", NULL, 0);
	next = keeper_turn(t.keeper);
	assert_int_equal(next, t.now + HOUR - 5 * MINUTE);
	t.now = next;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 2);
	/* Meanwhile, and should that fail, the old one is good. */
	get(2, "a", 0);
	assert_string_equal(token(1), "t1");
	finish(GRANT_LATER, "busy", NULL, 0);
	get(3, "a", 0);
	assert_string_equal(token(2), "t1");
	t.now += 5 * MINUTE;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 3);
	finish(GRANT_OK, "t2", NULL, 0);
	get(4, "a", 0);
	assert_string_equal(token(3), "t2");
}

static void a_token_that_nobody_uses_is_not_renewed_for_ever(void **state)
{
	(void)state;
	start("application", 1);
	get(1, "a", 0);
	finish(GRANT_OK, "t1", NULL, 0);
	for (int i = 0; i < 200; i++) {
		unsigned before = t.begun;

		t.now += 5 * MINUTE;
		(void)keeper_turn(t.keeper);
		if (t.begun > before)
			finish(GRANT_OK, "tn", NULL, 0);
	}
	assert_true(t.begun <= 2);
}

static void a_refused_token_is_replaced_once_not_in_a_frenzy(void **state)
{
	int64_t serial;

	(void)state;
	start("application", 2);
	get(1, "a", 0);
	get(2, "b", 0);
	finish(GRANT_OK, "t1", NULL, 0);
	serial = t.answers[0].serial;
	get(1, "a", serial);
	get(2, "b", serial);
	assert_int_equal(t.begun, 2);
	finish(GRANT_OK, "t2", NULL, 0);
	assert_string_equal(token(2), "t2");
	assert_string_equal(token(3), "t2");
	/* b was slower: the one that it complains of is gone already. */
	get(2, "b", serial);
	assert_string_equal(token(4), "t2");
	assert_int_equal(t.begun, 2);
	/* A token that is seconds old is not refused for its age. */
	get(1, "a", t.answers[2].serial);
	assert_string_equal(token(5), "t2");
	assert_int_equal(t.begun, 2);
	t.now += MINUTE;
	get(1, "a", t.answers[2].serial);
	assert_int_equal(t.begun, 3);
}

static void a_person_waits_for_no_back_off(void **state)
{
	(void)state;
	start("application", 1);
	get(1, "a", 0);
	finish(GRANT_REFUSED, "consent is missing", NULL, 0);
	t.now += SECOND;
	get(1, "a", 0);
	assert_int_equal(t.begun, 1);
	keeper_urge(t.keeper, "a");
	get(2, "a", 0);
	assert_int_equal(t.begun, 2);
	finish(GRANT_REFUSED, "still missing", NULL, 0);
	assert_string_equal(t.answers[t.nanswers - 1].error, "still missing");
	/* Nor is the provider asked as often as somebody presses a key. */
	keeper_urge(t.keeper, "a");
	get(2, "a", 0);
	assert_int_equal(t.begun, 2);
	t.now += 10 * SECOND;
	keeper_urge(t.keeper, "a");
	keeper_urge(t.keeper, "nobody");
	get(2, "a", 0);
	assert_int_equal(t.begun, 3);
	finish(GRANT_OK, "t1", NULL, 0);
	assert_string_equal(t.answers[t.nanswers - 1].token, "t1");
}

static void failures_back_off_and_obey_the_provider(void **state)
{
	int64_t next;

	(void)state;
	start("application", 1);
	get(1, "a", 0);
	finish(GRANT_LATER, "busy", NULL, 90 * SECOND);
	assert_string_equal(t.answers[0].error, "busy");
	next = keeper_turn(t.keeper);
	/* Whoever asks meanwhile hears why, and nobody asks the provider. */
	get(1, "a", 0);
	assert_string_equal(t.answers[1].error, "busy");
	assert_int_equal(t.begun, 1);
	t.now += 89 * SECOND;
	get(1, "a", 0);
	assert_int_equal(t.begun, 1);
	t.now += 2 * SECOND;
	get(1, "a", 0);
	assert_int_equal(t.begun, 2);
	(void)next;
	for (int i = 0; i < 20; i++) {
		int64_t before = t.now;
		unsigned begun = t.begun;

		finish(GRANT_LATER, "busy", NULL, 0);
		while (t.begun == begun) {
			t.now += SECOND / 2;
			get(1, "a", 0);
			keeper_forget(t.keeper, 1);
			t.nanswers = 0;
			assert_true(t.now - before < 10 * MINUTE);
		}
		assert_true(i < 8 || t.now - before > 3 * MINUTE);
	}
	finish(GRANT_OK, "t1", NULL, 0);
	get(2, "a", 0);
	assert_string_equal(token(t.nanswers - 1), "t1");
}

static void a_lost_sign_in_is_told_once_and_left_alone(void **state)
{
	(void)state;
	sign_in_stored("a", "r1", BINDING);
	start("user", 1);
	get(1, "a", 0);
	assert_int_equal(t.order.request.step, GRANT_REFRESH);
	assert_string_equal(t.value, "r1");
	assert_string_equal(t.binding, BINDING);
	finish(GRANT_LOST, "sign in again", NULL, 0);
	assert_string_equal(t.answers[0].error, "sign in again");
	assert_int_equal(t.notices, 1);
	for (int i = 0; i < 5; i++) {
		t.now += MINUTE;
		get(1, "a", 0);
	}
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.nanswers, 6);
	t.now += 2 * HOUR;
	get(1, "a", 0);
	assert_int_equal(t.begun, 2);
	finish(GRANT_LOST, "sign in again", NULL, 0);
	assert_int_equal(t.notices, 1);
}

static void a_secret_that_expires_is_told_every_day(void **state)
{
	time_t day = time(NULL) + 10 * 24 * 3600;
	char expires[16];

	(void)state;
	start("application", 1);
	(void)strftime(expires, sizeof expires, "%Y-%m-%d", gmtime(&day));
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.notices, 0);
	t.config->accounts[0].server.token.client_secret_expires = mem_strdup(expires);
	for (unsigned i = 1; i <= 3; i++) {
		t.now += 24 * HOUR;
		(void)keeper_turn(t.keeper);
		(void)keeper_turn(t.keeper);
		assert_int_equal(t.notices, i);
	}
	assert_int_equal(t.begun, 0);
}

static void a_sign_in_of_another_client_is_not_sent(void **state)
{
	(void)state;
	sign_in_stored("a", "r1", "i https://evil.example/token");
	start("user", 2);
	get(1, "a", 0);
	get(2, "b", 0);
	assert_int_equal(t.begun, 0);
	assert_non_null(strstr(t.answers[0].error, "another client_id or endpoint"));
	assert_non_null(strstr(t.answers[1].error, "nobody has signed in for account b yet"));
	assert_non_null(strstr(t.answers[1].error, "mailferry login b"));
}

static void an_unused_sign_in_is_kept_alive(void **state)
{
	struct stored_token s = { .refresh_token = mem_strdup("r1"),
				  .binding = mem_strdup(BINDING),
				  .refreshed = clock_wall_ms() - 8LL * 24 * HOUR };
	struct err e;

	(void)state;
	store_open();
	assert_int_equal(token_store_write(t.store, "a", &s, &e), 0);
	stored_token_free(&s);
	token_store_free(&t.store);
	start("user", 1);
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 1);
	assert_true(t.order.touch);
	finish(GRANT_OK, "t1", NULL, 0);
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 1);
}

static void a_refresh_token_that_is_not_safe_keeps_the_access_token_back(void **state)
{
	struct exchange_result r = {
		.answer.verdict = GRANT_OK, .answer.expires_in = HOUR, .fresh = true, .unwritten = true
	};
	struct stored_token s;
	struct err e;

	(void)state;
	sign_in_stored("a", "r1", BINDING);
	start("user", 1);
	get(1, "a", 0);
	r.answer.access_token = mem_strdup("t1");
	r.answer.refresh_token = mem_strdup("r2");
	(void)err_set(&r.err, ERR_SYSTEM, ENOSPC, "no room");
	keeper_finished(t.keeper, t.job, &r, NULL);
	exchange_result_free(&r);
	assert_int_equal(t.nanswers, 1);
	assert_non_null(strstr(t.answers[0].error, "no room"));
	/* There is room again: it is written first, then given out. */
	get(1, "a", 0);
	assert_string_equal(token(1), "t1");
	assert_int_equal(token_store_read(t.store, "a", &s, &e), 1);
	assert_string_equal(s.refresh_token, "r2");
	stored_token_free(&s);
	assert_int_equal(t.begun, 1);
}

static void state_of_url(const char *url, char out[64])
{
	const char *at = strstr(url, "&state=");

	assert_non_null(at);
	(void)snprintf(out, 64, "%.43s", at + 7);
}

static void a_person_signs_in_by_browser(void **state)
{
	char mark[64], back[200];

	(void)state;
	start("user", 1);
	keeper_code(t.keeper, 1, "a", "?code=c&state=x");
	assert_non_null(strstr(t.answers[0].error, "no sign-in for a is under way"));
	keeper_sign_in(t.keeper, 1, "a", "http://127.0.0.1:7/");
	assert_int_equal(t.begun, 0);
	state_of_url(t.answers[1].url, mark);
	keeper_code(t.keeper, 1, "a", "?code=c&state=guessed");
	assert_non_null(strstr(t.answers[2].error, "another sign-in"));
	(void)snprintf(back, sizeof back, "http://127.0.0.1:7/?state=%s&code=c", mark);
	keeper_code(t.keeper, 1, "a", back);
	get(2, "a", 0); /* no sign-in yet */
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.order.request.step, GRANT_CODE);
	assert_string_equal(t.value, "c");
	finish(GRANT_REFUSED, "consent is missing", NULL, 0);
	assert_string_equal(t.answers[t.nanswers - 1].error, "consent is missing");
	/* The browser is still there: once more, and well. */
	t.nanswers = 0;
	keeper_code(t.keeper, 1, "a", back);
	(void)keeper_turn(t.keeper);
	finish(GRANT_OK, "t1", "r1", 0);
	assert_int_equal(t.nanswers, 1);
	assert_string_equal(t.answers[0].error, "");
	assert_int_equal(t.signed_in, 1);
	get(2, "a", 0);
	assert_string_equal(token(1), "t1");
	/* A code counts for one sign-in only. */
	keeper_code(t.keeper, 1, "a", back);
	assert_non_null(strstr(t.answers[2].error, "no sign-in"));
}

static void a_person_signs_in_by_a_typed_code(void **state)
{
	struct exchange_result r = { .answer.verdict = GRANT_OK,
				     .answer.expires_in = 10 * MINUTE,
				     .answer.interval = 5000 };

	(void)state;
	start("device", 1);
	keeper_sign_in(t.keeper, 1, "a", NULL);
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.order.request.step, GRANT_DEVICE_START);
	r.answer.device_code = mem_strdup("dc");
	r.answer.user_code = mem_strdup("ABC");
	r.answer.verification_uri = mem_strdup("https://x.example/");
	keeper_finished(t.keeper, t.job, &r, NULL);
	exchange_result_free(&r);
	assert_string_equal(t.answers[0].url, "https://x.example/");
	keeper_wait(t.keeper, 1, "a");
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 1); /* not before the interval is over */
	t.now += 5000;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.order.request.step, GRANT_DEVICE_POLL);
	assert_string_equal(t.value, "dc");
	finish(GRANT_SLOW_DOWN, "slow down", NULL, 0);
	t.now += 9000;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 2);
	t.now += 1000;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 3);
	finish(GRANT_PENDING, "", NULL, 0);
	t.now += 10000;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 4);
	assert_int_equal(t.nanswers, 1);
	finish(GRANT_OK, "t1", "r1", 0);
	assert_int_equal(t.nanswers, 2);
	assert_string_equal(t.answers[1].error, "");
	assert_int_equal(t.signed_in, 1);
	/* One that nobody waits for is not asked for. */
	keeper_sign_in(t.keeper, 1, "a", NULL);
	keeper_forget(t.keeper, 1);
	t.begun = 0;
	(void)keeper_turn(t.keeper);
	assert_int_equal(t.begun, 0);
}

static void who_is_gone_is_not_answered(void **state)
{
	(void)state;
	start("application", 1);
	get(1, "a", 0);
	get(2, "a", 0);
	keeper_forget(t.keeper, 1);
	finish(GRANT_OK, "t1", NULL, 0);
	assert_int_equal(t.nanswers, 1);
	assert_int_equal(t.answers[0].asker, 2);
	get(3, "nobody", 0);
	assert_non_null(strstr(t.answers[1].error, "no account or source with oauth"));
}

/* ---- the directory ---- */

static char *path_of(const char *name)
{
	return mem_printf("%s/%s", t.dir, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	struct err e;

	assert_int_equal(file_write_all(fd, text, strlen(text), &e), 0);
	(void)fchmod(fd, mode);
	(void)close(fd);
	free(path);
}

#define FILE_TEXT(serial, token)                                                                                       \
	"{\"version\":1,\"serial\":" serial ",\"binding\":\"b\",\"refresh_token\":\"" token "\"}"

static void what_a_crash_left_is_settled(void **state)
{
	static const struct {
		const char *final, *fresh; /* NULL: not there */
		const char *token;	   /* that is good then; NULL: none, "": the file is damaged */
	} rows[] = {
		{ NULL, NULL, NULL },
		{ FILE_TEXT("1", "old"), NULL, "old" },
		{ FILE_TEXT("1", "old"), FILE_TEXT("2", "new"), "new" },
		{ NULL, FILE_TEXT("1", "new"), "new" },
		{ FILE_TEXT("3", "old"), FILE_TEXT("2", "stale"), "old" },
		{ FILE_TEXT("1", "old"), "", "old" },
		{ FILE_TEXT("1", "old"), "{\"version\":1,\"serial\":2,\"bind", "old" },
		{ NULL, "{\"version\":1", NULL },
		{ "garbage", FILE_TEXT("2", "new"), "new" },
		{ "garbage", NULL, "" },
		{ "", NULL, "" },
		{ FILE_TEXT("0", "old"), NULL, "" },
		{ FILE_TEXT("1", "o\\nld"), NULL, "" },
		{ "{\"version\":2,\"serial\":1,\"binding\":\"b\",\"refresh_token\":\"x\"}", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *final = path_of("a.token"), *fresh = path_of("a.token.new");
		struct stored_token s;
		struct err e;
		int ret;

		(void)unlink(final);
		if (rows[i].final != NULL)
			put("a.token", rows[i].final, 0600);
		if (rows[i].fresh != NULL)
			put("a.token.new", rows[i].fresh, 0600);
		store_open();
		ret = token_store_read(t.store, "a", &s, &e);
		if (ret != (rows[i].token == NULL ? 0 : rows[i].token[0] == '\0' ? -1 : 1))
			fail_msg("row %zu: %d", i, ret);
		if (ret == 1)
			assert_string_equal(s.refresh_token, rows[i].token);
		if (ret < 0)
			assert_true(e.class == ERR_CONFIG && strstr(e.text, "a.token") != NULL);
		assert_int_equal(access(fresh, F_OK), -1);
		stored_token_free(&s);
		token_store_free(&t.store);
		free(final);
		free(fresh);
	}
}

static void files_are_closed_to_others(void **state)
{
	struct stored_token s = { .refresh_token = mem_strdup("r1"), .binding = mem_strdup("b") }, back;
	char *path = path_of("a.token");
	struct stat st;
	struct err e;

	(void)state;
	store_open();
	assert_int_equal(token_store_write(t.store, "a", &s, &e), 0);
	assert_int_equal(s.serial, 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)chmod(path, 0640);
	assert_int_equal(token_store_read(t.store, "a", &back, &e), -1);
	assert_non_null(strstr(e.text, "open to others"));
	/* A name that would lead elsewhere is none. */
	assert_int_equal(token_store_write(t.store, "../a", &s, &e), -1);
	assert_int_equal(token_store_write(t.store, "", &s, &e), -1);
	assert_int_equal(token_store_read(t.store, "a/b", &back, &e), -1);
	(void)unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(token_store_read(t.store, "a", &back, &e), -1);
	assert_int_equal(token_store_remove(t.store, "a", &e), 0);
	assert_int_equal(token_store_read(t.store, "a", &back, &e), 0);
	stored_token_free(&s);
	free(path);
}

static void one_process_at_a_time_has_the_directory(void **state)
{
	struct token_store *second;
	struct err e;

	(void)state;
	store_open();
	second = token_store_new(directory(), 200, &e);
	assert_null(second);
	assert_non_null(strstr(e.text, "another mailferry uses the token directory"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ten_stores_of_one_client_cause_one_exchange),
		TEST(an_endpoint_that_hangs_leaves_room_for_others),
		TEST(a_token_in_use_is_renewed_before_it_ends),
		TEST(a_token_that_nobody_uses_is_not_renewed_for_ever),
		TEST(a_refused_token_is_replaced_once_not_in_a_frenzy),
		TEST(a_person_waits_for_no_back_off),
		TEST(failures_back_off_and_obey_the_provider),
		TEST(a_lost_sign_in_is_told_once_and_left_alone),
		TEST(a_secret_that_expires_is_told_every_day),
		TEST(a_sign_in_of_another_client_is_not_sent),
		TEST(an_unused_sign_in_is_kept_alive),
		TEST(a_refresh_token_that_is_not_safe_keeps_the_access_token_back),
		TEST(a_person_signs_in_by_browser),
		TEST(a_person_signs_in_by_a_typed_code),
		TEST(who_is_gone_is_not_answered),
		TEST(what_a_crash_left_is_settled),
		TEST(files_are_closed_to_others),
		TEST(one_process_at_a_time_has_the_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
