/*
 * mailferry login: what its files have in common.
 *
 * The command itself only prints, reads what is pasted, and starts programs.
 * Tokens are the token role's: that of the running daemon, or one that is
 * started for this once. The browser is answered by mailferry-login, the mailbox
 * tried by mailferry-probe, both as the unprivileged user.
 */
#ifndef MAILFERRY_CMD_LOGIN_H
#define MAILFERRY_CMD_LOGIN_H

#include <stdbool.h>

#include "cmd/command.h"
#include "cmd/errand.h"
#include "config/config.h"
#include "role/token.h"

struct login {
	const struct command *self;
	const char *file;
	const struct config *config;
	const struct config_server *server;
	bool paste;		      /* the browser is not on this machine: nothing listens here */
	struct token_asker tokens;    /* a socket to a token role; -1: none yet */
	struct errand token, connect; /* ours, where no daemon runs */
	struct errand helper;	      /* mailferry-login */
	int says;		      /* LOGIN_SAYS_…, of the newest access token */
	char who[256];		      /* the same: who signed in, or "" */
};

/* ---- login_tokens.c ---- */
/* Finds a token role, or starts one. 0, or -1 and E. */
int login_tokens_open(struct login *l, struct err *e);
void login_tokens_close(struct login *l);

/* As token_get, and notes what the token says of itself. */
char *login_token(struct login *l, bool fresh, struct err *e);

/* ---- login_sign_in.c ---- */
/* A person signs in: 0 when the refresh token is safe. -1 and E. Prints what the person must do. */
int login_by_browser(struct login *l, struct err *e);
int login_by_code(struct login *l, struct err *e);

/* ---- login_test.c ---- */
/* Tries the mailbox, and prints what came of it. The exit status. */
int login_test(struct login *l);

/* Prints E with what it means and what to do. The exit status that fits. TOKEN: no access token was to be had. */
int login_failed(const struct login *l, const struct err *e, bool token);

#endif
