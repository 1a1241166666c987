/*
 * delay PORT TARGET MS: a long line. Takes connections on PORT of this machine,
 * makes one to TARGET for each, and hands on every octet MS milliseconds after
 * it came, in either direction. It delays and does not throttle: what is on its
 * way is kept, up to QUEUE_MAX in a direction, which at 25 ms is more than 2
 * GB/s. Making the connection costs no delay here, as the kernel shakes hands;
 * so nothing arrives before two round trips have passed, when the greeting of a
 * server so far away would. Runs until killed.
 *
 * SIGUSR1: a line of JSON on standard output says what passed since the last
 * one: connections, octets to TARGET and from it, and round trips, which are the
 * times that a client spoke after it had been spoken to. (One that streams in both
 * directions at once makes more of them than it waits for.)
 */
#include "mails.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, LINES_MAX = 64 };
static const size_t QUEUE_MAX = 64 << 20;

struct chunk {
	struct chunk *next;
	double due;
	size_t begin, end;
	char bytes[];
};

/* One direction of a connection. */
struct lane {
	int from, to;
	struct chunk *first, **last;
	size_t queued;
	bool ended, closed; /* FROM has said its end; TO has been told */
};

struct wire {
	struct lane lanes[2];
	double opened;
	bool spoken_to; /* the last octets that came were the server's */
};

static struct {
	unsigned connections, trips;
	size_t octets[2]; /* of the lanes of all wires */
} seen;
static volatile sig_atomic_t asked;
static sigset_t listening; /* signals come only while nothing is in hand */

static double delay;
static struct wire *wires[LINES_MAX];
static size_t nwires;

static void wire_drop(size_t i)
{
	struct wire *w = wires[i];

	for (int k = 0; k < 2; k++) {
		while (w->lanes[k].first != NULL) {
			struct chunk *c = w->lanes[k].first;

			w->lanes[k].first = c->next;
			free(c);
		}
		(void)close(w->lanes[k].from);
	}
	free(w);
	wires[i] = wires[--nwires];
}

static void wire_add(int fd, unsigned target)
{
	struct peer p;
	struct wire *w = calloc(1, sizeof *w);
	int on = 1;

	if (w == NULL || nwires == LINES_MAX)
		give_up("too many connections");
	peer_open(&p, target);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	for (int k = 0; k < 2; k++) {
		struct lane *l = &w->lanes[k];

		l->from = k == 0 ? fd : p.fd;
		l->to = k == 0 ? p.fd : fd;
		l->last = &l->first;
	}
	w->opened = now();
	w->spoken_to = true;
	seen.connections++;
	wires[nwires++] = w;
}

static void count(struct wire *w, int k, size_t n)
{
	seen.octets[k] += n;
	if (k == 0 && w->spoken_to)
		seen.trips++;
	w->spoken_to = k == 1;
}

static void on_ask(int signal)
{
	(void)signal;
	asked = 1;
}

static void tell(void)
{
	(void)printf("{\"connections\": %u, \"trips\": %u, \"up\": %zu, \"down\": %zu}\n", seen.connections, seen.trips,
		     seen.octets[0], seen.octets[1]);
	(void)fflush(stdout);
	memset(&seen, 0, sizeof seen);
	asked = 0;
}

/* 0, or -1 when the connection is broken. */
static int lane_take(struct wire *w, int k)
{
	struct lane *l = &w->lanes[k];
	struct chunk *c = malloc(sizeof *c + CHUNK);
	struct chunk *less;
	ssize_t n;

	if (c == NULL)
		give_up("no memory");
	n = recv(l->from, c->bytes, CHUNK, MSG_DONTWAIT);
	if (n <= 0) {
		free(c);
		if (n == 0)
			l->ended = true;
		return n == 0 || errno == EAGAIN ? 0 : -1;
	}
	count(w, k, (size_t)n);
	c->due = now() + delay;
	if (c->due < w->opened + 4 * delay)
		c->due = w->opened + 4 * delay;
	c->next = NULL;
	c->begin = 0;
	c->end = (size_t)n;
	less = realloc(c, sizeof *c + c->end);
	if (less != NULL)
		c = less;
	l->queued += c->end;
	*l->last = c;
	l->last = &c->next;
	return 0;
}

static int lane_give(struct lane *l)
{
	double at = now();

	while (l->first != NULL && l->first->due <= at) {
		struct chunk *c = l->first;
		ssize_t n = send(l->to, c->bytes + c->begin, c->end - c->begin, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->begin += (size_t)n;
		l->queued -= (size_t)n;
		if (c->begin < c->end)
			return 0;
		l->first = c->next;
		if (l->first == NULL)
			l->last = &l->first;
		free(c);
	}
	if (l->first == NULL && l->ended && !l->closed) {
		(void)shutdown(l->to, SHUT_WR);
		l->closed = true;
	}
	return 0;
}

/* Adds what is waited for to FDS, and shortens *UNTIL to when the next octets are due. */
static void lane_wait(const struct lane *l, struct pollfd *from, struct pollfd *to, double *until)
{
	if (!l->ended && l->queued < QUEUE_MAX)
		from->events |= POLLIN;
	if (l->first == NULL)
		return;
	if (l->first->due <= now())
		to->events |= POLLOUT;
	else if (l->first->due < *until)
		*until = l->first->due;
}

static void turn(int listener, unsigned target)
{
	struct pollfd fds[1 + 2 * LINES_MAX] = { { listener, POLLIN, 0 } };
	size_t n = nwires;
	double until = now() + 3600, left;
	struct timespec wait;

	for (size_t i = 0; i < n; i++) {
		struct pollfd *f = &fds[1 + 2 * i];

		for (int k = 0; k < 2; k++)
			f[k] = (struct pollfd){ wires[i]->lanes[k].from, 0, 0 };
		for (int k = 0; k < 2; k++)
			lane_wait(&wires[i]->lanes[k], &f[k], &f[!k], &until);
		/* One that waits for nothing would report its end again and again. */
		for (int k = 0; k < 2; k++)
			if (f[k].events == 0)
				f[k].fd = -1;
	}
	left = until - now();
	if (left < 0)
		left = 0;
	wait = (struct timespec){ (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
	if (ppoll(fds, 1 + 2 * n, &wait, &listening) < 0) {
		if (errno != EINTR)
			give_up("poll: %s", strerror(errno));
		return; /* nothing of FDS says anything */
	}
	for (size_t i = n; i-- > 0;) {
		struct wire *w = wires[i];
		bool broken = false;

		for (int k = 0; k < 2; k++) {
			if ((fds[1 + 2 * i + (size_t)k].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
				broken |= lane_take(w, k) != 0;
			broken |= lane_give(&w->lanes[k]) != 0;
		}
		if (broken || (w->lanes[0].closed && w->lanes[1].closed))
			wire_drop(i);
	}
	if ((fds[0].revents & POLLIN) != 0) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			wire_add(fd, target);
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_ask };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	sigset_t blocked;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (argc != 4)
		give_up("usage: delay PORT TARGET MS");
	at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	delay = strtod(argv[3], NULL) / 1000;
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0)
		give_up("port %s: %s", argv[1], strerror(errno));
	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, &listening);
	for (;;) {
		if (asked)
			tell();
		turn(listener, (unsigned)strtoul(argv[2], NULL, 10));
	}
}
