/*
 * load PORT SESSIONS MESSAGES OCTETS ADDRESS [reused] [tls] [full]: brings so many
 * messages in by SMTP, by so many sessions at the same time, each command after
 * the reply to the one before, as smtp-source does it. "reused": all messages
 * of a session over one connection; else a connection for each. "tls": after
 * STARTTLS; TLS sessions are resumed unless "full". Counts a message when its
 * 250 was read. One line of JSON: seconds, processor seconds of its own, messages,
 * the median and the 99th percentile of the time from the end of the content to the 250, and how many handshakes
 * were resumed.
 */
#include "smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { HEAD_MAX = 512, EVENTS = 256 };

enum state { BANNER, EHLO, STARTTLS, HANDSHAKE, MAIL, RCPT, DATA, CONTENT, QUIT };

struct session {
	struct smtp smtp;
	enum state state;
	bool begun;  /* the first bytes of a message went */
	bool polled; /* for room, too */
	char head[HEAD_MAX];
	size_t number; /* of its message */
	double sent;
};

static struct {
	uint16_t port;
	size_t sessions, messages, started, done, live, handshakes, resumed;
	bool reused, tls;
	SSL_CTX *context;
	int poll;
	char *body; /* all of a message but what is different in each; ends with the dot */
	size_t nbody;
	char rcpt[300];
	double *waits;
	double began;
} load;

static void wait_for(struct session *s, bool add)
{
	struct epoll_event e = { .events = EPOLLIN | (s->smtp.writing ? EPOLLOUT : 0), .data.ptr = s };

	if (!add && s->polled == s->smtp.writing)
		return;
	s->polled = s->smtp.writing;
	if (epoll_ctl(load.poll, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, s->smtp.fd, &e) != 0)
		give_up("epoll_ctl", "failed");
}

static void start(struct session *s)
{
	smtp_open(&s->smtp, load.port);
	s->state = BANNER;
	load.live++;
	wait_for(s, true);
}

static void say(struct session *s, enum state state, const char *text)
{
	s->state = state;
	smtp_send(&s->smtp, text, NULL, 0);
}

/* A message more, or the end. */
static void next(struct session *s, bool fresh)
{
	if (load.started < load.messages && (load.reused || fresh)) {
		s->number = ++load.started;
		say(s, MAIL, "MAIL FROM:<bench@example.org>\r\n");
	} else {
		say(s, QUIT, "QUIT\r\n");
	}
}

static void expect(const struct session *s, int code, int wanted)
{
	if (code != wanted)
		give_up(code < 0 ? "the server hung up" : "the server said", s->smtp.in);
}

static void send_content(struct session *s)
{
	(void)snprintf(s->head, sizeof s->head,
		       "From: bench@example.org\r\nTo: office@office.example\r\nSubject: message %zu\r\n"
		       "Date: Thu, 2 Jan 2025 10:00:00 +0000\r\nMessage-ID: <%zu.%ld.%.0f@bench.example.org>\r\n\r\n",
		       s->number, s->number, (long)getpid(), load.began);
	s->state = CONTENT;
	smtp_send(&s->smtp, s->head, load.body, load.nbody);
	s->sent = now();
}

static void ended(struct session *s)
{
	smtp_close(&s->smtp);
	load.live--;
	if (load.started < load.messages)
		start(s);
}

static void handshake(struct session *s)
{
	if (!smtp_tls(&s->smtp, load.context))
		return;
	load.handshakes++;
	load.resumed += SSL_session_reused(s->smtp.tls) ? 1 : 0;
	say(s, EHLO, "EHLO bench.example.org\r\n");
}

static void on_reply(struct session *s, int code)
{
	switch (s->state) {
	case BANNER:
		expect(s, code, 220);
		say(s, EHLO, "EHLO bench.example.org\r\n");
		break;
	case EHLO:
		expect(s, code, 250);
		if (load.tls && s->smtp.tls == NULL)
			say(s, STARTTLS, "STARTTLS\r\n");
		else
			next(s, true);
		break;
	case STARTTLS:
		expect(s, code, 220);
		s->state = HANDSHAKE;
		handshake(s);
		break;
	case MAIL:
		expect(s, code, 250);
		say(s, RCPT, load.rcpt);
		break;
	case RCPT:
		expect(s, code, 250);
		say(s, DATA, "DATA\r\n");
		break;
	case DATA:
		expect(s, code, 354);
		send_content(s);
		break;
	case CONTENT:
		expect(s, code, 250);
		load.waits[load.done++] = now() - s->sent;
		next(s, false);
		break;
	default:
		break;
	}
}

static void on_ready(struct session *s, unsigned events)
{
	int code;

	if (s->state == HANDSHAKE) {
		handshake(s);
		return;
	}
	if ((events & EPOLLOUT) != 0)
		smtp_go_on(&s->smtp);
	if ((events & ~(unsigned)EPOLLOUT) == 0)
		return;
	code = smtp_reply(&s->smtp);
	if (s->state == QUIT && code != 0) {
		ended(s);
	} else if (code != 0) {
		expect(s, code < 0 ? -1 : 0, 0);
		on_reply(s, code);
	}
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void make_body(size_t octets)
{
	static const char line[] = "The quick brown fox jumps over the lazy dog, and then the office prints it.\r\n";
	size_t n = sizeof line - 1, lines = octets / n + 1;

	load.body = malloc(lines * n + 4);
	if (load.body == NULL)
		give_up("memory", "none left");
	for (size_t i = 0; i < lines; i++)
		memcpy(load.body + i * n, line, n);
	memcpy(load.body + lines * n, ".\r\n", 4);
	load.nbody = lines * n + 3;
}

int main(int argc, char **argv)
{
	struct epoll_event ready[EVENTS];
	struct session *all;
	bool full = false;
	double took;

	if (argc < 6)
		give_up("usage", "load PORT SESSIONS MESSAGES OCTETS ADDRESS [reused] [tls] [full]");
	load.port = (uint16_t)strtoul(argv[1], NULL, 10);
	load.sessions = strtoul(argv[2], NULL, 10);
	load.messages = strtoul(argv[3], NULL, 10);
	make_body(strtoul(argv[4], NULL, 10));
	(void)snprintf(load.rcpt, sizeof load.rcpt, "RCPT TO:<%s>\r\n", argv[5]);
	for (int i = 6; i < argc; i++) {
		load.reused |= strcmp(argv[i], "reused") == 0;
		load.tls |= strcmp(argv[i], "tls") == 0;
		full |= strcmp(argv[i], "full") == 0;
	}
	load.context = load.tls ? smtp_context(!full) : NULL;
	load.poll = epoll_create1(EPOLL_CLOEXEC);
	load.waits = calloc(load.messages + load.sessions, sizeof *load.waits);
	all = calloc(load.sessions, sizeof *all);
	if (load.waits == NULL || all == NULL || load.poll < 0)
		give_up("memory", "none left");
	load.began = now();
	for (size_t i = 0; i < load.sessions; i++)
		start(&all[i]);
	while (load.done < load.messages) {
		int n = epoll_wait(load.poll, ready, EVENTS, 60 * 1000);

		if (n == 0)
			give_up("the server", "is silent");
		for (int i = 0; i < n; i++) {
			struct session *s = ready[i].data.ptr;

			on_ready(s, ready[i].events);
			if (s->smtp.fd >= 0)
				wait_for(s, false);
		}
	}
	took = now() - load.began;
	qsort(load.waits, load.done, sizeof *load.waits, by_size);
	(void)printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"messages\": %zu, \"median\": %.6f, \"p99\": %.6f, "
		     "\"handshakes\": %zu, \"resumed\": %zu}\n",
		     took, cpu(), load.done, load.waits[load.done / 2], load.waits[load.done * 99 / 100],
		     load.handshakes, load.resumed);
	return 0;
}
