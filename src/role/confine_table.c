/*
 * What each role may do. Everything that is not granted here, and is not granted
 * to all (descriptors that are there, memory, clocks), is refused.
 *
 * Memory is a bound for what goes wrong, not a measure: several times what a
 * role takes with the largest of what it bounds itself.
 */
#include <string.h>

#include "role/confine.h"
#include "role/filter.h"
#include "role/landlock.h"

#define MB (UINT64_C(1024) * 1024)

const struct confine_row confine_rows[] = {
	/* Listeners, sockets to other roles and large bodies are handed to it; it accepts, reads and writes. */
	{ .role = "receiver", .may = MAY_ACCEPT, .memory = 1024 * MB, .a_session = MB },
	/* Works in the spool directory; a large body is synced by a child. */
	{ .role = "spool", .may = MAY_FILES | MAY_FORK, .directory = LANDLOCK_WORK, .memory = 2048 * MB },
	/* Its connection, its messages and its access token are handed to it. */
	{ .role = "store", .memory = 1024 * MB },
	{ .role = "relay", .memory = 1024 * MB },
	{ .role = "fetch", .memory = 1024 * MB },
	{ .role = "probe", .memory = 1024 * MB },
	/* Works in the token directory; each exchange is a child, and so ends by itself: see token.c. */
	{ .role = "token", .may = MAY_FILES | MAY_FORK, .directory = LANDLOCK_WORK, .memory = 512 * MB },
	/* Looks up and connects, in a child each, which it kills when its time is over. */
	{ .role = "connect",
	  .may = MAY_DIAL | MAY_FORK | MAY_KILL | MAY_READ | MAY_NARROW,
	  .resolver = true,
	  .memory = 256 * MB },
	/* Browsers on this machine. */
	{ .role = "login", .may = MAY_ACCEPT, .memory = 128 * MB, .files = 64 },

	/* Commands, which read what others wrote. */
	{ .role = "try", .may = MAY_READ | MAY_TERMINAL, .memory = 1024 * MB },
	{ .role = "check", .may = MAY_TERMINAL, .memory = 1024 * MB },
};
const size_t confine_nrows = sizeof confine_rows / sizeof confine_rows[0];

const struct confine_row *confine_row(const char *role)
{
	for (size_t i = 0; i < confine_nrows; i++)
		if (strcmp(confine_rows[i].role, role) == 0)
			return &confine_rows[i];
	return NULL;
}
