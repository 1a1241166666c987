/* Starting a role's program: whom it runs as, fork and exec. */
#ifndef MAILFERRY_CMD_PROCESS_H
#define MAILFERRY_CMD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "cmd/programs.h"
#include "config/config.h"

struct identity {
	bool drop; /* we are root: roles run as UID and GID, irrevocably. Otherwise they run as we do. */
	uid_t uid;
	gid_t gid;
};

/* 0, or -1 (ERR_CONFIG) with a text that says what to do about the user. */
int identity_find(const struct config *c, struct identity *out, struct err *e);

/* The spool directory, made if it is not there (and its parent synced), and owned by the roles' user. */
int spool_directory_prepare(const char *path, const struct identity *id, struct err *e);

/* Starts the program of ROLE with an empty environment (TZ is kept), SOCKET as descriptor ROLE_SOCKET, and as ID. The
 * caller closes SOCKET. The process id, or -1. A program that can't be executed ends at once, with a log line. */
pid_t process_start(const struct programs *programs, const char *role, const struct identity *id, int socket, struct err *e);

#endif
