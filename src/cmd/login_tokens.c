/* Where the tokens are: the running daemon's token role, or one of our own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cmd/control.h"
#include "cmd/login.h"
#include "cmd/process.h"
#include "cmd/token_directory.h"
#include "role/login.h"
#include "role/role.h"

enum { HELPER_MS = 10 * 1000, READY_MS = 5 * 1000, READY_PAUSE_MS = 100 };

static int start_token(struct login *l, int connect, struct err *e)
{
	struct identity id;
	int directory, r;

	if (errand_start(&l->token, l->config, "token", CONFIG_PART_TOKEN, NULL, e) != 0 ||
	    errand_hand(&l->token, ROLE_CONNECT, connect, NULL, NULL, e) != 0)
		return -1;
	if (identity_find(l->config, &id, e) != 0)
		return -1;
	directory = token_directory_open(l->config->token_directory, &id, e);
	if (directory < 0)
		return -1;
	r = errand_hand(&l->token, ROLE_TOKEN_DIRECTORY, directory, NULL, NULL, e);
	file_close(&directory);
	return r == 0 ? errand_go(&l->token, e) : -1;
}

/* No daemon runs: a connector and a token role for this once, which end with us. */
static int start_own(struct login *l, struct err *e)
{
	int connect, r;

	if (errand_start(&l->connect, l->config, "connect", CONFIG_PART_CONNECT, NULL, e) != 0 ||
	    errand_go(&l->connect, e) != 0)
		return err_prefix(e, "mailferry-connect");
	connect = errand_pair(&l->connect, "token", "", e);
	if (connect < 0)
		return -1;
	r = start_token(l, connect, e);
	file_close(&connect);
	if (r != 0)
		return err_prefix(e, "mailferry-token");
	l->tokens.socket = errand_pair(&l->token, "admin", "", e);
	return l->tokens.socket < 0 ? -1 : 0;
}

int login_tokens_open(struct login *l, struct err *e)
{
	const struct timespec pause = { .tv_nsec = READY_PAUSE_MS * 1000 * 1000 };
	int64_t until = clock_mono_ms() + READY_MS;

	/* Behind a reload that brought the first account with oauth, the role may be starting. */
	while ((l->tokens.socket = control_connect(l->config->control, l->file, CONTROL_WANT_TOKEN, e)) < 0 &&
	       e->class == ERR_TEMP && e->code == 0 && clock_mono_ms() < until)
		(void)nanosleep(&pause, NULL);
	if (l->tokens.socket >= 0)
		return 0;
	if (e->code != ENOENT && e->code != ECONNREFUSED)
		return -1;
	err_clear(e);
	return start_own(l, e);
}

void login_tokens_close(struct login *l)
{
	file_close(&l->tokens.socket);
	(void)errand_end(&l->helper, false);
	(void)errand_end(&l->token, false);
	(void)errand_end(&l->connect, false);
}

/* A helper that does not tell is no reason to fail: it only explains. */
static void note_claims(struct login *l, const char *token)
{
	struct ipc_in in;
	struct err e;
	char *who;

	l->says = 0;
	l->who[0] = '\0';
	if (l->helper.pid == 0 && (errand_start(&l->helper, l->config, "login", CONFIG_PART_CONNECT, NULL, &e) != 0 ||
				   errand_go(&l->helper, &e) != 0))
		return;
	ipc_begin(&l->helper.out, LOGIN_TOKEN, 0);
	ipc_put_str(&l->helper.out, LOGIN_TAG_TEXT, token);
	if (errand_send(&l->helper, &e) != 0 || errand_receive(&l->helper, &in, HELPER_MS, &e) != 0 ||
	    in.type != LOGIN_CLAIMS)
		return;
	l->says = (int)ipc_get_number(in.rest, LOGIN_TAG_NUMBER, 0);
	who = ipc_get_str(in.rest, LOGIN_TAG_WHO, sizeof l->who - 1);
	(void)snprintf(l->who, sizeof l->who, "%s", who == NULL ? "" : who);
	free(who);
}

char *login_token(struct login *l, bool fresh, struct err *e)
{
	char *token = token_get(&l->tokens, fresh, e);

	if (token != NULL)
		note_claims(l, token);
	return token;
}
