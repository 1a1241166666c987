#include "cmd/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/control.h"

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
	struct config *c;
	struct buf errors;
	struct err e;
	int fd;

	buf_init(&errors, ERRORS_MAX);
	c = config_load(config_file, &errors);
	if (c == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		*status = EX_CONFIG;
	} else {
		fd = control_connect(c, CONTROL_WANT_SPOOL, &e);
		if (fd < 0)
			*status = client_error(self, &e);
		else
			admin = spool_admin_new(fd);
	}
	config_free(&c);
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
