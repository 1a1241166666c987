/*
 * How fast the spool takes messages in: spool [MESSAGES] [OCTETS] [OUTSTANDING]
 * [settle] [fetched]. With "settle" a store hands them out again at the same
 * time, with no IMAP in between; with "fetched" each comes with its origin, and
 * the memory is read at the end.
 */
#include "../unit/spool_tools.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct bench {
	struct test_spool t;
	struct test_message m;
	size_t sent, answered, total, confirmed;
	bool ended;
	struct test_fetcher fetcher; /* door NULL: they are received */
	struct spool_origin origin;
};

static void send_one(struct bench *b);

static void on_answer(void *arg, enum spool_answer answer, const struct spool_taken *taken)
{
	struct bench *b = arg;

	if (answer != SPOOL_ACCEPTED) {
		(void)fprintf(stderr, "answer %d\n", (int)answer);
		exit(1);
	}
	if (b->fetcher.door == NULL)
		spool_confirm(b->t.intake, taken->ticket, SPOOL_READ);
	if (++b->answered == b->total)
		b->ended = true;
	else if (b->sent < b->total)
		send_one(b);
}

static void send_one(struct bench *b)
{
	size_t n = b->sent++;

	(void)snprintf(b->m.id, sizeof b->m.id, "m%015zu", n * 7919 % 1000000007);
	(void)snprintf(b->m.ids[0], sizeof b->m.ids[0], "d%015zu", n * 7919 % 1000000007);
	memcpy(b->m.r[0].fingerprint, &n, sizeof n);
	b->m.r[0].fingerprint[30] = (unsigned char)(n * 31);
	b->origin.uid = (uint32_t)b->sent;
	(void)spool_accept(b->fetcher.door != NULL ? b->fetcher.door : b->t.intake, &b->m.m, on_answer, b);
}

static _Noreturn void run_store(int fd, size_t total)
{
	struct spool_store *s = spool_store_new(fd);
	size_t done = 0;
	struct err e;

	while (done < total) {
		struct spool_work *w;
		struct spool_flight f[SPOOL_BATCH_MAX];
		struct spool_outcome o[SPOOL_BATCH_MAX];
		int64_t due;
		size_t n;

		if (spool_next(s, 50, 1 << 30, &w, &n, &due, &e) != 0)
			_exit(1);
		memset(f, 0, sizeof f);
		memset(o, 0, sizeof o);
		for (size_t i = 0; i < n; i++) {
			char *bytes;
			size_t len;
			int body;

			if (spool_body(s, w[i].message, &bytes, &len, &body, &e) != 0)
				_exit(2);
			free(bytes);
			f[i] = (struct spool_flight){ w[i].number, "INBOX", 1, 1 };
			o[i] = (struct spool_outcome){
				.number = w[i].number, .kind = OUTCOME_DONE, .uid = 1, .sent = true
			};
		}
		if (n > 0 && (spool_in_flight(s, f, n, &e) != 0 || spool_settle(s, o, n, &e) != 0))
			_exit(3);
		spool_work_free(w, n);
		done += n;
		if (n == 0)
			(void)usleep(1000);
	}
	_exit(0);
}

static int count(void *arg, const struct spool_origin *o)
{
	(void)o;
	++*(size_t *)arg;
	return 0;
}

static void read_memory(struct bench *b)
{
	int64_t start = clock_mono_ms();
	size_t n = 0;
	struct err e;

	if (spool_source_origins(b->fetcher.memory, b->origin.folder, 0, count, &n, &e) != 0 || n != b->total)
		exit(2);
	(void)printf("remembered: %zu origins read in %lld ms\n", n, (long long)(clock_mono_ms() - start));
	fetcher_end(&b->fetcher);
}

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 4; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static struct bench b;
	size_t octets = argc > 2 ? strtoul(argv[2], NULL, 10) : 8192;
	size_t outstanding = argc > 3 ? strtoul(argv[3], NULL, 10) : 50;
	struct rusage usage;
	int64_t start, end;
	pid_t store = -1;

	(void)signal(SIGPIPE, SIG_IGN);
	b.total = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
	spool_make(&b.t);
	spool_start(&b.t);
	message_make(&b.m, 0, "office", "INBOX");
	for (size_t i = 0; i < sizeof b.m.body; i++)
		b.m.body[i] = (char)('a' + i % 26);
	b.m.m.body = slice_of(b.m.body, octets);
	b.m.m.size = octets;
	if (has_word(argc, argv, "fetched")) {
		fetcher_start(&b.t, &b.fetcher, "bench");
		message_fetched(&b.m, &b.origin, fetcher_folder(&b.fetcher, "INBOX", 1), 1, NULL);
	}
	if (has_word(argc, argv, "settle")) {
		int fd = spool_peer(&b.t, SPOOL_PEER_STORE, "office");

		store = fork();
		if (store == 0)
			run_store(fd, b.total);
		(void)close(fd);
	}
	start = clock_mono_ms();
	for (size_t i = 0; i < outstanding && b.sent < b.total; i++)
		send_one(&b);
	while (!b.ended)
		(void)event_base_loop(b.t.base, EVLOOP_ONCE);
	end = clock_mono_ms();
	(void)printf("taken in: %zu messages of %zu octets, %zu outstanding: %.0f a second\n", b.total, octets,
		     outstanding, (double)b.total * 1000 / (double)(end - start));
	if (store > 0) {
		(void)waitpid(store, NULL, 0);
		(void)printf("settled: %.0f a second\n", (double)b.total * 1000 / (double)(clock_mono_ms() - start));
	}
	if (b.fetcher.door != NULL)
		read_memory(&b);
	(void)spool_end(&b.t, 0);
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	(void)printf("spool: %ld ms user, %ld ms system, %ld KB\n",
		     usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
		     usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000, usage.ru_maxrss);
	spool_remove(&b.t);
	return 0;
}
