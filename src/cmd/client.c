#include "cmd/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/control.h"
#include "config/config.h"

enum { ERRORS_MAX = 64 * 1024 };

int client_error(const struct command *self, const struct err *e)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: %s\n", self->name, e->text);
	switch (e->class) {
	case ERR_CONFIG:
		return EX_CONFIG;
	case ERR_INPUT:
		return EX_DATAERR;
	case ERR_PROTOCOL:
		return EX_PROTOCOL;
	case ERR_TEMP:
		return EX_UNAVAILABLE;
	case ERR_PERM:
		return EX_NOPERM;
	default:
		return EX_OSERR;
	}
}

struct spool_admin *client_spool(const struct command *self, const char *config_file, int *status)
{
	struct spool_admin *admin = NULL;
	struct buf errors;
	struct err e;
	char *control;
	int fd = -1;

	buf_init(&errors, ERRORS_MAX);
	/* A configuration that is being changed does not hide the mail that waits: the daemon still runs with the old
	 * one. */
	control = config_control(config_file, &errors);
	if (control != NULL)
		fd = control_connect(control, config_file, CONTROL_WANT_SPOOL, &e);
	if (fd >= 0) {
		admin = spool_admin_new(fd);
	} else {
		(void)fputs(buf_str(&errors), stderr);
		*status = control == NULL ? EX_CONFIG : client_error(self, &e);
		if (errors.n > 0)
			*status = EX_CONFIG;
	}
	free(control);
	buf_free(&errors);
	return admin;
}

int client_done(const struct command *self, int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	(void)fprintf(stderr, "mailferry %s: can't write: %s\n", self->name, strerror(errno));
	return EX_IOERR;
}
