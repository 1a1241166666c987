/* What an administrator must do at a provider before an account can log in there, step by step. */
#ifndef MAILFERRY_CMD_LOGIN_STEPS_H
#define MAILFERRY_CMD_LOGIN_STEPS_H

#include "base/buf.h"
#include "config/config.h"

/* Appends the steps for account A: by its provider and grant, or for its password. Texts that A does not give yet stand
 * as "CLIENT_ID" and the like. FILE is the configuration. A may have errors. */
void login_steps(const struct config_server *a, const char *file, struct buf *out);

/* The same for a provider by name, before there is a configuration: every way to log in there, best first. 0, or -1
 * when there is no such provider. */
int login_steps_provider(const char *provider, const char *file, struct buf *out);

#endif
