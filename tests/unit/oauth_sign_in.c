/* A person signs in, by browser or by a typed code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper_tools.h"
#include "oauth/keeper.h"

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
	tested_start("user", 1);
	keeper_code(tested.keeper, 1, "a", "?code=c&state=x");
	assert_non_null(strstr(tested.answers[0].error, "no sign-in for a is under way"));
	keeper_sign_in(tested.keeper, 1, "a", "http://127.0.0.1:7/");
	assert_int_equal(tested.begun, 0);
	state_of_url(tested.answers[1].url, mark);
	keeper_code(tested.keeper, 1, "a", "?code=c&state=guessed");
	assert_non_null(strstr(tested.answers[2].error, "another sign-in"));
	(void)snprintf(back, sizeof back, "http://127.0.0.1:7/?state=%s&code=c", mark);
	keeper_code(tested.keeper, 1, "a", back);
	tested_get(2, "a", 0); /* no sign-in yet */
	assert_int_equal(tested.begun, 1);
	assert_int_equal(tested.order.request.step, GRANT_CODE);
	assert_string_equal(tested.value, "c");
	tested_finish(GRANT_REFUSED, "consent is missing", NULL, 0);
	assert_string_equal(tested.answers[tested.nanswers - 1].error, "consent is missing");
	/* The browser is still there: once more, and well. */
	tested.nanswers = 0;
	keeper_code(tested.keeper, 1, "a", back);
	(void)keeper_turn(tested.keeper);
	tested_finish(GRANT_OK, "t1", "r1", 0);
	assert_int_equal(tested.nanswers, 1);
	assert_string_equal(tested.answers[0].error, "");
	assert_int_equal(tested.signed_in, 1);
	tested_get(2, "a", 0);
	assert_string_equal(tested_token(1), "t1");
	/* A code counts for one sign-in only. */
	keeper_code(tested.keeper, 1, "a", back);
	assert_non_null(strstr(tested.answers[2].error, "no sign-in"));
}

static void a_person_signs_in_by_a_typed_code(void **state)
{
	struct exchange_result r = { .answer.verdict = GRANT_OK,
				     .answer.expires_in = 10 * MINUTE,
				     .answer.interval = 5000 };

	(void)state;
	tested_start("device", 1);
	keeper_sign_in(tested.keeper, 1, "a", NULL);
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.order.request.step, GRANT_DEVICE_START);
	r.answer.device_code = mem_strdup("dc");
	r.answer.user_code = mem_strdup("ABC");
	r.answer.verification_uri = mem_strdup("https://x.example/");
	keeper_finished(tested.keeper, tested.job, &r, NULL);
	exchange_result_free(&r);
	assert_string_equal(tested.answers[0].url, "https://x.example/");
	keeper_wait(tested.keeper, 1, "a");
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 1); /* not before the interval is over */
	tested.now += 5000;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.order.request.step, GRANT_DEVICE_POLL);
	assert_string_equal(tested.value, "dc");
	tested_finish(GRANT_SLOW_DOWN, "slow down", NULL, 0);
	tested.now += 9000;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 2);
	tested.now += 1000;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 3);
	tested_finish(GRANT_PENDING, "", NULL, 0);
	tested.now += 10000;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 4);
	assert_int_equal(tested.nanswers, 1);
	tested_finish(GRANT_OK, "t1", "r1", 0);
	assert_int_equal(tested.nanswers, 2);
	assert_string_equal(tested.answers[1].error, "");
	assert_int_equal(tested.signed_in, 1);
	/* One that nobody waits for is not asked for. */
	keeper_sign_in(tested.keeper, 1, "a", NULL);
	keeper_forget(tested.keeper, 1);
	tested.begun = 0;
	(void)keeper_turn(tested.keeper);
	assert_int_equal(tested.begun, 0);
}

static void who_is_gone_is_not_answered(void **state)
{
	(void)state;
	tested_start("application", 1);
	tested_get(1, "a", 0);
	tested_get(2, "a", 0);
	keeper_forget(tested.keeper, 1);
	tested_finish(GRANT_OK, "t1", NULL, 0);
	assert_int_equal(tested.nanswers, 1);
	assert_int_equal(tested.answers[0].asker, 2);
	tested_get(3, "nobody", 0);
	assert_non_null(strstr(tested.answers[1].error, "no account or source with oauth"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_person_signs_in_by_browser),
		TEST(a_person_signs_in_by_a_typed_code),
		TEST(who_is_gone_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
