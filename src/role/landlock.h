/*
 * Landlock, the kernel's own confinement of files, ports and signals (landlock(7)): its three system calls and its
 * constants. glibc wraps none of the calls, and headers of distributions know fewer constants than kernels do, so both
 * stand here, for ABI 1 to 7. Every function takes the ABI that it is to go by, so that a test can ask what happens on
 * an older kernel; callers give landlock_abi().
 */
#ifndef MAILFERRY_ROLE_LANDLOCK_H
#define MAILFERRY_ROLE_LANDLOCK_H

#include <stdint.h>

enum { LANDLOCK_ABI_KNOWN = 7 };

/* Rights to what lies beneath a path. */
#define LANDLOCK_EXECUTE     (UINT64_C(1) << 0)
#define LANDLOCK_WRITE_FILE  (UINT64_C(1) << 1)
#define LANDLOCK_READ_FILE   (UINT64_C(1) << 2)
#define LANDLOCK_READ_DIR    (UINT64_C(1) << 3)
#define LANDLOCK_REMOVE_DIR  (UINT64_C(1) << 4)
#define LANDLOCK_REMOVE_FILE (UINT64_C(1) << 5)
#define LANDLOCK_MAKE_DIR    (UINT64_C(1) << 7)
#define LANDLOCK_MAKE_REG    (UINT64_C(1) << 8)
#define LANDLOCK_REFER	     (UINT64_C(1) << 13) /* ABI 2: rename from one directory to another */
#define LANDLOCK_TRUNCATE    (UINT64_C(1) << 14) /* ABI 3 */
#define LANDLOCK_IOCTL_DEV   (UINT64_C(1) << 15) /* ABI 5 */
#define LANDLOCK_BIND_TCP    (UINT64_C(1) << 0) /* ABI 4 */
#define LANDLOCK_CONNECT_TCP (UINT64_C(1) << 1) /* ABI 4 */
#define LANDLOCK_SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define LANDLOCK_SCOPE_SIGNAL	       (UINT64_C(1) << 1) /* ABI 6 */
#define LANDLOCK_LOG_NEW_EXEC_ON       (1u << 1) /* ABI 7 */

/* To work with files in a directory, and to read one. */
#define LANDLOCK_WORK                                                                                                  \
	(LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_REMOVE_FILE | LANDLOCK_MAKE_REG |     \
	 LANDLOCK_REFER | LANDLOCK_TRUNCATE)
#define LANDLOCK_READ (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)

/* What can be forbidden by ABI: all that it knows. Zeros for 0. */
struct landlock_rights {
	uint64_t fs, net, scoped;
	uint32_t flags; /* of landlock_enter */
};
struct landlock_rights landlock_rights(int abi);

/* The ABI of this kernel, at most LANDLOCK_ABI_KNOWN. 0: none, or switched off (errno). */
int landlock_abi(void);

/* A ruleset that forbids everything in landlock_rights(ABI): a descriptor, or -1 with errno. ABI > 0. */
int landlock_new(int abi);

/* Lets RIGHTS to what lies beneath the open FD (O_PATH will do) through, as far as ABI knows them; of a file only those
 * that a file has. 0, or -1 with errno. */
int landlock_allow(int ruleset, int abi, int fd, uint64_t rights);

/* The same of PATH. One that is not there is no error: it can't be used. */
int landlock_allow_path(int ruleset, int abi, const char *path, uint64_t rights);

/* Lets TCP connections to PORT through, where ABI knows ports. */
int landlock_allow_port(int ruleset, int abi, uint16_t port);

/* Confines this process and all that it starts, for ever. Needs PR_SET_NO_NEW_PRIVS. The caller closes RULESET. */
int landlock_enter(int ruleset, int abi);

#endif
