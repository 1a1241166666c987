/*
 * mailferry-connect: makes the connections that the configuration names, and
 * passes them on. Each request gets a child of its own, because looking up a
 * name can't be interrupted; it is killed when its time is over.
 */
#include "role/connect.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/peer.h"
#include "config/url.h"
#include "config/value.h"
#include "ipc/socket.h"
#include "role/dial.h"
#include "role/resolver.h"
#include "role/role.h"

/* Stores, and fetchers of which each may wait for news at its source. */
enum { PEERS_MAX = 2500, TIMEOUT_MAX_MS = 10 * 60 * 1000, NAME_MAX_BYTES = 4096 };

/* What the other end is, and so may ask for. */
enum peer_kind {
	PEER_SERVER, /* a store, a fetcher: the server of its account or source */
	PEER_ADMIN,  /* that of any account or source */
	PEER_TOKEN,  /* endpoints of accounts and sources with oauth */
	PEER_RECEIVER /* milters */
};

struct work {
	pid_t child; /* 0: none */
	uint32_t id; /* of the request */
};

struct peer {
	int fd;
	enum peer_kind kind;
	char *name;			    /* of a PEER_SERVER's account or source */
	struct work works[CONNECT_AT_ONCE]; /* all but the first for token role and receivers only */
};

struct connector {
	struct role role;
	struct peer *peers;
	size_t npeers;
	struct buf frame;
	bool stop;
};

static void peer_drop(struct connector *c, size_t i)
{
	struct peer *p = &c->peers[i];

	file_close(&p->fd);
	free(p->name);
	for (size_t w = 0; w < CONNECT_AT_ONCE; w++) {
		if (p->works[w].child > 0)
			(void)kill(p->works[w].child, SIGKILL);
	}
	*p = c->peers[--c->npeers];
}

/* A place for one more request, or NULL. */
static struct work *work_free(struct peer *p)
{
	const bool many = p->kind == PEER_TOKEN || p->kind == PEER_RECEIVER;

	for (size_t w = 0; w < (many ? CONNECT_AT_ONCE : 1); w++) {
		if (p->works[w].child == 0)
			return &p->works[w];
	}
	return NULL;
}

static void answer_make(struct ipc_out *out, uint32_t id, const struct err *e)
{
	ipc_out_init(out);
	ipc_begin(out, CONNECT_DONE, id);
	if (e != NULL) {
		ipc_put_number(out, CONNECT_TAG_CLASS, e->class);
		ipc_put_number(out, CONNECT_TAG_CODE, e->code);
		ipc_put_str(out, CONNECT_TAG_TEXT, e->text);
	}
}

/* From a child, which may wait for a peer that does not read: its alarm ends that. */
static void answer(int fd, uint32_t id, int connection, const struct err *e)
{
	struct ipc_out out;

	answer_make(&out, id, connection < 0 ? e : NULL);
	/* A peer that is gone needs no answer. */
	(void)ipc_send(fd, &out, connection < 0 ? NULL : &connection, connection < 0 ? 0 : 1, NULL);
	ipc_out_free(&out);
}

/* From the connector itself, which waits for nobody. 0, or -1 when the peer does not read what it is told. */
static int refuse(int fd, uint32_t id, const struct err *e)
{
	struct ipc_out out;
	int r;

	answer_make(&out, id, e);
	r = ipc_socket_send(fd, buf_slice(&out.buf), NULL, 0);
	ipc_out_free(&out);
	return r == 0 ? 0 : -1;
}

/* Where a request leads. */
struct target {
	char host[URL_HOST_SIZE];
	uint16_t port;
	struct slice path; /* of a UNIX socket; then there is no host */
	const char *keys;
	int64_t timeout;
};

static _Noreturn void child_run(const struct peer *p, uint32_t id, const struct target *t, pid_t parent)
{
	struct err e = { 0 };
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EX_TEMPFAIL);
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm((unsigned)(t->timeout / 1000 + 1));
	resolver_narrow(t->port);
	fd = dial(t->host, t->port, t->keys, t->timeout, &e);
	answer(p->fd, id, fd, &e);
	_exit(0);
}

static int endpoint_find(const struct config_server *a, enum connect_endpoint which, struct target *t)
{
	const char *text = which == CONNECT_DEVICE ? a->token.device_endpoint : a->token.token_endpoint;
	char hint[VALUE_HINT_SIZE];
	struct url url;

	if (!a->oauth || text == NULL || url_parse(text, &url, hint) != 0)
		return -1;
	memcpy(t->host, url.host, sizeof t->host);
	t->port = url.port;
	t->keys = a->of_relay    ? "the endpoints under oauth of the relay"
		  : a->of_source ? "the endpoints under oauth of the source"
				 : "the endpoints under oauth of the account";
	return 0;
}

static int server_find(const struct config_server *a, struct target *t)
{
	size_t n = strlen(a->host);

	if (n >= sizeof t->host)
		return -1;
	memcpy(t->host, a->host, n + 1);
	t->port = a->port;
	t->keys = a->of_relay	 ? "host and port of the relay"
		  : a->of_source ? "host and port of the source"
				 : "host and port of the account";
	return 0;
}

static int milter_find(const struct config *c, const char *name, struct target *t)
{
	const struct config_milter *m = config_milter(c, name);
	char hint[VALUE_HINT_SIZE];
	struct config_peer peer;

	if (m == NULL || config_peer_parse(slice_str(m->address), &peer, hint) != 0)
		return -1;
	_Static_assert(sizeof t->host >= sizeof peer.host, "a milter's host fits");
	memcpy(t->host, peer.host, sizeof peer.host);
	t->port = peer.port;
	t->path = peer.path;
	t->keys = "the address of the milter, and whether it runs";
	return 0;
}

/* Milters are near: where no name is to be looked up, no process is needed, and nobody waits here for the connection
 * to stand. Sends it, or why not. 1: a name must be looked up; 0; -1: the peer does not read what it is told. */
static int milter_serve(const struct peer *p, uint32_t id, const struct target *t)
{
	struct ipc_out out;
	struct err e;
	int fd = dial_begin(t->host, t->port, t->path, &e), r;

	if (fd < 0 && e.class == ERR_NONE)
		return 1;
	if (fd < 0)
		return refuse(p->fd, id, &e);
	answer_make(&out, id, NULL);
	r = ipc_socket_send(p->fd, buf_slice(&out.buf), &fd, 1);
	ipc_out_free(&out);
	file_close(&fd);
	return r == 0 ? 0 : -1;
}

/* 0, or -1 when P may not ask that. */
static int target_find(const struct connector *c, const struct peer *p, const struct ipc_in *in, struct target *t)
{
	char *name = ipc_get_str(in->rest, CONNECT_TAG_ACCOUNT, NAME_MAX_BYTES);
	int64_t which = ipc_get_number(in->rest, CONNECT_TAG_ENDPOINT, CONNECT_STORE);
	const struct config_server *a = NULL;
	bool store = which == CONNECT_STORE;

	*t = (struct target){ .timeout = ipc_get_number(in->rest, CONNECT_TAG_TIMEOUT, 0) };
	/* The timeout of an account bounds more than this, and may be longer. */
	if (t->timeout > TIMEOUT_MAX_MS)
		t->timeout = TIMEOUT_MAX_MS;
	if (p->kind == PEER_RECEIVER) {
		int r = which == CONNECT_MILTER && name != NULL && t->timeout >= 1 ? 0 : -1;

		/* It may be that of a configuration from before a reload: that is told, and no fault. */
		if (r == 0 && milter_find(c->role.config, name, t) != 0)
			t->keys = NULL;
		free(name);
		return r;
	}
	if (name != NULL && (p->kind != PEER_SERVER || strcmp(p->name, name) == 0))
		a = config_server(c->role.config, name);
	free(name);
	if (a == NULL || t->timeout < 1 || store != (p->kind != PEER_TOKEN))
		return -1;
	return store ? server_find(a, t) : endpoint_find(a, (enum connect_endpoint)which, t);
}

/* 0, or -1 when the peer is gone or may not ask that. */
static int serve(struct connector *c, struct peer *p)
{
	struct work *work = work_free(p);
	pid_t parent = getpid();
	struct target t;
	struct ipc_in in;
	struct err e;

	if (ipc_receive(p->fd, &c->frame, &in, NULL, NULL, 0, &e) != 0)
		return e.class == ERR_TEMP ? 0 : -1;
	if (in.type != CONNECT_OPEN || work == NULL || target_find(c, p, &in, &t) != 0)
		return -1;
	if (p->kind == PEER_RECEIVER) {
		int r;

		if (t.keys == NULL) {
			(void)err_set(&e, ERR_CONFIG, 0, "the running configuration has no such milter any more");
			return refuse(p->fd, in.id, &e);
		}
		r = milter_serve(p, in.id, &t);
		if (r <= 0)
			return r;
	}
	work->id = in.id;
	work->child = fork();
	if (work->child == 0)
		child_run(p, in.id, &t, parent);
	if (work->child < 0) {
		(void)err_sys(&e, errno, "cannot start another process to connect to %s", t.host);
		work->child = 0;
		return refuse(p->fd, in.id, &e);
	}
	return 0;
}

/* 0, or -1 when the peer does not read what it is told. */
static int work_ended(const struct peer *p, struct work *work, int status)
{
	struct err e;

	work->child = 0;
	if (WIFEXITED(status))
		return 0;
	/* Killed at its deadline, so nothing was answered. */
	(void)err_set(&e, ERR_TEMP, ETIMEDOUT, "looking up the %s %s takes too long; check this machine's name server",
		      p->kind == PEER_TOKEN ? "endpoints under" : "server of",
		      p->kind == PEER_TOKEN ? "oauth" : p->name);
	return refuse(p->fd, work->id, &e);
}

static void reap_one(struct connector *c, pid_t pid, int status)
{
	for (size_t i = 0; i < c->npeers; i++) {
		for (size_t w = 0; w < CONNECT_AT_ONCE; w++) {
			if (c->peers[i].works[w].child != pid)
				continue;
			if (work_ended(&c->peers[i], &c->peers[i].works[w], status) != 0)
				peer_drop(c, i);
			return;
		}
	}
}

static void reap(struct connector *c)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		reap_one(c, pid, status);
}

static void add_peer(struct connector *c, struct slice fields, int *fd)
{
	char *name = ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);
	char *role = ipc_get_str(fields, ROLE_TAG_ROLE, NAME_MAX_BYTES);
	enum peer_kind kind = PEER_SERVER;

	if (c->npeers == PEERS_MAX) {
		log_error("connect-too-many-peers", LOG_NUM("peers", c->npeers));
		free(name);
		free(role);
		return;
	}
	if (role != NULL && strcmp(role, "token") == 0)
		kind = PEER_TOKEN;
	else if (role != NULL && strcmp(role, "receiver") == 0)
		kind = PEER_RECEIVER;
	else if (role != NULL && strcmp(role, "admin") == 0)
		kind = PEER_ADMIN;
	free(role);
	c->peers = mem_resize(c->peers, c->npeers + 1, sizeof *c->peers);
	c->peers[c->npeers++] = (struct peer){ .fd = *fd, .kind = kind, .name = name == NULL ? mem_strdup("") : name };
	*fd = -1;
}

static void supervisor_says(struct connector *c)
{
	int fds[IPC_FDS_MAX];
	size_t nfds = 0;
	struct ipc_in in;
	struct err e;

	if (ipc_receive(c->role.socket, &c->frame, &in, fds, &nfds, 0, &e) != 0) {
		c->stop = e.class != ERR_TEMP;
		return;
	}
	if (in.type == ROLE_STOP)
		c->stop = true;
	else if (in.type == ROLE_PEER && nfds == 1)
		add_peer(c, in.rest, &fds[0]);
	for (size_t i = 0; i < nfds; i++)
		file_close(&fds[i]);
}

static void turn(struct connector *c)
{
	struct pollfd *fds = mem_array(c->npeers + 1, sizeof *fds);
	size_t n = c->npeers;
	sigset_t open;

	(void)sigemptyset(&open);
	fds[0] = (struct pollfd){ c->role.socket, POLLIN, 0 };
	/* A peer is not heard while as many of its requests are under way as it may have. */
	for (size_t i = 0; i < n; i++)
		fds[i + 1] = (struct pollfd){ work_free(&c->peers[i]) == NULL ? -1 : c->peers[i].fd, POLLIN, 0 };
	/* SIGCHLD comes only inside ppoll, so that no child's end goes unnoticed between reap and here. */
	if (ppoll(fds, n + 1, NULL, &open) > 0) {
		/* From the end, because dropping a peer moves the last one into its place. */
		for (size_t i = n; i > 0; i--) {
			if (fds[i].revents != 0 && serve(c, &c->peers[i - 1]) != 0)
				peer_drop(c, i - 1);
		}
		if (fds[0].revents != 0)
			supervisor_says(c);
	}
	free(fds);
}

static void on_child(int signo)
{
	(void)signo; /* only interrupts ppoll */
}

int main(void)
{
	struct sigaction child = { .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP };
	struct connector c = { .stop = false };
	sigset_t blocked;

	role_begin(&c.role, "connect");
	buf_init(&c.frame, IPC_MAX);
	(void)sigaction(SIGCHLD, &child, NULL);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	role_ready(&c.role);
	while (!c.stop) {
		turn(&c);
		reap(&c);
	}
	while (c.npeers > 0)
		peer_drop(&c, c.npeers - 1);
	free(c.peers);
	buf_free(&c.frame);
	role_free(&c.role);
	return 0;
}
