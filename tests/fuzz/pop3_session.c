/*
 * A whole POP3 session with a server that the input drives. Its first octets are
 * the client's configuration; then come acts, one a line, of which the next is
 * done whenever the client waits:
 *
 *	h        answers the oldest command that has no answer yet, as it should
 *	r TEXT   says TEXT, and CRLF
 *	R TEXT   says TEXT and no line end
 *	n TEXT   says TEXT and an LF
 *	d        forgets the oldest command
 *	c        closes
 *	t        lets time pass
 *	f N      says N times the same long line
 *
 * and behind the last of them, if the configuration says so, only honest answers.
 * Watched for: calls of the handler that make no sense, an OK to the end of the
 * session that was not given, DELE of a number that was not listed, a secret in
 * the words of an error, an end that never comes; and of a server that was honest
 * all the time, that everything comes as it is.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/source.h"
#include "intake/intake.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { INPUT_MAX = 4000, MESSAGES = 4, ITEMS_MAX = 50, COMMANDS_MAX = 2000, OUT_MAX = 1 << 20, FLOOD = 4000 };

static void check(bool good)
{
	if (!good)
		abort();
}

/* ---- the server ---- */

static const struct {
	const char *uidl, *text; /* as it is sent */
	const char *plain;	 /* as it is */
} mail[MESSAGES] = {
	{ "aa", "A: b\r\n\r\nc\r\n", "A: b\r\n\r\nc\r\n" },
	{ "bb", "A: b\r\n\r\n..\r\n...x\r\n", "A: b\r\n\r\n.\r\n..x\r\n" },
	{ "bb", "\r\n", "\r\n" },
	{ "dd", "", "" },
};

static struct {
	int fd, client;
	struct slice acts;
	bool honest_end; /* behind the acts */
	bool honest;	 /* no act was other than h */
	bool extensions;
	struct buf in, out;
	size_t out_at; /* what is before it was sent */
	char *commands[COMMANDS_MAX];
	size_t heard, answered;
	bool quit, quit_ok; /* QUIT was heard; some line was said behind that began like an OK */
	size_t chunk;	    /* octets at once */
} server;

static void say(const char *text, size_t n)
{
	(void)buf_add(&server.out, text, n);
	/* Generous: any "+" that the client could take for the front of an OK. */
	if (server.quit && n > 0 && memchr(text, '+', n) != NULL)
		server.quit_ok = true;
}

static void say_line(const char *text)
{
	say(text, strlen(text));
	say("\r\n", 2);
}

static void tell_messages(bool names)
{
	char line[100];

	say_line("+OK");
	for (int i = 0; i < MESSAGES; i++) {
		if (names)
			(void)snprintf(line, sizeof line, "%d %s", i + 1, mail[i].uidl);
		else
			(void)snprintf(line, sizeof line, "%d %zu", i + 1, strlen(mail[i].plain));
		say_line(line);
	}
	say_line(".");
}

static void answer(const char *command)
{
	int number = 0;

	if (strncmp(command, "RETR ", 5) == 0 || strncmp(command, "DELE ", 5) == 0)
		number = command[5] - '0';
	if (strcmp(command, "CAPA") == 0) {
		if (server.extensions)
			say_line("+OK\r\nTOP\r\nUIDL\r\nPIPELINING\r\nUSER\r\nSASL PLAIN LOGIN CRAM-MD5 XOAUTH2\r\nUTF8\r\n.");
		else
			say_line("-ERR what?");
	} else if (strcmp(command, "LIST") == 0) {
		tell_messages(false);
	} else if (strcmp(command, "UIDL") == 0) {
		tell_messages(true);
	} else if (strcmp(command, "STAT") == 0) {
		say_line("+OK 4 48");
	} else if (strncmp(command, "RETR ", 5) == 0 && number >= 1 && number <= MESSAGES) {
		say_line("+OK");
		say(mail[number - 1].text, strlen(mail[number - 1].text));
		say_line(".");
	} else if (strncmp(command, "TOP ", 4) == 0) {
		say_line("+OK\r\nA: b\r\n\r\n.");
	} else if (strncmp(command, "AUTH ", 5) == 0 || strncmp(command, "APOP ", 5) == 0) {
		say_line("+OK");
	} else if (command[0] >= 'A' && command[0] <= 'Z') {
		say_line("+OK");
	} else {
		say_line("-ERR");
	}
}

static void hear(void)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(server.fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		(void)buf_add(&server.in, bytes, (size_t)n);
	for (;;) {
		struct slice in = buf_slice(&server.in);
		size_t end = slice_find(in, '\n');

		if (end == in.n)
			return;
		check(end > 0 && in.p[end - 1] == '\r');
		check(server.heard < COMMANDS_MAX);
		server.commands[server.heard] = slice_dup(slice_of(in.p, end - 1));
		server.quit = server.quit || strcmp(server.commands[server.heard], "QUIT") == 0;
		server.heard++;
		buf_consume(&server.in, end + 1);
	}
}

/* True when something was done. */
static bool next_act(void)
{
	size_t end = slice_find(server.acts, '\n');
	struct slice line = slice_of(server.acts.p, end), text = line.n > 2 ? slice_skip(line, 2) : SLICE_NONE;
	bool none = server.acts.n == 0;

	server.acts = slice_skip(server.acts, end < server.acts.n ? end + 1 : end);
	if (none && !server.honest_end)
		return false;
	if (none || (line.n > 0 && line.p[0] == 'h')) {
		if (server.answered == server.heard)
			return !none;
		answer(server.commands[server.answered++]);
		return true;
	}
	server.honest = false;
	switch (line.n == 0 ? '\0' : line.p[0]) {
	case 'r':
	case 'R':
	case 'n':
		say(text.p, text.n);
		if (line.p[0] == 'r')
			say("\r\n", 2);
		else if (line.p[0] == 'n')
			say("\n", 1);
		server.answered += server.answered < server.heard;
		break;
	case 'd':
		server.answered += server.answered < server.heard;
		break;
	case 'c':
		(void)close(server.fd);
		server.fd = -1;
		break;
	case 't':
		world.now_ms += 1000;
		break;
	case 'f':
		for (int i = 0; i < 100; i++)
			say_line("1 1 a line that is long enough to add up to something when it is said again and again .......");
		break;
	}
	return true;
}

static bool serve(void)
{
	int unread = 0;
	size_t n;

	if (server.fd < 0)
		return false;
	hear();
	(void)ioctl(server.client, FIONREAD, &unread);
	if (unread > 0)
		return true;
	if (server.out_at == server.out.n) {
		buf_clear(&server.out);
		server.out_at = 0;
	}
	for (int i = 0; i < 50 && server.fd >= 0 && server.out.n == 0 && next_act(); i++)
		;
	n = server.out.n - server.out_at;
	if (server.fd < 0 || n == 0)
		return false;
	if (n > server.chunk && n < FLOOD) /* a flood comes at once */
		n = server.chunk;
	check(send(server.fd, server.out.p + server.out_at, n, MSG_NOSIGNAL) == (ssize_t)n);
	server.out_at += n;
	return true;
}

static int dial(void *arg, struct err *e)
{
	int fds[2];

	(void)arg;
	(void)e;
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	server.fd = fds[1];
	server.client = fds[0];
	if (server.extensions || server.acts.n == 0 || server.acts.p[0] == 'h')
		say_line("+OK <1.2@pop.example.net>");
	return fds[0];
}

/* ---- the client ---- */

static char *token(void *arg, bool fresh, struct err *e)
{
	(void)arg;
	(void)e;
	return mem_strdup(fresh ? "pencil-token" : "pencil-old");
}

static const struct source_item *asked;
static size_t nasked, ended;
static bool within;
static struct buf content;
static struct source_item items[ITEMS_MAX];
static char *names[ITEMS_MAX];
static size_t nitems, told;

static int begin(void *arg, const struct source_item *item)
{
	(void)arg;
	check(!within && ended < nasked && item == &asked[ended]);
	within = true;
	buf_clear(&content);
	return 0;
}

static int piece(void *arg, struct slice bytes)
{
	(void)arg;
	check(within && bytes.n > 0 && bytes.n <= INTAKE_PIECE_MAX);
	(void)buf_add_slice(&content, bytes);
	return 0;
}

static int end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	(void)arg;
	check(ended < nasked && item == &asked[ended] && words != NULL);
	check(got != SOURCE_GOT_WHOLE || within);
	check(strstr(words, "pencil") == NULL);
	if (server.honest && got == SOURCE_GOT_WHOLE)
		check(slice_eq(buf_slice(&content), slice_str(mail[item->number - 1].plain)));
	within = false;
	ended++;
	return 0;
}

static int head_end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	bool honest = server.honest;

	server.honest = false;
	(void)end(arg, item, got, words);
	server.honest = honest;
	return 0;
}

static int keep(void *arg, const struct source_item *item)
{
	(void)arg;
	check(item->number > 0 && strlen(item->name) <= SOURCE_NAME_MAX);
	told++;
	if (nitems == ITEMS_MAX)
		return 0;
	names[nitems] = mem_strdup(item->name);
	items[nitems] = *item;
	items[nitems].name = names[nitems];
	nitems++;
	return 0;
}

static void blame(const struct err *e)
{
	check(e->class == ERR_CONFIG || e->class == ERR_TEMP || e->class == ERR_PROTOCOL || e->class == ERR_PERM);
	check(e->text[0] != '\0' && strstr(e->text, "pencil") == NULL);
}

static int get(struct source_session *s, bool heads, struct err *e)
{
	struct source_handler h = { begin, piece, heads ? head_end : end, NULL };
	int ret;

	asked = items;
	nasked = nitems;
	ended = 0;
	within = false;
	ret = heads ? source_pop3.heads(s, items, nitems, &h, e) : source_pop3.fetch(s, items, nitems, &h, e);
	check(ret != 0 || (ended == nitems && !within));
	check(ret == 0 || e->class != ERR_PERM || ended == 0);
	return ret != 0 && e->class == ERR_PERM ? 0 : ret;
}

static void session(const struct source_login *login, unsigned flags)
{
	struct source_folder folder = { .name = (char[]){ "" } };
	struct source_mark now;
	struct err e = { 0 };
	struct source_session *s = source_pop3.open(login, &e);
	struct buf refused;
	bool same, complete = false;

	if (s == NULL) {
		blame(&e);
		check(!server.honest);
		return;
	}
	buf_init(&refused, 1000);
	if (source_pop3.enter(s, &folder, true, NULL, &now, &same, &e) != 0 ||
	    source_pop3.list(s, 1, keep, NULL, &complete, &e) != 0)
		goto failed;
	check(now.exists == told && !same);
	check(!server.honest || (complete && nitems == MESSAGES));
	if (((flags & 1) != 0 && get(s, true, &e) != 0) || get(s, false, &e) != 0)
		goto failed;
	if ((flags & 2) != 0 && source_pop3.remove(s, items, nitems, NULL, &refused, &e) != 0)
		goto failed;
	check(!server.honest || refused.n == 0);
	if (source_pop3.leave(&s, &e) != 0)
		goto failed;
	check(server.quit_ok);
	buf_free(&refused);
	return;
failed:
	blame(&e);
	check(!server.honest);
	source_pop3.abort(&s);
	buf_free(&refused);
}

/* Numbers that the client named were listed, and each was removed once at most. */
static void look_back(void)
{
	bool removed[ITEMS_MAX] = { false };

	for (size_t i = 0; i < server.heard; i++) {
		const char *c = server.commands[i];
		uint64_t number;
		bool listed = false;

		if (strncmp(c, "DELE ", 5) == 0) {
			check(slice_number(slice_str(c + 5), UINT32_MAX, &number) == 0);
			for (size_t j = 0; j < nitems; j++) {
				if (items[j].number != number)
					continue;
				check(!removed[j]);
				removed[j] = listed = true;
			}
			check(listed);
		}
		free(server.commands[i]);
	}
	for (size_t i = 0; i < nitems; i++)
		free(names[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const auths[] = { NULL, NULL, "PLAIN", "LOGIN", "CRAM-MD5", "USER", "APOP", "SCRAM-SHA-256" };
	static const size_t chunks[] = { 1, 2, 7, 100000 };
	char name[] = "old", host[] = "pop.example.net", user[] = "user", password[] = "pencil";
	struct config_source source = { .name = name,
					.protocol = CONFIG_POP3,
					.keep = true,
					.server = { .name = name,
						    .of_source = true,
						    .host = host,
						    .port = 110,
						    .user = user,
						    .password = password,
						    .tls = CONFIG_TLS_NONE,
						    .timeout = 30000 } };
	struct source_login login = { .source = &source, .wake_fd = -1, .connect = dial, .message_max = 100000 };

	const char *auth;

	if (n < 4 || n > INPUT_MAX)
		return 0;
	log_set_level(LOG_ERROR);
	world_begin(serve, 1000, 1000);
	nitems = told = 0;
	memset(&server, 0, sizeof server);
	server.fd = -1;
	server.chunk = chunks[p[0] % 4];
	server.extensions = (p[0] & 4) != 0;
	server.honest_end = (p[0] & 8) != 0;
	server.acts = slice_of((const char *)p + 4, n - 4);
	buf_init(&server.in, OUT_MAX);
	buf_init(&server.out, OUT_MAX);
	buf_init(&content, 200000);
	source.window = p[1] % 8 + 1;
	source.server.auth = (char *)(uintptr_t)auths[p[2] % 8];
	source.server.oauth = (p[2] & 8) != 0;
	if (source.server.oauth) {
		source.server.auth = NULL;
		login.token = token;
	}
	/* The answers above are enough for these. */
	auth = source.server.auth;
	server.honest = server.honest_end && !source.server.oauth &&
			(auth == NULL ? !server.extensions
				      : strcmp(auth, "USER") == 0 || strcmp(auth, "APOP") == 0 ||
					    (strcmp(auth, "PLAIN") == 0 && server.extensions));
	login.deadline = world.now_ms + 3600 * 1000;
	session(&login, p[3]);
	if (server.fd >= 0)
		(void)close(server.fd);
	look_back();
	buf_free(&server.in);
	buf_free(&server.out);
	buf_free(&content);
	return 0;
}
