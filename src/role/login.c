/* mailferry-login: answers the browser that comes back from signing in, for `mailferry login' and nobody else. */
#include "role/login.h"

#include <jansson.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ipc/channel.h"
#include "oauth/claims.h"
#include "oauth/loopback.h"
#include "role/role.h"

/* A browser opens a few connections at once, and may leave one of them silent. */
enum { BROWSERS_MAX = 16, BROWSER_MS = 20 * 1000, PAGE_MAX = 4096 };

static const char page_good[] = "mailferry is signed in. You can close this window.";
static const char page_bad[] = "mailferry is not signed in: the terminal says why. You can close this window.";
static const char page_none[] = "There is nothing here.";
static const char page_busy[] = "mailferry is at work on this sign-in.";

struct browser {
	int fd; /* -1: free */
	int64_t until;
	bool waits; /* for the page that says how it went */
	struct buf in;
};

struct login {
	struct role role;
	struct buf frame;
	struct ipc_out out;
	int listener; /* -1: none */
	char *state;  /* of the sign-in; NULL: none is under way */
	uint16_t port;
	bool answered; /* the command knows the query */
	struct browser browsers[BROWSERS_MAX];
};

static void browser_end(struct browser *b)
{
	file_close(&b->fd);
	mem_wipe(b->in.p, b->in.cap);
	buf_free(&b->in);
	b->waits = false;
}

/* A page is small enough for the kernel's buffer: a browser that does not read holds up nobody. */
static void browser_answer(struct browser *b, int status, const char *text)
{
	struct buf page;

	buf_init(&page, PAGE_MAX);
	loopback_page(status, text, &page);
	if (send(b->fd, page.p, page.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)page.n)
		(void)shutdown(b->fd, SHUT_WR);
	buf_free(&page);
	browser_end(b);
}

static void say(struct login *l, int fatal)
{
	struct err e;

	if (ipc_send(l->role.socket, &l->out, NULL, 0, &e) != 0)
		exit(fatal);
}

static void browser_is_back(struct login *l, struct browser *b, struct slice query)
{
	if (l->answered) {
		browser_answer(b, 200, page_busy);
		return;
	}
	l->answered = true;
	b->waits = true;
	b->until = INT64_MAX;
	ipc_begin(&l->out, LOGIN_ANSWER, 0);
	ipc_put_bytes(&l->out, LOGIN_TAG_TEXT, query);
	say(l, EX_TEMPFAIL);
	mem_wipe(l->out.buf.p, l->out.buf.n);
}

static void browser_read(struct login *l, struct browser *b)
{
	const struct loopback loopback = { .port = l->port, .state = l->state };
	char *room = buf_reserve(&b->in, 4096);
	struct slice query;
	ssize_t n;

	if (room == NULL) {
		browser_answer(b, 400, page_none);
		return;
	}
	n = recv(b->fd, room, 4096, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		browser_end(b);
		return;
	}
	buf_commit(&b->in, (size_t)n);
	switch (loopback_read(&loopback, buf_slice(&b->in), &query)) {
	case LOOPBACK_MORE:
		break;
	case LOOPBACK_ANSWER:
		browser_is_back(l, b, query);
		break;
	case LOOPBACK_ELSEWHERE:
		browser_answer(b, 404, page_none);
		break;
	case LOOPBACK_BROKEN:
		browser_answer(b, 400, page_none);
		break;
	}
}

static void browser_take(struct login *l)
{
	int fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct browser *oldest = NULL;

	if (fd < 0)
		return;
	/* The oldest makes way, so that silent ones can't shut the browser out. */
	for (size_t i = 0; i < BROWSERS_MAX; i++) {
		struct browser *b = &l->browsers[i];

		if (b->fd < 0) {
			oldest = b;
			break;
		}
		if (!b->waits && (oldest == NULL || b->until < oldest->until))
			oldest = b;
	}
	browser_end(oldest); /* one that waits for the page is the only one of its kind, so there is another */
	oldest->fd = fd;
	oldest->until = clock_mono_ms() + BROWSER_MS;
	buf_init(&oldest->in, LOOPBACK_REQUEST_MAX);
}

/* ---- the command ---- */

static void take_page(struct login *l, bool good)
{
	for (size_t i = 0; i < BROWSERS_MAX; i++)
		if (l->browsers[i].fd >= 0 && l->browsers[i].waits)
			browser_answer(&l->browsers[i], 200, good ? page_good : page_bad);
	l->answered = false;
	ipc_begin(&l->out, LOGIN_PAGE, 0);
	say(l, EX_TEMPFAIL);
}

static void take_token(struct login *l, struct slice fields)
{
	char *token = ipc_get_str(fields, LOGIN_TAG_TEXT, LOGIN_TEXT_MAX);
	struct claims claims;
	int64_t says = 0;

	if (token != NULL && claims_read(token, &claims))
		says = LOGIN_SAYS_ANYTHING | (claims.application ? LOGIN_SAYS_APPLICATION : 0) |
		       (claims.imap ? LOGIN_SAYS_IMAP : 0);
	ipc_begin(&l->out, LOGIN_CLAIMS, 0);
	ipc_put_number(&l->out, LOGIN_TAG_NUMBER, says);
	if (says != 0)
		ipc_put_str(&l->out, LOGIN_TAG_WHO, claims.who);
	say(l, EX_TEMPFAIL);
	mem_wipe_str(&token);
	mem_wipe(l->frame.p, l->frame.cap);
}

static void command_says(struct login *l)
{
	struct ipc_in in;
	struct err e;

	if (ipc_receive(l->role.socket, &l->frame, &in, NULL, NULL, 0, &e) != 0) {
		if (e.class == ERR_TEMP && e.code != EPIPE)
			return;
		exit(0);
	}
	switch (in.type) {
	case LOGIN_WAIT:
		free(l->state);
		l->state = ipc_get_str(in.rest, LOGIN_TAG_TEXT, LOGIN_TEXT_MAX);
		l->port = (uint16_t)ipc_get_number(in.rest, LOGIN_TAG_NUMBER, 0);
		break;
	case LOGIN_PAGE:
		take_page(l, ipc_get_number(in.rest, LOGIN_TAG_NUMBER, 0) == 1);
		break;
	case LOGIN_TOKEN:
		take_token(l, in.rest);
		break;
	default:
		exit(EX_PROTOCOL);
	}
}

static void turn(struct login *l)
{
	struct pollfd fds[BROWSERS_MAX + 2] = { { l->role.socket, POLLIN, 0 } };
	int64_t now = clock_mono_ms();

	fds[1] = (struct pollfd){ l->state == NULL ? -1 : l->listener, POLLIN, 0 };
	for (size_t i = 0; i < BROWSERS_MAX; i++) {
		struct browser *b = &l->browsers[i];

		if (b->fd >= 0 && b->until <= now)
			browser_end(b);
		fds[i + 2] = (struct pollfd){ b->waits ? -1 : b->fd, POLLIN, 0 };
	}
	if (poll(fds, BROWSERS_MAX + 2, 1000) <= 0)
		return;
	for (size_t i = 0; i < BROWSERS_MAX; i++)
		if (fds[i + 2].revents != 0)
			browser_read(l, &l->browsers[i]);
	if (fds[1].revents != 0)
		browser_take(l);
	if (fds[0].revents != 0)
		command_says(l);
}

int main(void)
{
	struct login l = { .listener = -1 };

	role_begin(&l.role, "login");
	buf_init(&l.frame, IPC_MAX);
	ipc_out_init(&l.out);
	if (l.role.nlisteners == 1) {
		l.listener = l.role.listeners[0].fd;
		l.role.listeners[0].fd = -1;
	}
	for (size_t i = 0; i < BROWSERS_MAX; i++)
		l.browsers[i].fd = -1;
	json_object_seed(0); /* opens a file the first time */
	role_ready(&l.role);
	for (;;)
		turn(&l);
}
