/*
 * The system calls that a role may make (seccomp(2)). What stands in the lists of filter_lists.c is allowed; what is
 * never needed and only an attacker would try kills the process; anything else fails with ENOSYS, as on a kernel that
 * lacks it, and leaves a line in the log, so that a library that learns a new call is found out and harms nothing.
 */
#ifndef MAILFERRY_ROLE_FILTER_H
#define MAILFERRY_ROLE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Beyond what all may: descriptors that are there, memory, clocks, signals to itself. Bits. */
enum filter_may {
	MAY_ACCEPT = 1u << 0,	/* accept connections at listeners that it was handed */
	MAY_FORK = 1u << 1,	/* have children, without new namespaces, and sockets and pipes to them */
	MAY_KILL = 1u << 2,	/* SIGKILL to others: its children. Landlock (ABI 6) lets it reach no others */
	MAY_DIAL = 1u << 3,	/* socket and connect */
	MAY_READ = 1u << 4,	/* open files to read; which is Landlock's affair */
	MAY_FILES = 1u << 5,	/* the same, and make, rename and remove them, and lock parts of them */
	MAY_NARROW = 1u << 6,	/* confine itself by Landlock once more */
	MAY_TERMINAL = 1u << 7	/* ask whether it writes to a terminal */
};

/* Has the kernel what filter_enter needs? */
bool filter_possible(void);

/* Confines this process and its children to be, for ever. Needs PR_SET_NO_NEW_PRIVS. 0, or -1 and E. */
int filter_enter(unsigned may, struct err *e);

/* ---- filter_lists.c ---- */

/* Names of calls: allowed for all (MAY 0) or for those with one of the bits; filter_hostile kill where they are not
 * allowed. Calls whose arguments matter stand in filter.c. */
struct filter_list {
	unsigned may;
	const char *const *names; /* NULL ends them */
};
extern const struct filter_list filter_lists[];
extern const size_t filter_nlists;
extern const char *const filter_hostile[];

/* ---- filter_trap.c ---- */

/* Can a refused call be told in our own log? Else the kernel's log must do. */
bool filter_trap_works(void);

/* Sets that up; once, before filter_enter. ROLE stands in the lines, and must live on. */
void filter_trap_prepare(const char *role);

#endif
