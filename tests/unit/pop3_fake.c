#include "pop3_fake.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "intake/intake.h"

const char fake_greeting[] = "+OK POP3 ready <1.2@pop.example.net>\r\n";

/* ---- the server ---- */

struct fake_server fake_server;
int64_t fake_now_ms;

int64_t __wrap_clock_mono_ms(void);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);

int64_t __wrap_clock_mono_ms(void)
{
	return fake_now_ms;
}

static bool is_said(struct slice line, const char *command)
{
	struct slice want = slice_str(command);

	if (want.n > 0 && want.p[want.n - 1] == '*')
		return slice_starts_nocase(line, slice_of(want.p, want.n - 1));
	return slice_eq(line, want);
}

static void hear(void)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fake_server.fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		(void)buf_add(&fake_server.in, bytes, (size_t)n);
	for (;;) {
		struct slice in = buf_slice(&fake_server.in);
		const struct turn *t = &fake_server.turns[fake_server.turn];
		size_t end = slice_find(in, '\n');

		if (end == in.n)
			return;
		if (t->command == NULL || end == 0 || !is_said(slice_of(in.p, end - 1), t->command)) {
			print_message("unexpected: %.*s\n", (int)end, in.p);
			fake_server.wrong = true;
			buf_clear(&fake_server.in);
			return;
		}
		(void)buf_add_str(&fake_server.out, t->reply);
		fake_server.turn++;
		buf_consume(&fake_server.in, end + 1);
	}
}

/* True when the client gets something. */
static bool serve(void)
{
	int unread = 0;
	size_t n;

	if (fake_server.fd < 0)
		return false;
	hear();
	(void)ioctl(fake_server.client, FIONREAD, &unread);
	if (unread > 0)
		return true;
	n = fake_server.out.n;
	if (fake_server.cut == 0 || fake_server.drip > 0)
		n = n > 1 ? 1 : n;
	else if (fake_server.sent < fake_server.cut && fake_server.cut - fake_server.sent < n)
		n = fake_server.cut - fake_server.sent;
	if (fake_server.close - fake_server.sent < n)
		n = fake_server.close - fake_server.sent;
	if (fake_server.drip > 0 && fake_now_ms < fake_server.next)
		return false;
	fake_server.next = fake_now_ms + fake_server.drip;
	if (n > 0)
		assert_int_equal(send(fake_server.fd, fake_server.out.p, n, MSG_NOSIGNAL), n);
	buf_consume(&fake_server.out, n);
	fake_server.sent += n;
	if (fake_server.sent == fake_server.close) {
		(void)close(fake_server.fd);
		fake_server.fd = -1;
		return true;
	}
	return n > 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	bool moved = serve();
	int got = __real_poll(fds, n, 0);

	if (got != 0 || timeout == 0 || moved)
		return got;
	fake_now_ms += timeout < 0 || timeout > 500 ? 500 : timeout;
	return 0;
}

static int dial(void *arg, struct err *e)
{
	int fds[2];

	(void)arg;
	(void)e;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fake_server.fd = fds[1];
	fake_server.client = fds[0];
	(void)buf_add_str(&fake_server.out, fake_server.greeting);
	return fds[0];
}

void fake_start(const struct turn *turns, const char *greeting, size_t cut, size_t close_at)
{
	memset(&fake_server, 0, sizeof fake_server);
	fake_server.turns = turns;
	fake_server.greeting = greeting;
	fake_server.cut = cut;
	fake_server.close = close_at;
	fake_server.fd = -1;
	buf_init(&fake_server.in, 100000);
	buf_init(&fake_server.out, 4 * 1024 * 1024);
	fake_now_ms = 1000000;
}

void fake_stop(void)
{
	if (fake_server.fd >= 0)
		(void)close(fake_server.fd);
	buf_free(&fake_server.in);
	buf_free(&fake_server.out);
	assert_false(fake_server.wrong);
}

/* ---- the client ---- */

struct config_source fake_source;
struct source_login fake_login;
int64_t fake_delay;
struct buf fake_story;

void fake_reset(void)
{
	static char name[] = "old", host[] = "pop.example.net", user[] = "office", password[] = "s3cret";

	fake_source = (struct config_source){ .protocol = CONFIG_POP3, .keep = true, .window = 10 };
	fake_source.name = name;
	fake_source.server = (struct config_server){ .name = "old",
						     .of_source = true,
						     .host = host,
						     .port = 110,
						     .user = user,
						     .password = password,
						     .tls = CONFIG_TLS_NONE,
						     .timeout = 60000 };
	fake_login =
	    (struct source_login){ .source = &fake_source, .wake_fd = -1, .connect = dial, .delay = &fake_delay };
	fake_delay = 0;
	buf_clear(&fake_story);
}

int fake_begin(void *arg, const struct source_item *item)
{
	(void)arg;
	return buf_addf(&fake_story, "%u(", item->number);
}

int fake_piece(void *arg, struct slice bytes)
{
	(void)arg;
	assert_true(bytes.n > 0 && bytes.n <= INTAKE_PIECE_MAX);
	return buf_add_slice(&fake_story, bytes);
}

int fake_end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	(void)arg;
	return buf_addf(&fake_story, ")%u=%s%s ", item->number,
			got == SOURCE_GOT_WHOLE	     ? "whole"
			: got == SOURCE_GOT_VANISHED ? "vanished:"
						     : "refused:",
			words);
}

const struct source_handler fake_handler = { fake_begin, fake_piece, fake_end, NULL };

int fake_tell(void *arg, const struct source_item *item)
{
	(void)arg;
	return buf_addf(&fake_story, "%u:%llu:%s ", item->number, (unsigned long long)item->size, item->name);
}

void fake_choose(struct source_item *items, size_t n, const uint64_t *sizes, const char *const *names)
{
	for (size_t i = 0; i < n; i++)
		items[i] =
		    (struct source_item){ .number = (uint32_t)i + 1, .size = sizes[i], .name = names[i], .flags = "" };
}

int fake_set_up(void **state)
{
	(void)state;
	buf_init(&fake_story, 10 * 1024 * 1024);
	log_set_level(LOG_ERROR);
	return 0;
}

int fake_tear_down(void **state)
{
	(void)state;
	buf_free(&fake_story);
	return 0;
}
