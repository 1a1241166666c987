#include "cmd/control_server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/control.h"
#include "ipc/channel.h"

/* A client is here only until it has said what it wants. */
enum { CLIENTS_MAX = 64, CLIENT_SECONDS = 5, WANT_MAX = 32, PAUSE_SECONDS = 1 };

struct control_client {
	struct control_client *next;
	struct control_server *server;
	struct channel *channel;
	struct event *deadline;
	int fd; /* the channel's */
};

struct control_server {
	struct event_base *base;
	int fd;
	char *path;
	struct event *readable, *resume;
	struct control_client *clients;
	size_t nclients;
	control_hand_fn *hand;
	void *arg;
};

static void client_free(struct control_client *c)
{
	struct control_client **p = &c->server->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->server->nclients--;
	channel_free(&c->channel);
	event_free(c->deadline);
	free(c);
}

static void client_answer(struct control_client *c, enum control_message type, const char *text)
{
	struct ipc_out out;
	struct err e;

	ipc_out_init(&out);
	ipc_begin(&out, (uint16_t)type, 1);
	ipc_put_str(&out, CONTROL_TAG_TEXT, text);
	/* A client that does not listen is its own loss. */
	(void)channel_send(c->channel, &out, NULL, 0, &e);
	ipc_out_free(&out);
}

static bool is_known(const char *want)
{
	static const char *const known[] = { CONTROL_WANT_SPOOL, CONTROL_WANT_TOKEN, CONTROL_WANT_CONNECT,
					     CONTROL_WANT_LIFT,	 CONTROL_WANT_SYNC,  CONTROL_WANT_SOURCES };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(want, known[i]) == 0)
			return true;
	return false;
}

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct control_client *c = arg;
	char *want = ipc_get_str(in->rest, CONTROL_TAG_WANT, WANT_MAX);
	struct err e = { 0 };

	(void)fds;
	if (in->type != CONTROL_HELLO || nfds != 0 || want == NULL) {
		client_answer(c, CONTROL_FAILED, "that is not a request that I know");
	} else if (is_known(want)) {
		/* Nobody says anything to the client before our answer. */
		int r = c->server->hand(c->server->arg, want, in->rest, c->fd, &e);

		client_answer(c, r == 0 ? CONTROL_OK : CONTROL_FAILED, r == 0 ? NULL : e.text);
	} else {
		client_answer(c, CONTROL_FAILED,
			      "this mailferry does not know that request; is it of another version?");
	}
	free(want);
	client_free(c);
	return 0;
}

static void on_closed(void *arg, const struct err *e)
{
	(void)e;
	client_free(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_free(arg);
}

static const struct channel_handler handler = { .message = on_message, .closed = on_closed };

static bool peer_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void client_new(struct control_server *s, int fd)
{
	const struct timeval tv = { .tv_sec = CLIENT_SECONDS };
	struct control_client *c;

	if (s->nclients == CLIENTS_MAX || !peer_allowed(fd)) {
		(void)close(fd);
		return;
	}
	c = mem_alloc(sizeof *c);
	c->server = s;
	c->fd = fd;
	c->channel = channel_new(s->base, fd, &handler, c);
	c->deadline = event_new(s->base, -1, 0, on_deadline, c);
	if (c->deadline == NULL || event_add(c->deadline, &tv) != 0)
		abort();
	c->next = s->clients;
	s->clients = c;
	s->nclients++;
}

static void on_accept(evutil_socket_t listening, short what, void *arg)
{
	const struct timeval pause = { .tv_sec = PAUSE_SECONDS };
	struct control_server *s = arg;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd >= 0) {
		client_new(s, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		/* The connection stays in the queue and would wake us again at once. */
		(void)event_del(s->readable);
		(void)event_add(s->resume, &pause);
	}
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *s = arg;

	(void)fd;
	(void)what;
	(void)event_add(s->readable, NULL);
}

/* Makes way for our socket: 0, or -1 when somebody listens there or it is no socket. */
static int stale_remove(const struct sockaddr_un *sun, struct err *e)
{
	struct stat st;
	int fd, r;

	if (lstat(sun->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_CONFIG, 0, "the control socket %s can't be made: something else has that name",
			       sun->sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "make a socket");
	r = connect(fd, (const struct sockaddr *)sun, sizeof *sun);
	(void)close(fd);
	if (r == 0)
		return err_set(e, ERR_TEMP, 0, "another mailferry is running: it listens on the control socket %s",
			       sun->sun_path);
	if (unlink(sun->sun_path) != 0 && errno != ENOENT)
		return err_sys(e, errno, "remove the old control socket %s", sun->sun_path);
	return 0;
}

/* /run is empty after a start of the machine: make the directory, with its parents left to the operator. */
static void parent_make(const char *path)
{
	char *parent = mem_strdup(path);
	char *slash = strrchr(parent, '/');

	if (slash != NULL && slash != parent) {
		*slash = '\0';
		(void)mkdir(parent, 0755);
	}
	free(parent);
}

static int control_listen(const char *path, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	mode_t mask;
	int fd, r;

	if (n >= sizeof sun.sun_path)
		return err_set(e, ERR_CONFIG, 0, "control: %s is longer than the path of a socket may be (%zu octets)",
			       path, sizeof sun.sun_path - 1);
	memcpy(sun.sun_path, path, n);
	parent_make(path);
	if (stale_remove(&sun, e) != 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "make the control socket");
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&sun, sizeof sun);
	(void)umask(mask);
	if (r == 0)
		r = listen(fd, CLIENTS_MAX);
	if (r == 0)
		return fd;
	(void)err_sys(e, errno, "make the control socket %s", path);
	(void)close(fd);
	return -1;
}

struct control_server *control_server_new(struct event_base *base, const char *path, control_hand_fn *hand, void *arg,
					  struct err *e)
{
	int fd = control_listen(path, e);
	struct control_server *s;

	if (fd < 0)
		return NULL;
	s = mem_alloc(sizeof *s);
	s->base = base;
	s->fd = fd;
	s->path = mem_strdup(path);
	s->hand = hand;
	s->arg = arg;
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, s);
	s->resume = event_new(base, -1, 0, on_resume, s);
	if (s->readable == NULL || s->resume == NULL || event_add(s->readable, NULL) != 0)
		abort();
	return s;
}

void control_server_free(struct control_server **sp)
{
	struct control_server *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	while (s->clients != NULL)
		client_free(s->clients);
	event_free(s->readable);
	event_free(s->resume);
	(void)unlink(s->path);
	free(s->path);
	file_close(&s->fd);
	free(s);
}
