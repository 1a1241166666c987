/* When tokens are asked for, and who gets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper_tools.h"
#include "oauth/keeper.h"

static void sign_in_stored(const char *account, const char *refresh, const char *binding)
{
	struct stored_token s = { .refresh_token = mem_strdup(refresh),
				  .binding = mem_strdup(binding),
				  .signed_in = clock_wall_ms(),
				  .refreshed = clock_wall_ms() };
	struct err e;

	tested_store_open();
	if (token_store_write(tested.store, account, &s, &e) != 0)
		fail_msg("%s", e.text);
	stored_token_free(&s);
	token_store_free(&tested.store);
}

#define BINDING "i https://login.microsoftonline.com/t/oauth2/v2.0/token"

/* ---- the keeper ---- */

static void ten_stores_of_one_client_cause_one_exchange(void **state)
{
	(void)state;
	tested_start("application", 10);
	for (unsigned i = 0; i < 10; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		tested_get(i, name, 0);
	}
	assert_int_equal(tested.begun, 1);
	assert_int_equal(tested.nanswers, 0);
	assert_int_equal(tested.order.request.step, GRANT_APPLICATION);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	assert_int_equal(tested.nanswers, 10);
	for (size_t i = 0; i < 10; i++)
		assert_string_equal(tested_token(i), "t1");
	/* From then on it is at hand. */
	tested_get(20, "c", 0);
	assert_string_equal(tested_token(10), "t1");
	assert_int_equal(tested.begun, 1);
}

static void an_endpoint_that_hangs_leaves_room_for_others(void **state)
{
	(void)state;
	for (char c = 'a'; c < 'a' + 20; c++) {
		char name[2] = { c, '\0' };

		sign_in_stored(name, "r", BINDING);
	}
	tested_start("user", 20);
	for (unsigned i = 0; i < 20; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		tested_get(i, name, 0);
	}
	assert_int_equal(tested.begun, 8);
	/* One that ends makes room for the next. */
	tested_finish(GRANT_LATER, "late", NULL, 0);
	assert_int_equal(tested.begun, 9);
	assert_int_equal(tested.nanswers, 1);
}

static void a_token_in_use_is_renewed_before_it_ends(void **state)
{
	int64_t next;

	(void)state;
	tested_start("application", 1);
	tested_get(1, "a", 0);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	next = keeper_turn(tested.keeper);
	assert_int_equal(next, tested.now + HOUR - 5 * MINUTE);
	tested.now = next;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 2);
	/* Meanwhile, and should that fail, the old one is good. */
	tested_get(2, "a", 0);
	assert_string_equal(tested_token(1), "t1");
	tested_finish(GRANT_LATER, "busy", NULL, 0);
	tested_get(3, "a", 0);
	assert_string_equal(tested_token(2), "t1");
	tested.now += 5 * MINUTE;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 3);
	tested_finish(GRANT_OK, "t2", NULL, 0);
	tested_get(4, "a", 0);
	assert_string_equal(tested_token(3), "t2");
}

static void a_token_that_nobody_uses_is_not_renewed_for_ever(void **state)
{
	(void)state;
	tested_start("application", 1);
	tested_get(1, "a", 0);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	for (int i = 0; i < 200; i++) {
		unsigned before = tested.begun;

		tested.now += 5 * MINUTE;
		(void)keeper_turn(tested.keeper);
		if (tested.begun > before)
			tested_finish(GRANT_OK, "tn", NULL, 0);
	}
	assert_true(tested.begun <= 2);
}

static void a_refused_token_is_replaced_once_not_in_a_frenzy(void **state)
{
	int64_t serial;

	(void)state;
	tested_start("application", 2);
	tested_get(1, "a", 0);
	tested_get(2, "b", 0);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	serial = tested.answers[0].serial;
	tested_get(1, "a", serial);
	tested_get(2, "b", serial);
	assert_int_equal(tested.begun, 2);
	tested_finish(GRANT_OK, "t2", NULL, 0);
	assert_string_equal(tested_token(2), "t2");
	assert_string_equal(tested_token(3), "t2");
	/* b was slower: the one that it complains of is gone already. */
	tested_get(2, "b", serial);
	assert_string_equal(tested_token(4), "t2");
	assert_int_equal(tested.begun, 2);
	/* A token that is seconds old is not refused for its age. */
	tested_get(1, "a", tested.answers[2].serial);
	assert_string_equal(tested_token(5), "t2");
	assert_int_equal(tested.begun, 2);
	tested.now += MINUTE;
	tested_get(1, "a", tested.answers[2].serial);
	assert_int_equal(tested.begun, 3);
}

static void a_person_waits_for_no_back_off(void **state)
{
	(void)state;
	tested_start("application", 1);
	tested_get(1, "a", 0);
	tested_finish(GRANT_REFUSED, "consent is missing", NULL, 0);
	tested.now += SECOND;
	tested_get(1, "a", 0);
	assert_int_equal(tested.begun, 1);
	keeper_urge(tested.keeper, "a");
	tested_get(2, "a", 0);
	assert_int_equal(tested.begun, 2);
	tested_finish(GRANT_REFUSED, "still missing", NULL, 0);
	assert_string_equal(tested.answers[tested.nanswers - 1].error, "still missing");
	/* Nor is the provider asked as often as somebody presses a key. */
	keeper_urge(tested.keeper, "a");
	tested_get(2, "a", 0);
	assert_int_equal(tested.begun, 2);
	tested.now += 10 * SECOND;
	keeper_urge(tested.keeper, "a");
	keeper_urge(tested.keeper, "nobody");
	tested_get(2, "a", 0);
	assert_int_equal(tested.begun, 3);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	assert_string_equal(tested.answers[tested.nanswers - 1].token, "t1");
}

static void failures_back_off_and_obey_the_provider(void **state)
{
	int64_t next;

	(void)state;
	tested_start("application", 1);
	tested_get(1, "a", 0);
	tested_finish(GRANT_LATER, "busy", NULL, 90 * SECOND);
	assert_string_equal(tested.answers[0].error, "busy");
	next = keeper_turn(tested.keeper);
	/* Whoever asks meanwhile hears why, and nobody asks the provider. */
	tested_get(1, "a", 0);
	assert_string_equal(tested.answers[1].error, "busy");
	assert_int_equal(tested.begun, 1);
	tested.now += 89 * SECOND;
	tested_get(1, "a", 0);
	assert_int_equal(tested.begun, 1);
	tested.now += 2 * SECOND;
	tested_get(1, "a", 0);
	assert_int_equal(tested.begun, 2);
	(void)next;
	for (int i = 0; i < 20; i++) {
		int64_t before = tested.now;
		unsigned begun = tested.begun;

		tested_finish(GRANT_LATER, "busy", NULL, 0);
		while (tested.begun == begun) {
			tested.now += SECOND / 2;
			tested_get(1, "a", 0);
			keeper_forget(tested.keeper, 1);
			tested.nanswers = 0;
			assert_true(tested.now - before < 10 * MINUTE);
		}
		assert_true(i < 8 || tested.now - before > 3 * MINUTE);
	}
	tested_finish(GRANT_OK, "t1", NULL, 0);
	tested_get(2, "a", 0);
	assert_string_equal(tested_token(tested.nanswers - 1), "t1");
}

static void a_lost_sign_in_is_told_once_and_left_alone(void **state)
{
	(void)state;
	sign_in_stored("a", "r1", BINDING);
	tested_start("user", 1);
	tested_get(1, "a", 0);
	assert_int_equal(tested.order.request.step, GRANT_REFRESH);
	assert_string_equal(tested.value, "r1");
	assert_string_equal(tested.binding, BINDING);
	tested_finish(GRANT_LOST, "sign in again", NULL, 0);
	assert_string_equal(tested.answers[0].error, "sign in again");
	assert_int_equal(tested.notices, 1);
	for (int i = 0; i < 5; i++) {
		tested.now += MINUTE;
		tested_get(1, "a", 0);
	}
	assert_int_equal(tested.begun, 1);
	assert_int_equal(tested.nanswers, 6);
	tested.now += 2 * HOUR;
	tested_get(1, "a", 0);
	assert_int_equal(tested.begun, 2);
	tested_finish(GRANT_LOST, "sign in again", NULL, 0);
	assert_int_equal(tested.notices, 1);
}

static void a_secret_that_expires_is_told_every_day(void **state)
{
	time_t day = time(NULL) + 10 * 24 * 3600;
	char expires[16];

	(void)state;
	tested_start("application", 1);
	(void)strftime(expires, sizeof expires, "%Y-%m-%d", gmtime(&day));
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.notices, 0);
	tested.config->accounts[0].server.token.client_secret_expires = mem_strdup(expires);
	for (unsigned i = 1; i <= 3; i++) {
		tested.now += 24 * HOUR;
		(void)keeper_turn(tested.keeper);
		(void)keeper_turn(tested.keeper);
		assert_int_equal(tested.notices, i);
	}
	assert_int_equal(tested.begun, 0);
}

static void a_sign_in_of_another_client_is_not_sent(void **state)
{
	(void)state;
	sign_in_stored("a", "r1", "i https://evil.example/token");
	tested_start("user", 2);
	tested_get(1, "a", 0);
	tested_get(2, "b", 0);
	assert_int_equal(tested.begun, 0);
	assert_non_null(strstr(tested.answers[0].error, "another client_id or endpoint"));
	assert_non_null(strstr(tested.answers[1].error, "nobody has signed in for account b yet"));
	assert_non_null(strstr(tested.answers[1].error, "mailferry login b"));
}

static void an_unused_sign_in_is_kept_alive(void **state)
{
	struct stored_token s = { .refresh_token = mem_strdup("r1"),
				  .binding = mem_strdup(BINDING),
				  .refreshed = clock_wall_ms() - 8LL * 24 * HOUR };
	struct err e;

	(void)state;
	tested_store_open();
	assert_int_equal(token_store_write(tested.store, "a", &s, &e), 0);
	stored_token_free(&s);
	token_store_free(&tested.store);
	tested_start("user", 1);
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 1);
	assert_true(tested.order.touch);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 1);
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
	tested_start("user", 1);
	tested_get(1, "a", 0);
	r.answer.access_token = mem_strdup("t1");
	r.answer.refresh_token = mem_strdup("r2");
	(void)err_set(&r.err, ERR_SYSTEM, ENOSPC, "no room");
	keeper_finished(tested.keeper, tested.job, &r, NULL);
	exchange_result_free(&r);
	assert_int_equal(tested.nanswers, 1);
	assert_non_null(strstr(tested.answers[0].error, "no room"));
	/* There is room again: it is written first, then given out. */
	tested_get(1, "a", 0);
	assert_string_equal(tested_token(1), "t1");
	assert_int_equal(token_store_read(tested.store, "a", &s, &e), 1);
	assert_string_equal(s.refresh_token, "r2");
	stored_token_free(&s);
	assert_int_equal(tested.begun, 1);
}

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
