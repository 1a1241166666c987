/*
 * mailferry-store: files the mail of one account. The supervisor starts it when
 * mail is due; it leaves when nothing has been for a while.
 */
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/crypto.h"
#include "net/sasl.h"
#include "net/tls.h"
#include "role/due.h"
#include "store/worker.h"

static int turn(void *worker, int64_t *next_ms)
{
	const enum worker_turn t = worker_turn(worker, next_ms);

	return t == WORKER_LOST ? -1 : t == WORKER_BUSY;
}

static void hurry(void *worker, int64_t ms)
{
	worker_hurry(worker, ms);
}

static void rest(void *worker)
{
	worker_rest(worker);
}

static void notice(void *arg, const char *reason)
{
	due_notice(arg, NOTICE_HELD, reason);
}

int main(void)
{
	static const struct due_worker functions = { turn, hurry, rest, .hurry_ms = 3 * 1000 };
	struct due d;
	struct worker_setup setup = { .wake = due_wake, .arg = &d, .connect = due_connect, .notice = notice };
	const struct config_account *account;
	struct tls_client *tls = NULL;
	struct spool_store *spool;
	struct worker *worker;
	struct err e;
	int ret;

	due_begin(&d, "store", &functions);
	if (d.role.config->naccounts != 1 || d.role.spool < 0 || d.role.connect < 0) {
		log_error("role-start-failed",
			  LOG_STR("what", "a store needs its account, the spool and the connector"));
		return EX_SOFTWARE;
	}
	account = &d.role.config->accounts[0];
	d.account = d.role.account;
	d.connect_ms = account->server.timeout;
	spool = spool_store_new(d.role.spool);
	d.role.spool = -1;
	if (account->server.tls != CONFIG_TLS_NONE && (tls = tls_client_of(&account->server, &e)) == NULL) {
		log_error("role-start-failed", LOG_STR("account", account->name), LOG_STR("why", e.text));
		return due_refuse(&d, spool, NOTICE_HELD, clock_wall_ms() + account->retry_max, e.text);
	}
	setup.account = account;
	setup.spool = spool;
	setup.tls = tls;
	setup.token = account->server.oauth ? due_token : NULL;
	setup.wake_fd = d.role.socket;
	d.worker = worker = worker_new(&setup);
	crypto_start();
	sasl_start();
	role_ready(&d.role);
	ret = due_run(&d);
	worker_free(&worker);
	spool_store_free(&spool);
	tls_client_free(&tls);
	due_free(&d);
	return ret;
}
