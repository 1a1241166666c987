/* A person signs in: in a browser that comes back here or whose address is pasted, or by a code typed in elsewhere. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cmd/login.h"
#include "cmd/terminal.h"
#include "cmd/text.h"
#include "oauth/http.h"
#include "role/login.h"
#include "role/role.h"

enum { TEXT_MAX = 32 * 1024, PAGE_MS = 5 * 1000, BACKLOG = 16, LOOK_MS = 60 * 1000 };

static void print_clean(const char *before, const char *text)
{
	struct buf clean;

	buf_init(&clean, TEXT_MAX);
	(void)text_clean(&clean, text, 0);
	(void)printf("%s%s\n", before, buf_str(&clean));
	(void)fflush(stdout);
	buf_free(&clean);
}

/* A port of this machine that the kernel chose, listening. -1 and E. */
static int listen_here(uint16_t *port, struct err *e)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof here;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &size) != 0) {
		(void)err_sys(e, errno, "listen on 127.0.0.1 for the browser to come back; try --paste");
		file_close(&fd);
		return -1;
	}
	*port = ntohs(here.sin_port);
	return fd;
}

/* Where the browser is to come back to (RFC 8252, 7.3). Microsoft lets the port differ from what is registered only for
 * the name localhost, and without a path; others want the address, as RFC 8252, 8.3 does. */
static char *redirect_to(const struct config_server *a, uint16_t port)
{
	bool by_name = a->provider != NULL &&
		       (strcmp(a->provider, "microsoft365") == 0 || strcmp(a->provider, "outlook.com") == 0);

	return by_name ? mem_printf("http://localhost:%u", port) : mem_printf("http://127.0.0.1:%u/", port);
}

/* The value of NAME in the query of URL; NULL when there is none. From mem_alloc. */
static char *of_url(const char *url, const char *name)
{
	struct slice query = slice_str(url);
	size_t mark = slice_find(query, '?');

	return mark == query.n ? NULL : form_get(slice_skip(query, mark + 1), name);
}

/* A daemon that has not read the file since it was changed would sign in for another application. */
static int check_client(const struct login *l, const char *url, struct err *e)
{
	char *client = of_url(url, "client_id");
	bool same =
	    client != NULL && l->server->token.client_id != NULL && strcmp(client, l->server->token.client_id) == 0;

	free(client);
	return same
		   ? 0
		   : err_set(e, ERR_CONFIG, 0,
			     "the running mailferry has another client_id for account %s than %s: let it read the file "
			     "(systemctl reload mailferry), then sign in",
			     l->server->name, l->file);
}

static int start_helper(struct login *l, int listener, uint16_t port, const char *url, struct err *e)
{
	char *state;
	int r;

	if (errand_start(&l->helper, l->config, "login", CONFIG_PART_CONNECT, NULL, e) != 0 ||
	    errand_hand(&l->helper, ROLE_LISTENER, listener, NULL, "browser", e) != 0 || errand_go(&l->helper, e) != 0)
		return err_prefix(e, "mailferry-login");
	state = of_url(url, "state");
	if (state == NULL)
		return err_set(e, ERR_PROTOCOL, 0, "the token role gave an address to sign in at that has no state");
	ipc_begin(&l->helper.out, LOGIN_WAIT, 0);
	ipc_put_str(&l->helper.out, LOGIN_TAG_TEXT, state);
	ipc_put_number(&l->helper.out, LOGIN_TAG_NUMBER, port);
	r = errand_send(&l->helper, e);
	free(state);
	return r;
}

static void invite(const struct login *l, const char *url, uint16_t port)
{
	print_clean("Sign in: open this address in a browser.\n\n    ", url);
	if (l->paste)
		(void)printf(
		    "\nThe browser ends at an address that it can't reach, http://…:%u/?…: that is as it should "
		    "be.\nCopy all of it from the address line, paste it here, and press Enter:\n",
		    port);
	else
		(void)printf(
		    "\nWaiting for the browser to come back. Is it on another machine? Then let it reach this one "
		    "first:\n    ssh -L %u:127.0.0.1:%u THIS-MACHINE\nor paste here the address that it ends at "
		    "(which it can't reach), and press Enter.\n",
		    port, port);
	(void)fflush(stdout);
}

/* The helper shows the browser how it went. */
static void show_page(struct login *l, bool good)
{
	struct ipc_in in;
	struct err e;

	ipc_begin(&l->helper.out, LOGIN_PAGE, 0);
	ipc_put_number(&l->helper.out, LOGIN_TAG_NUMBER, good ? 1 : 0);
	if (errand_send(&l->helper, &e) == 0)
		(void)errand_receive(&l->helper, &in, PAGE_MS, &e);
}

/* The browser came back to the helper. 1: signed in; -1: not, for E. */
static int take_browser(struct login *l, struct err *e)
{
	struct ipc_in in;
	char *answer;
	int r;

	if (errand_receive(&l->helper, &in, 0, e) != 0)
		return err_prefix(e, "mailferry-login");
	answer = ipc_get_str(in.rest, LOGIN_TAG_TEXT, LOGIN_TEXT_MAX);
	if (in.type != LOGIN_ANSWER || answer == NULL) {
		mem_wipe_str(&answer);
		return err_set(e, ERR_PROTOCOL, 0, "mailferry-login said something that makes no sense");
	}
	r = token_sign_in_code(l->tokens.socket, l->server->name, answer, e);
	mem_wipe_str(&answer);
	show_page(l, r == 0);
	return r == 0 ? 1 : -1;
}

/* 1: signed in; 0: go on waiting; -1: it is over, for E. */
static int take_paste(struct login *l, struct terminal *t, struct err *e)
{
	char *line = NULL;
	int r = terminal_line(t, &line);

	if (r < 0 && l->paste)
		return err_set(e, ERR_INPUT, 0, "no address was pasted");
	if (r <= 0 || line[0] == '\0') {
		free(line);
		return 0;
	}
	r = token_sign_in_code(l->tokens.socket, l->server->name, line, e);
	mem_wipe_str(&line);
	if (r == 0)
		return 1;
	/* The provider has said no; anything else may be a slip in copying. */
	if (e->class == ERR_CONFIG)
		return -1;
	print_clean("", e->text);
	return 0;
}

static int wait_for_person(struct login *l, struct terminal *t, int64_t until, struct err *e)
{
	int r = 0;

	while (r == 0) {
		struct pollfd fds[2] = { { l->helper.socket, POLLIN, 0 }, { t->fd, POLLIN, 0 } };
		int64_t left = until - clock_wall_ms();

		if (left <= 0)
			return err_set(e, ERR_TEMP, ETIMEDOUT,
				       "nobody signed in in time; begin again: mailferry login %s", l->server->name);
		if (poll(fds, 2, (int)(left < LOOK_MS ? left : LOOK_MS)) <= 0)
			continue;
		if (fds[0].revents != 0)
			r = take_browser(l, e);
		else if (fds[1].revents != 0)
			r = take_paste(l, t, e);
	}
	return r > 0 ? 0 : -1;
}

int login_by_browser(struct login *l, struct err *e)
{
	struct token_please please = { 0 };
	struct terminal terminal;
	uint16_t port = 0;
	int listener = listen_here(&port, e), r;
	char *redirect;

	if (listener < 0)
		return -1;
	/* Somebody must have the port, so that nobody else of this machine gets the code, if the browser is here after
	 * all. */
	redirect = redirect_to(l->server, port);
	r = token_sign_in(l->tokens.socket, l->server->name, redirect, &please, e);
	if (r == 0)
		r = check_client(l, please.url, e);
	if (r == 0 && !l->paste)
		r = start_helper(l, listener, port, please.url, e);
	if (!l->paste)
		file_close(&listener);
	if (r == 0) {
		invite(l, please.url, port);
		terminal_begin(&terminal);
		r = wait_for_person(l, &terminal, please.expires, e);
		terminal_end(&terminal);
	}
	file_close(&listener);
	if (r == 0)
		(void)printf("\nSigned in: the token is stored.\n");
	token_please_free(&please);
	free(redirect);
	return r;
}

int login_by_code(struct login *l, struct err *e)
{
	struct token_please please;
	int64_t left;
	int r = token_sign_in(l->tokens.socket, l->server->name, NULL, &please, e);

	if (r != 0)
		return -1;
	print_clean("Sign in: open this address in a browser on any machine.\n\n    ", please.url);
	if (please.user_code != NULL)
		print_clean("\nand type in this code there:\n\n    ", please.user_code);
	(void)printf("\nWaiting …\n");
	(void)fflush(stdout);
	left = please.expires - clock_wall_ms();
	r = token_sign_in_wait(l->tokens.socket, l->server->name, left < LOOK_MS ? LOOK_MS : left + LOOK_MS, e);
	token_please_free(&please);
	if (r == 0)
		(void)printf("Signed in: the token is stored.\n");
	return r;
}
