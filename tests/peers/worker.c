/*
 * A store's worker over a spool that lives in this process: the end-to-end
 * tests give it a store that fails in one exact way, and read what became of
 * each delivery. Deliveries are numbered from 1; each has an id of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "spool/client.h"
#include "spool/state.h"
#include "store/worker.h"

/* libetpan loses memory on responses that it rejects; the connection ends then. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libetpan.so\n";
}

struct delivery {
	struct spool_work work;
	int64_t due;
	enum delivery_state state;
	char *folder, *reason;
	uint32_t uidvalidity, uid;
	int outcomes;
	bool taken; /* handed out, and not settled since */
};

static struct delivery *all;
static size_t count;
static int64_t hold_until;
static int hold_attempts, holds;
static char hold_reason[2000];
static struct config_account account;
static int port, in_flight_failures, body_failures, hold_failures, body_size = 500;

/* ---- the spool's door, as its header promises ---- */

struct spool_store {
	int unused;
};

int spool_more(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	int64_t now = clock_wall_ms();

	(void)s;
	(void)max_bytes;
	(void)e;
	*work = mem_array(count + 1, sizeof **work);
	*n = 0;
	*next_due_ms = INT64_MAX;
	if (hold_until > now) {
		*next_due_ms = hold_until;
		return 0;
	}
	for (int doubts = 1; doubts >= 0; doubts--) {
		for (size_t i = 0; i < count && *n < max; i++) {
			struct delivery *d = &all[i];
			struct spool_work *w;

			if ((d->state != DELIVERY_DOUBT && d->state != DELIVERY_QUEUED) ||
			    (d->state == DELIVERY_DOUBT) != doubts || d->taken)
				continue;
			if (d->due > now) {
				*next_due_ms = d->due < *next_due_ms ? d->due : *next_due_ms;
				continue;
			}
			d->taken = true;
			w = &(*work)[(*n)++];
			*w = d->work;
			w->state = d->state;
			w->id = mem_strdup(d->work.id);
			w->folder = mem_strdup(d->folder);
			w->flags = mem_strdup(d->work.flags);
			w->prefix = mem_strdup(d->work.prefix);
			w->floor_folder = mem_strdup(d->work.floor_folder);
		}
	}
	return 0;
}

int spool_next(struct spool_store *s, size_t max, uint64_t max_bytes, struct spool_work **work, size_t *n,
	       int64_t *next_due_ms, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		all[i].taken = false;
	return spool_more(s, max, max_bytes, work, n, next_due_ms, e);
}

void spool_work_free(struct spool_work *work, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(work[i].id);
		free(work[i].folder);
		free(work[i].flags);
		free(work[i].prefix);
		free(work[i].floor_folder);
	}
	free(work);
}

int spool_body(struct spool_store *s, int64_t message, char **bytes, size_t *len, int *fd, struct err *e)
{
	size_t n = (size_t)body_size;
	char *p = mem_alloc(n + 200);
	int head = snprintf(p, 200, "Message-ID: <%lld@test.example>\r\nSubject: number %lld.\r\n\r\n",
			    (long long)message, (long long)message);

	(void)s;
	if (body_failures > 0) {
		body_failures--;
		free(p);
		return err_set(e, ERR_TEMP, 0, "spool: the spool could not record it");
	}
	for (size_t i = (size_t)head; i < n; i++)
		p[i] = (i - (size_t)head) % 72 == 70 ? '\r' : (i - (size_t)head) % 72 == 71 ? '\n' : 'x';
	*bytes = p;
	*len = n;
	*fd = -1;
	return 0;
}

static struct delivery *find(int64_t number)
{
	if (number < 1 || number > (int64_t)count)
		abort();
	return &all[number - 1];
}

/* The real spool refuses any other change, and the worker then gives up. */
static void enter(struct delivery *d, enum delivery_state to)
{
	if (!state_legal((int)d->state, (int)to, ACTOR_STORE)) {
		(void)fprintf(stderr, "a store can't make %s of %s\n", delivery_state_name(to),
			      delivery_state_name(d->state));
		abort();
	}
	d->state = to;
}

int spool_in_flight(struct spool_store *s, const struct spool_flight *f, size_t n, struct err *e)
{
	(void)s;
	if (in_flight_failures > 0) {
		in_flight_failures--;
		return err_set(e, ERR_LIMIT, 0, "spool: no room");
	}
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = find(f[i].number);

		enter(d, DELIVERY_FLIGHT);
		if (d->work.floor_uidvalidity != f[i].uidvalidity || d->work.floor_folder == NULL ||
		    strcmp(d->work.floor_folder, f[i].mailbox) != 0) {
			d->work.floor_uidvalidity = f[i].uidvalidity;
			d->work.floor_uidnext = f[i].uidnext;
			free(d->work.floor_folder);
			d->work.floor_folder = mem_strdup(f[i].mailbox);
		}
	}
	return 0;
}

int spool_settle(struct spool_store *s, const struct spool_outcome *o, size_t n, struct err *e)
{
	static const enum delivery_state states[] = {
		[OUTCOME_DONE] = DELIVERY_DONE,		  [OUTCOME_RETRY] = DELIVERY_QUEUED,
		[OUTCOME_REFUSED] = DELIVERY_QUARANTINED, [OUTCOME_DOUBT] = DELIVERY_DOUBT,
		[OUTCOME_PARKED] = DELIVERY_PARKED,	  [OUTCOME_ELSEWHERE] = DELIVERY_QUEUED,
	};

	(void)s;
	(void)e;
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = find(o[i].number);

		d->outcomes++;
		d->taken = false;
		enter(d, states[o[i].kind]);
		d->due = o[i].due_ms;
		d->work.attempts += o[i].sent;
		d->uid = o[i].uid;
		d->uidvalidity = o[i].uidvalidity;
		if (o[i].kind == OUTCOME_DOUBT)
			d->work.doubt_ms = clock_wall_ms();
		if (o[i].kind == OUTCOME_ELSEWHERE) {
			free(d->work.floor_folder);
			d->work.floor_folder = NULL;
			d->work.floor_uidvalidity = d->work.floor_uidnext = 0;
		}
		if (o[i].folder != NULL) {
			free(d->folder);
			d->folder = mem_strdup(o[i].folder);
		}
		if (o[i].reason != NULL) {
			free(d->reason);
			d->reason = mem_strdup(o[i].reason);
		}
	}
	return 0;
}

int spool_hold_account(struct spool_store *s, int64_t until_ms, const char *reason, int attempts, struct err *e)
{
	(void)s;
	if (hold_failures > 0) {
		hold_failures--;
		return err_set(e, ERR_TEMP, 0, "spool: the spool could not record it");
	}
	hold_until = until_ms;
	hold_attempts = attempts;
	if (until_ms != 0) {
		holds++;
		(void)snprintf(hold_reason, sizeof hold_reason, "%s", reason);
	}
	return 0;
}

int spool_account(struct spool_store *s, int64_t *until_ms, int *attempts, struct err *e)
{
	(void)s;
	(void)e;
	*until_ms = hold_until;
	*attempts = hold_attempts;
	return 0;
}

/* ---- the rest ---- */

static int dial(void *arg, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)err_set(e, ERR_TEMP, errno, "cannot connect to %s port %d: %s", account.host, port, strerror(errno));
	(void)close(fd);
	return -1;
}

static void wake(void *arg)
{
	(void)arg;
}

static void print_text(const char *name, const char *text)
{
	(void)printf(", \"%s\": \"", name);
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text >= ' ' ? *text : '?');
	}
	(void)putchar('"');
}

static void report(void)
{
	static const char *const names[] = { "",       "queued",      "in-flight", "in-doubt",
					     "parked", "quarantined", "held",	   "done" };

	for (size_t i = 0; i < count; i++) {
		const struct delivery *d = &all[i];

		(void)printf("{\"id\": \"%s\", \"state\": \"%s\", \"uid\": %lu, \"attempts\": %d", d->work.id,
			     names[d->state], (unsigned long)d->uid, d->work.attempts);
		print_text("folder", d->folder);
		print_text("reason", d->reason);
		(void)printf("}\n");
	}
	(void)printf("{\"holds\": %d, \"attempts\": %d", holds, hold_attempts);
	print_text("reason", hold_reason);
	(void)printf("}\n");
}

static void add(int64_t number, const char *folder, const char *flags, bool create)
{
	struct delivery *d;

	all = mem_resize(all, count + 1, sizeof *all);
	d = &all[count++];
	*d = (struct delivery){ .state = DELIVERY_QUEUED };
	d->work.number = d->work.message = number;
	d->work.id = mem_printf("delivery%08lld", (long long)number);
	d->work.flags = mem_strdup(flags);
	d->work.prefix = mem_printf("Received: from client.example by mail.office.example with SMTP id %s;\r\n"
				    "\tMon, 23 Nov 2026 12:00:00 +0000\r\n",
				    d->work.id);
	d->work.prefix_len = strlen(d->work.prefix);
	d->work.size = (uint64_t)body_size;
	d->work.internal_ms = 1790000000000;
	d->work.create = create;
	d->folder = mem_strdup(folder);
}

static int64_t number_of(const char *text)
{
	uint64_t n = 0;

	if (slice_number(slice_str(text), INT32_MAX, &n) != 0)
		exit(64);
	return (int64_t)n;
}

int main(int argc, char **argv)
{
	struct worker_setup setup = { .wake_fd = -1, .wake = wake, .connect = dial, .account = &account };
	struct spool_store spool = { 0 };
	const char *folder = "INBOX", *flags = "", *ca = NULL;
	int64_t messages = 1, seconds = 20, end, due;
	struct worker *w;
	bool create = false;
	struct err e;

	account = (struct config_account){ .name = mem_strdup("office"),
					   .host = mem_strdup("localhost"),
					   .user = mem_strdup("user"),
					   .password = mem_strdup("secret"),
					   .window = 32,
					   .settle = 300,
					   .timeout = 2000,
					   .retry_min = 100,
					   .retry_max = 1000,
					   .subscribe = true,
					   .tls = CONFIG_TLS_NONE };
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *key = argv[i], *value = argv[i + 1];

		if (strcmp(key, "port") == 0)
			port = (int)number_of(value);
		else if (strcmp(key, "host") == 0)
			account.host = mem_strdup(value);
		else if (strcmp(key, "password") == 0)
			account.password = mem_strdup(value);
		else if (strcmp(key, "tls") == 0)
			account.tls = strcmp(value, "implicit") == 0   ? CONFIG_TLS_IMPLICIT
				      : strcmp(value, "starttls") == 0 ? CONFIG_TLS_STARTTLS
								       : CONFIG_TLS_NONE;
		else if (strcmp(key, "ca") == 0)
			ca = value;
		else if (strcmp(key, "window") == 0)
			account.window = (unsigned)number_of(value);
		else if (strcmp(key, "settle") == 0)
			account.settle = number_of(value);
		else if (strcmp(key, "timeout") == 0)
			account.timeout = number_of(value);
		else if (strcmp(key, "retry") == 0)
			account.retry_min = number_of(value);
		else if (strcmp(key, "messages") == 0)
			messages = number_of(value);
		else if (strcmp(key, "size") == 0)
			body_size = (int)number_of(value);
		else if (strcmp(key, "seconds") == 0)
			seconds = number_of(value);
		else if (strcmp(key, "folder") == 0)
			folder = value;
		else if (strcmp(key, "flags") == 0)
			flags = value;
		else if (strcmp(key, "create") == 0)
			create = true;
		else if (strcmp(key, "create_folders") == 0)
			account.create_folders = true;
		else if (strcmp(key, "in_flight_failures") == 0)
			in_flight_failures = (int)number_of(value);
		else if (strcmp(key, "body_failures") == 0)
			body_failures = (int)number_of(value);
		else if (strcmp(key, "hold_failures") == 0)
			hold_failures = (int)number_of(value);
		else
			return 64;
	}
	for (int64_t i = 1; i <= messages; i++)
		add(i, folder, flags, create);
	if (account.tls != CONFIG_TLS_NONE &&
	    (setup.tls = tls_client_new(&(struct tls_policy){ .ca_file = ca }, &e)) == NULL) {
		(void)fprintf(stderr, "%s\n", e.text);
		return 78;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* as every role has it */
	setup.spool = &spool;
	w = worker_new(&setup);
	end = clock_mono_ms() + seconds * 1000;
	while (clock_mono_ms() < end) {
		enum worker_turn turn = worker_turn(w, &due);

		if (turn == WORKER_LOST)
			break;
		if (turn == WORKER_IDLE) {
			if (due == INT64_MAX)
				break;
			(void)poll(NULL, 0, 20);
		}
	}
	worker_free(&w);
	tls_client_free(&setup.tls);
	report();
	return 0;
}
