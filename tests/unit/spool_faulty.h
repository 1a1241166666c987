/* A VFS of SQLite, "faulty", that fails at a chosen call. */
#ifndef MAILFERRY_TESTS_SPOOL_FAULTY_H
#define MAILFERRY_TESTS_SPOOL_FAULTY_H

#include <stdbool.h>

struct faulty_shared {
	int calls;   /* writes, syncs and truncations so far */
	int fail_at; /* the one that fails; 0: none */
	bool sticky; /* and all behind it */
	bool full;   /* as a full disk does: writes fail, syncs do not */
	bool database; /* only calls for the database count, and none for its log */
};

extern struct faulty_shared *shared; /* memory that the test and the server share; set it before the server starts */

/* In the server's process, before it opens the spool: registers the VFS, and makes the process a group of its own,
 * because a kill at a step takes the group. */
void faulty_install(void);

#endif
