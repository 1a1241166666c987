/*
 * Where a role shuts itself in: behind it, only what its row in confine_table.c
 * grants is possible. It is the last thing before a role meets anything from
 * outside; role_ready does it, so that no role can forget it. Commands that read
 * what is hostile (try, check) call confine themselves.
 *
 * It is made of no new privileges, limits (setrlimit), system calls (filter.h)
 * and paths, ports and signals (landlock.h). What the kernel lacks is left out,
 * unless the configuration says sandbox = "required".
 *
 * A new role needs a row; a need that a row can't tell yet needs a bit in
 * filter.h, or a field in struct confine_wish.
 */
#ifndef MAILFERRY_ROLE_CONFINE_H
#define MAILFERRY_ROLE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

/* What the kernel, and this build, have. */
struct confine_kernel {
	bool built;   /* false with AddressSanitizer, whose reports need what a role may not */
	bool seccomp;
	int landlock; /* ABI; 0: none */
};

void confine_ask_kernel(struct confine_kernel *k);

/* Appends what of a full sandbox K lacks, for people ("Landlock (…)"), and true; false when nothing is missing. */
bool confine_lacks(const struct confine_kernel *k, struct buf *out);

/* 0; -1 and E when C wants more than K has, with what to do. */
int confine_suffices(const struct confine_kernel *k, const struct config *c, struct err *e);

/* One role: what it may. */
struct confine_row {
	const char *role;
	unsigned may;	    /* bits of filter.h */
	uint64_t directory; /* rights of landlock.h in the directory that it works in */
	bool resolver;	    /* it looks up names, and connects to servers of the configuration: their ports */
	uint64_t memory;    /* octets of data at most, RLIMIT_DATA */
	uint64_t a_session; /* the same for each session */
	unsigned files;	    /* RLIMIT_NOFILE at most; 0: as many as there are */
};
extern const struct confine_row confine_rows[];
extern const size_t confine_nrows;
const struct confine_row *confine_row(const char *role); /* NULL: there is none */

/* What a row grants is meant of this. */
struct confine_wish {
	const char *role;
	const struct config *config; /* sandbox, ports, limits; NULL: of a command that has none */
	int directory;		     /* open; -1: none */
	const char *const *paths;    /* that may be read; what is not there is passed over */
	size_t npaths;
};

/* Confines this process as far as K can. 0; -1 and E when there is no such role, or not all could be done that C requires.
 * Where it need not be required, a failure is logged and the rest is done. */
int confine(const struct confine_wish *w, const struct confine_kernel *k, struct err *e);

#endif
