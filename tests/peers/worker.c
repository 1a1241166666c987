/*
 * A store's worker over a spool that lives in this process: the end-to-end
 * tests give it a store that fails in one exact way, and read what became of
 * each delivery.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/step.h"
#include "fake_spool.h"
#include "store/worker.h"

/* libetpan loses memory on responses that it rejects; the connection ends then. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libetpan.so\n";
}

static struct config_account account;
static int port;

/* The doors of fake_spool.c need no handle. */
struct spool_store {
	int unused;
};

static int dial(void *arg, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)err_set(e, ERR_TEMP, errno, "cannot connect to %s port %d: %s", account.server.host, port,
		      strerror(errno));
	(void)close(fd);
	return -1;
}

static struct worker *worker;
static bool leaving;

/* It is to end what is under way, and leave. */
static void wake(void *arg)
{
	(void)arg;
	leaving = true;
	worker_hurry(worker, 60 * 1000);
}

/* Lets the worker hear in the middle of a turn that it is to leave. Returns what it listens to. */
static int leave_at(int number)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		exit(71);
	fake_pace.bell_at = number;
	fake_pace.bell = ends[1];
	return ends[0];
}

static int64_t number_of(const char *text)
{
	uint64_t n = 0;

	if (slice_number(slice_str(text), INT32_MAX, &n) != 0)
		exit(64);
	return (int64_t)n;
}

static void give(char **field, const char *value)
{
	free(*field);
	*field = mem_strdup(value);
}

static char *text_of(const char *path)
{
	struct buf text;
	struct err e;

	buf_init(&text, 64 * 1024);
	if (file_read(path, &text, &e) != 0)
		exit(66);
	return buf_take(&text, NULL);
}

/* "old,new": the first is given until a fresh one is asked for. A token "-" can't be had. */
static const char *tokens;

static char *token(void *arg, bool fresh, struct err *e)
{
	const char *comma = strchr(tokens, ',');

	(void)arg;
	if (fresh && comma != NULL) {
		tokens = comma + 1;
		comma = NULL;
	}
	(void)fprintf(stderr, "token asked for%s\n", fresh ? " afresh" : "");
	if (tokens[0] != '-')
		return comma == NULL ? mem_strdup(tokens) : slice_dup(slice_of(tokens, (size_t)(comma - tokens)));
	(void)err_set(e, ERR_CONFIG, 0, "there is no token for this account");
	return NULL;
}

/* See base/step.h. */
static void open_steps(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		exit(66);
	step_open(fd, step_killer());
	(void)close(fd);
}

int main(int argc, char **argv)
{
	struct worker_setup setup = { .wake_fd = -1, .wake = wake, .connect = dial, .account = &account };
	struct spool_store spool = { 0 };
	const char *folder = "INBOX", *flags = "", *ca = NULL, *deliveries = NULL, *state = NULL;
	int64_t messages = 1, seconds = 240, holds = INT32_MAX, size = 500, end, due;
	bool create = false;
	struct err e;

	account = (struct config_account){ .name = mem_strdup("office"),
					   .server = { .name = "office",
						       .host = mem_strdup("localhost"),
						       .user = mem_strdup("user"),
						       .password = mem_strdup("secret"),
						       .timeout = 20000,
						       .tls = CONFIG_TLS_NONE },
					   .window = 32,
					   .batch = 10,
					   .connections = 1,
					   .settle = 300,
					   .retry_min = 100,
					   .retry_max = 1000,
					   .subscribe = true };
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *key = argv[i], *value = argv[i + 1];

		if (strcmp(key, "port") == 0)
			port = (int)number_of(value);
		else if (strcmp(key, "host") == 0)
			give(&account.server.host, value);
		else if (strcmp(key, "password") == 0)
			give(&account.server.password, value);
		else if (strcmp(key, "user") == 0)
			give(&account.server.user, value);
		else if (strcmp(key, "login_as") == 0)
			give(&account.server.login_as, value);
		else if (strcmp(key, "auth") == 0)
			give(&account.server.auth, value);
		else if (strcmp(key, "client_certificate") == 0)
			account.server.client_certificate_pem = text_of(value);
		else if (strcmp(key, "client_key") == 0)
			account.server.client_key_pem = text_of(value);
		else if (strcmp(key, "tokens") == 0)
			tokens = value;
		else if (strcmp(key, "tls") == 0)
			account.server.tls = strcmp(value, "implicit") == 0   ? CONFIG_TLS_IMPLICIT
					     : strcmp(value, "starttls") == 0 ? CONFIG_TLS_STARTTLS
									      : CONFIG_TLS_NONE;
		else if (strcmp(key, "ca") == 0)
			ca = value;
		else if (strcmp(key, "compress") == 0)
			account.server.compress = strcmp(value, "yes") == 0 ? CONFIG_COMPRESS_ON : CONFIG_COMPRESS_OFF;
		else if (strcmp(key, "window") == 0)
			account.window = (unsigned)number_of(value);
		else if (strcmp(key, "batch") == 0)
			account.batch = (unsigned)number_of(value);
		else if (strcmp(key, "connections") == 0)
			account.connections = (unsigned)number_of(value);
		else if (strcmp(key, "settle") == 0)
			account.settle = number_of(value);
		else if (strcmp(key, "timeout") == 0)
			account.server.timeout = number_of(value);
		else if (strcmp(key, "retry") == 0)
			account.retry_min = number_of(value);
		else if (strcmp(key, "messages") == 0)
			messages = number_of(value);
		else if (strcmp(key, "size") == 0)
			size = number_of(value);
		else if (strcmp(key, "seconds") == 0)
			seconds = number_of(value);
		else if (strcmp(key, "holds") == 0) /* it ends when the account has been held so often */
			holds = number_of(value);
		else if (strcmp(key, "folder") == 0)
			folder = value;
		else if (strcmp(key, "flags") == 0)
			flags = value;
		else if (strcmp(key, "create") == 0)
			create = true;
		else if (strcmp(key, "create_folders") == 0)
			account.create_folders = true;
		else if (strcmp(key, "in_flight_failures") == 0)
			fake_faults.in_flight = (int)number_of(value);
		else if (strcmp(key, "body_failures") == 0)
			fake_faults.body = (int)number_of(value);
		else if (strcmp(key, "hold_failures") == 0)
			fake_faults.hold = (int)number_of(value);
		else if (strcmp(key, "body_ms") == 0) /* each takes so long: a store may be as fast as the worker */
			fake_pace.ms = (int)number_of(value);
		else if (strcmp(key, "leave_at") == 0)
			setup.wake_fd = leave_at((int)number_of(value));
		else if (strcmp(key, "deliveries") == 0)
			deliveries = value;
		else if (strcmp(key, "state") == 0)
			state = value;
		else if (strcmp(key, "steps") == 0)
			open_steps(value);
		else if (strcmp(key, "forged") == 0)
			fake_forged = true;
		else if (strcmp(key, "one_id") == 0)
			fake_one_id = true;
		else if (strcmp(key, "retry_max") == 0)
			account.retry_max = number_of(value);
		else
			return 64;
	}
	for (int64_t i = 1; deliveries == NULL && i <= messages; i++)
		fake_spool_add(folder, flags, (uint64_t)size, create);
	if (deliveries != NULL)
		fake_spool_add_file(deliveries);
	if (state != NULL)
		fake_spool_keep(state);
	give(&account.server.ca_file, ca);
	account.server.port = (uint16_t)port;
	if (tokens != NULL) {
		account.server.oauth = true;
		give(&account.server.password, NULL);
		setup.token = token;
	}
	if (account.server.tls != CONFIG_TLS_NONE && (setup.tls = tls_client_of(&account.server, &e)) == NULL) {
		(void)fprintf(stderr, "%s\n", e.text);
		return 78;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* as every role has it */
	setup.spool = &spool;
	worker = worker_new(&setup);
	end = clock_mono_ms() + seconds * 1000;
	while (clock_mono_ms() < end && fake_spool_holds() < holds && !leaving) {
		enum worker_turn turn = worker_turn(worker, &due);

		if (turn == WORKER_LOST)
			break;
		if (turn == WORKER_IDLE) {
			if (due == INT64_MAX)
				break;
			(void)poll(NULL, 0, 20);
		}
	}
	worker_free(&worker);
	tls_client_free(&setup.tls);
	fake_spool_report();
	return 0;
}
