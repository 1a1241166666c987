/* The file of users, held by one who changes it. */
#ifndef MAILFERRY_CMD_USER_FILE_H
#define MAILFERRY_CMD_USER_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "config/config.h"
#include "net/sasl_users.h"

struct user_file {
	char *path; /* owned; behind symbolic links */
	int directory; /* locked while it is open: the file itself is replaced */
	mode_t mode;   /* and owner, which stay as they are */
	uid_t uid;
	gid_t gid;
	struct sasl_users *users; /* owned */
};

/* Reads the file that C names, or, with MAKE, one that is not there yet as an empty one, which gets owner and mode from
 * the configuration file. Waits for others who change it. 0, or -1 with lines appended to ERRORS. Close it in every
 * case. */
int user_file_open(struct user_file *f, const struct config *c, bool make, struct buf *errors);

/* Puts what F->users says in its place, durably. */
int user_file_save(const struct user_file *f, struct err *e);

void user_file_close(struct user_file *f);

#endif
