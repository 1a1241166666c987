#include "cmd/door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/control.h"
#include "cmd/process.h"
#include "role/role.h"

enum { ERRORS_MAX = 64 * 1024 };

/* The other end of the socket is the spool's: -1 and E, or 0. */
static int hand_peer(struct door *d, struct err *e)
{
	int ends[2], r;

	if (ipc_pair(ends, e) != 0)
		return -1;
	r = errand_hand(&d->spool, ROLE_PEER, ends[1], "admin", NULL, e);
	file_close(&ends[1]);
	if (r == 0)
		d->admin = spool_admin_new(ends[0]);
	else
		file_close(&ends[0]);
	return r;
}

static int own_start(struct door *d, const struct config *c, struct err *e)
{
	struct identity id;

	if (identity_find(c, &id, e) != 0 || spool_directory_prepare(c->spool, &id, e) != 0)
		return -1;
	if (errand_start(&d->spool, c, "spool", CONFIG_PART_SPOOL, NULL, e) != 0 || errand_go(&d->spool, e) != 0)
		return -1;
	return hand_peer(d, e);
}

static int own_open(struct door *d, const struct command *self, const char *config_file)
{
	struct config *c;
	struct buf errors;
	struct err e = { 0 };
	int status = EX_OK;

	buf_init(&errors, ERRORS_MAX);
	d->own = true;
	c = config_look(config_file, &errors);
	if (c == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		status = EX_CONFIG;
	} else if (own_start(d, c, &e) != 0) {
		errand_explain(&d->spool, errand_end(&d->spool, e.code != EPIPE), &e);
		status = client_error(self, &e);
	}
	config_free(&c);
	buf_free(&errors);
	return status;
}

int door_open(struct door *d, const struct command *self, const char *config_file)
{
	struct buf errors;
	struct err e = { 0 };
	char *control;
	int fd = -1, status;

	*d = (struct door){ .spool = ERRAND_NONE };
	buf_init(&errors, ERRORS_MAX);
	control = config_control(config_file, &errors);
	if (control != NULL)
		fd = control_connect(control, config_file, CONTROL_WANT_SPOOL, &e);
	if (fd >= 0) {
		d->admin = spool_admin_new(fd);
		status = EX_OK;
	} else if (control != NULL && e.class == ERR_TEMP && (e.code == ENOENT || e.code == ECONNREFUSED)) {
		status = own_open(d, self, config_file);
	} else {
		(void)fputs(buf_str(&errors), stderr);
		status = control == NULL ? EX_CONFIG : client_error(self, &e);
	}
	free(control);
	buf_free(&errors);
	return status;
}

void door_close(struct door *d)
{
	/* Its end is the end of the spool: what it was asked for is done, since it has answered. */
	spool_admin_free(&d->admin);
	(void)errand_end(&d->spool, false);
}
