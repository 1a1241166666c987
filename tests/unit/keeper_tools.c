#include "keeper_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"

#define OAUTH                                                                                                          \
	" addresses = [ \"%c@office.example\" ]; oauth = { tenant = \"t\"; client_id = \"i\"; client_secret = \"s\"; " \
	"grant = \"%s\"; }; };\n"

struct tested tested;

static int64_t clock_fake(void *arg)
{
	(void)arg;
	return tested.now;
}

static void tested_begin(void *arg, unsigned job, const struct exchange_order *order)
{
	(void)arg;
	tested.begun++;
	tested.job = job;
	tested.order = *order;
	(void)snprintf(tested.value, sizeof tested.value, "%s",
		       order->request.value == NULL ? "" : order->request.value);
	(void)snprintf(tested.binding, sizeof tested.binding, "%s", order->stored.binding);
}

static void tested_answer(void *arg, uint64_t asker, const struct keeper_answer *a)
{
	size_t n = tested.nanswers++;

	(void)arg;
	assert_true(n < ANSWERS_MAX);
	tested.answers[n].asker = asker;
	tested.answers[n].serial = a->serial;
	(void)snprintf(tested.answers[n].token, sizeof tested.answers[n].token, "%s", a->token == NULL ? "" : a->token);
	(void)snprintf(tested.answers[n].error, sizeof tested.answers[n].error, "%s",
		       a->err == NULL ? "" : a->err->text);
	(void)snprintf(tested.answers[n].url, sizeof tested.answers[n].url, "%s", a->url == NULL ? "" : a->url);
}

static void tested_on_signed_in(void *arg, const char *account)
{
	(void)arg;
	(void)account;
	tested.signed_in++;
}

static void tested_notice(void *arg, const char *account, bool expires, const char *text)
{
	(void)arg;
	(void)account;
	(void)expires;
	(void)text;
	tested.notices++;
}

int tested_directory(void)
{
	int fd = open(tested.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void tested_store_open(void)
{
	struct err e;

	tested.store = token_store_new(tested_directory(), 0, &e);
	if (tested.store == NULL)
		fail_msg("%s", e.text);
}

static void tested_keeper_open(void)
{
	struct keeper_hooks hooks = {
		clock_fake, tested_begin, tested_answer, tested_on_signed_in, tested_notice, NULL
	};

	tested.keeper = keeper_new(tested.config, tested.store, &hooks);
}

/* As a role that ended does. */
static void tested_all_close(void)
{
	keeper_free(&tested.keeper);
	token_store_free(&tested.store);
}

void tested_start(const char *grant, unsigned accounts)
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
	tested.config = config_check("t", buf_slice(&text), &errors);
	if (tested.config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&text);
	buf_free(&errors);
	tested_store_open();
	tested_keeper_open();
}

int tested_set_up(void **state)
{
	(void)state;
	memset(&tested, 0, sizeof tested);
	(void)snprintf(tested.dir, sizeof tested.dir, "/tmp/mailferry-unit-XXXXXX");
	tested.now = 1000000;
	log_set_level(LOG_ERROR);
	return mkdtemp(tested.dir) == NULL ? -1 : 0;
}

int tested_tear_down(void **state)
{
	char *command = mem_printf("rm -rf %s", tested.dir);
	int r;

	(void)state;
	tested_all_close();
	config_free(&tested.config);
	r = system(command);
	free(command);
	return r;
}

void tested_get(uint64_t asker, const char *account, int64_t refused)
{
	keeper_get(tested.keeper, asker, account, refused);
	(void)keeper_turn(tested.keeper);
}

void tested_finish(enum grant_verdict verdict, const char *text, const char *refresh, int64_t retry)
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
	keeper_finished(tested.keeper, tested.job, &r, NULL);
	exchange_result_free(&r);
	(void)keeper_turn(tested.keeper);
}

const char *tested_token(size_t i)
{
	assert_true(i < tested.nanswers);
	return tested.answers[i].token;
}
