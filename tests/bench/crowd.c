/*
 * crowd PORT SESSIONS ADDRESS idle|slow [tls]: many sessions at the same time.
 * "idle": each has said EHLO (after STARTTLS, with tls) and then says nothing.
 * "slow": each is in the middle of its content and sends a short line every two seconds.
 * Prints how many there are once all are in that state, then stays until its
 * input ends, and tells how many the server had closed by then.
 */
#include "smtp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* Few at a time begin, so that no queue of connections overflows. */
enum { EVENTS = 256, BEGINNING_MAX = 64, TURNS = 40, TURN_MS = 50 };

enum state { WAITING, BANNER, EHLO, STARTTLS, HANDSHAKE, MAIL, RCPT, DATA, THERE, GONE };

struct session {
	struct smtp smtp;
	enum state state;
};

static struct {
	uint16_t port;
	size_t n, begun, there, gone;
	bool slow, tls;
	SSL_CTX *context;
	int poll;
	char rcpt[300];
	struct session *all;
} crowd;

static void begin_some(void)
{
	while (crowd.begun < crowd.n && crowd.begun - crowd.there - crowd.gone < BEGINNING_MAX) {
		struct session *s = &crowd.all[crowd.begun++];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = s };

		smtp_open(&s->smtp, crowd.port);
		s->state = BANNER;
		if (epoll_ctl(crowd.poll, EPOLL_CTL_ADD, s->smtp.fd, &e) != 0)
			give_up("epoll_ctl", strerror(errno));
	}
}

static void say(struct session *s, enum state state, const char *text)
{
	s->state = state;
	smtp_send(&s->smtp, text, NULL, 0);
}

static void arrive(struct session *s)
{
	s->state = THERE;
	crowd.there++;
}

static void on_reply(struct session *s, int code)
{
	if (code >= 400)
		give_up("the server said", s->smtp.in);
	switch (s->state) {
	case BANNER:
		say(s, EHLO, "EHLO bench.example.org\r\n");
		break;
	case EHLO:
		if (crowd.tls && s->smtp.tls == NULL)
			say(s, STARTTLS, "STARTTLS\r\n");
		else if (crowd.slow)
			say(s, MAIL, "MAIL FROM:<slow@example.org>\r\n");
		else
			arrive(s);
		break;
	case STARTTLS:
		s->state = HANDSHAKE;
		(void)smtp_tls(&s->smtp, crowd.context);
		break;
	case MAIL:
		say(s, RCPT, crowd.rcpt);
		break;
	case RCPT:
		say(s, DATA, "DATA\r\n");
		break;
	case DATA:
		smtp_send(&s->smtp, "Subject: slow\r\n\r\n", NULL, 0);
		arrive(s);
		break;
	default:
		break;
	}
}

static void on_ready(struct session *s)
{
	int code;

	if (s->state == HANDSHAKE) {
		if (smtp_tls(&s->smtp, crowd.context))
			say(s, EHLO, "EHLO bench.example.org\r\n");
		return;
	}
	code = smtp_reply(&s->smtp);
	if (code == 0)
		return;
	if (s->state == THERE) { /* it may say why, and closes */
		crowd.there--;
		crowd.gone++;
		s->state = GONE;
		smtp_close(&s->smtp);
		return;
	}
	if (code < 0)
		give_up("the server", "hung up");
	on_reply(s, code);
}

/* A part of the slow ones sends a line each turn. */
static void trickle(size_t turn)
{
	for (size_t i = turn % TURNS; crowd.slow && i < crowd.n; i += TURNS)
		if (crowd.all[i].state == THERE && !crowd.all[i].smtp.writing)
			smtp_send(&crowd.all[i].smtp, "One more line of a message that does not want to end.\r\n", NULL, 0);
}

static void look(int ms)
{
	struct epoll_event ready[EVENTS];
	int n = epoll_wait(crowd.poll, ready, EVENTS, ms);

	for (int i = 0; i < n; i++)
		on_ready(ready[i].data.ptr);
}

static void descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < crowd.n + 50)
		give_up("descriptors", "the limit of open files is too low");
}

int main(int argc, char **argv)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	double next;

	if (argc < 5)
		give_up("usage", "crowd PORT SESSIONS ADDRESS idle|slow [tls]");
	crowd.port = (uint16_t)strtoul(argv[1], NULL, 10);
	crowd.n = strtoul(argv[2], NULL, 10);
	(void)snprintf(crowd.rcpt, sizeof crowd.rcpt, "RCPT TO:<%s>\r\n", argv[3]);
	crowd.slow = strcmp(argv[4], "slow") == 0;
	crowd.tls = argc > 5 && strcmp(argv[5], "tls") == 0;
	crowd.context = crowd.tls ? smtp_context(false) : NULL;
	descriptors();
	crowd.poll = epoll_create1(EPOLL_CLOEXEC);
	crowd.all = calloc(crowd.n, sizeof *crowd.all);
	if (crowd.all == NULL || crowd.poll < 0)
		give_up("memory", "none left");
	next = now();
	for (size_t turn = 0, told = 0; told == 0 || poll(&in, 1, 0) == 0;) {
		begin_some();
		look(TURN_MS);
		if (now() >= next) {
			trickle(turn++);
			next += TURN_MS / 1000.0;
		}
		if (told == 0 && crowd.there + crowd.gone == crowd.n) {
			(void)printf("%zu\n", crowd.there);
			(void)fflush(stdout);
			told = 1;
		}
	}
	(void)printf("%zu\n", crowd.gone);
	return 0;
}
