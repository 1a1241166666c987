/*
 * mailferry-relay: sends mail to others through the relay of the configuration.
 * The supervisor starts it when mail is due; it leaves when nothing has been for
 * a while.
 */
#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/crypto.h"
#include "net/sasl.h"
#include "net/tls.h"
#include "relay/worker.h"
#include "role/due.h"

enum {
	HURRY_MS = 20 * 1000, /* how long a stop waits for an answer that is under way: else a person must decide */
	CONNECT_MS = 60 * 1000
};

static int turn(void *worker, int64_t *next_ms)
{
	const enum relay_turn t = relay_worker_turn(worker, next_ms);

	return t == RELAY_LOST ? -1 : t == RELAY_BUSY;
}

static void hurry(void *worker, int64_t ms)
{
	relay_worker_hurry(worker, ms);
}

static void rest(void *worker)
{
	relay_worker_rest(worker);
}

static void held(void *arg, const char *reason)
{
	due_notice(arg, NOTICE_RELAY_HELD, reason);
}

static void waits(void *arg, const char *reason)
{
	due_notice(arg, NOTICE_RELAY_WAITS, reason);
}

int main(void)
{
	static const struct due_worker functions = { turn, hurry, rest, .hurry_ms = HURRY_MS };
	struct due d;
	struct relay_worker_setup setup = {
		.wake = due_wake, .arg = &d, .connect = due_connect, .held = held, .waits = waits
	};
	const struct config_server *server;
	struct tls_client *tls = NULL;
	struct relay_worker *worker;
	struct spool_store *spool;
	struct err e;
	int ret;

	due_begin(&d, "relay", &functions);
	if (d.role.config->relay == NULL || d.role.spool < 0 || d.role.connect < 0) {
		log_error("role-start-failed",
			  LOG_STR("what", "a relay needs its server, the spool and the connector"));
		return EX_SOFTWARE;
	}
	server = &d.role.config->relay->server;
	d.account = CONFIG_RELAY;
	d.connect_ms = server->timeout > 0 ? server->timeout : CONNECT_MS;
	spool = spool_store_new(d.role.spool);
	d.role.spool = -1;
	if (server->tls != CONFIG_TLS_NONE && (tls = tls_client_of(server, &e)) == NULL) {
		log_error("role-start-failed", LOG_STR("relay", server->host), LOG_STR("why", e.text));
		return due_refuse(&d, spool, NOTICE_RELAY_HELD, clock_wall_ms() + d.role.config->relay->retry_max,
				  e.text);
	}
	setup.config = d.role.config;
	setup.spool = spool;
	setup.tls = tls;
	setup.token = server->oauth ? due_token : NULL;
	setup.wake_fd = d.role.socket;
	d.worker = worker = relay_worker_new(&setup);
	crypto_start();
	sasl_start();
	role_ready(&d.role);
	ret = due_run(&d);
	relay_worker_free(&worker);
	spool_store_free(&spool);
	tls_client_free(&tls);
	due_free(&d);
	return ret;
}
