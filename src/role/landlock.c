#include "role/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_landlock_add_rule
#define SYS_landlock_add_rule 445
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2 };

/* As the kernel has them; an older one is told the size of what it knows. */
struct ruleset {
	uint64_t handled_fs;
	uint64_t handled_net; /* ABI 4 */
	uint64_t scoped;      /* ABI 6 */
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct net_port {
	uint64_t allowed;
	uint64_t port;
};

#define FILE_RIGHTS                                                                                                    \
	(LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE | LANDLOCK_IOCTL_DEV)

struct landlock_rights landlock_rights(int abi)
{
	/* The rights to files are bits in the order in which they came: 13 with ABI 1, one more each with 2, 3 and 5. */
	static const unsigned bits[LANDLOCK_ABI_KNOWN + 1] = { 0, 13, 14, 15, 15, 16, 16, 16 };
	struct landlock_rights r = { 0 };

	if (abi > LANDLOCK_ABI_KNOWN)
		abi = LANDLOCK_ABI_KNOWN;
	if (abi <= 0)
		return r;
	r.fs = (UINT64_C(1) << bits[abi]) - 1;
	if (abi >= 4)
		r.net = LANDLOCK_BIND_TCP | LANDLOCK_CONNECT_TCP;
	if (abi >= 6)
		r.scoped = LANDLOCK_SCOPE_ABSTRACT_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	/* What is refused is in the kernel's log, whatever this process may have become. */
	if (abi >= 7)
		r.flags = LANDLOCK_LOG_NEW_EXEC_ON;
	return r;
}

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	if (abi < 0)
		return 0;
	return abi > LANDLOCK_ABI_KNOWN ? LANDLOCK_ABI_KNOWN : (int)abi;
}

int landlock_new(int abi)
{
	const struct landlock_rights r = landlock_rights(abi);
	const struct ruleset set = { r.fs, r.net, r.scoped };
	size_t size = abi >= 6 ? sizeof set : abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, handled_net);

	return (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
}

int landlock_allow(int ruleset, int abi, int fd, uint64_t rights)
{
	struct path_beneath rule = { rights & landlock_rights(abi).fs, fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FILE_RIGHTS;
	if (rule.allowed == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

int landlock_allow_path(int ruleset, int abi, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC), r, saved;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	r = landlock_allow(ruleset, abi, fd, rights);
	saved = errno;
	(void)close(fd);
	/* Pipes and the like have no place in the tree, and are not confined. */
	if (r != 0 && saved == EBADFD)
		r = 0;
	errno = saved;
	return r;
}

int landlock_allow_port(int ruleset, int abi, uint16_t port)
{
	const struct net_port rule = { LANDLOCK_CONNECT_TCP, port };

	if ((landlock_rights(abi).net & LANDLOCK_CONNECT_TCP) == 0)
		return 0;
	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0);
}

int landlock_enter(int ruleset, int abi)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, landlock_rights(abi).flags);
}
