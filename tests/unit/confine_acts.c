#include "confine_acts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "role/filter.h"

enum { OTHER_SECONDS = 90 };

static char directory[] = "/tmp/mailferry-confine-XXXXXX";
static char others_file[] = "/tmp/mailferry-confine-file-XXXXXX";
static int directory_fd = -1, abstract = -1, udp = -1;
static struct sockaddr_un abstract_name = { .sun_family = AF_UNIX };
static pid_t other; /* a process that is not ours to signal */

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- nobody may ---- */

static int do_execve(void)
{
	char *const argv[] = { (char *)(uintptr_t) "sh", NULL };

	return result(execve("/bin/sh", argv, NULL));
}

static int do_execveat(void)
{
	return result(syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH));
}

static int do_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int do_peek(void)
{
	char octet;
	struct iovec here = { &octet, 1 }, there = { &octet, 1 };

	return result(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int do_mount(void)
{
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int do_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int do_perf(void)
{
	return result(syscall(SYS_perf_event_open, NULL, 0, 0, -1, 0));
}

static int do_io_uring(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int do_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int do_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int do_setuid(void)
{
	return result(setuid(0));
}

static int do_keyctl(void)
{
	return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}

static int do_module(void)
{
	return result(syscall(SYS_finit_module, -1, "", 0));
}

static int do_pidfd(void)
{
	return result(syscall(SYS_pidfd_open, getppid(), 0));
}

static int do_new_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int do_make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int do_own_descriptor(void)
{
	return result(fcntl(udp, F_SETOWN, getppid()));
}

static int do_type(void)
{
	return result(ioctl(STDERR_FILENO, TIOCSTI, "x"));
}

static int do_fast_open(void)
{
	return result(sendto(udp, "x", 1, MSG_FASTOPEN, NULL, 0));
}

static int do_tgkill(void)
{
	return result(syscall(SYS_tgkill, other, other, 0));
}

static int do_term(void)
{
	return result(kill(other, SIGTERM));
}

static int do_thread(void)
{
	return result(syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0));
}

static int do_foreign_call(void)
{
#if defined(__x86_64__)
	long r = 20; /* getpid of 32-bit programs */

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	return r < 0 ? (int)-r : 0;
#else
	return (int)raise(SIGSYS);
#endif
}

static int do_unknown(void)
{
	char value[8];

	return result(syscall(SYS_getxattr, "/", "user.x", value, sizeof value));
}

static int do_more_files(void)
{
	const struct rlimit more = { 100000, 100000 };

	return result(setrlimit(RLIMIT_NOFILE, &more));
}

/* ---- some may ---- */

static int do_vsock(void)
{
	return result(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int do_mptcp(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 262));
}

static int do_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int connect_port(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&to, sizeof to));
}

static int do_connect(void)
{
	return connect_port(ACTS_PORT);
}

static int do_connect_other(void)
{
	return connect_port(ACTS_PORT - 1);
}

static int do_connect_udp(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return result(connect(udp, (struct sockaddr *)&to, sizeof to));
}

static int do_abstract(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&abstract_name, sizeof abstract_name));
}

static int do_accept(void)
{
	return result(accept4(udp, NULL, NULL, 0));
}

static int do_kill(void)
{
	return result(kill(other, SIGKILL));
}

static int do_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(0);
	return child < 0 ? errno : result(waitpid(child, &status, 0));
}

static int do_kill_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)alarm(OTHER_SECONDS);
		for (;;)
			(void)pause();
	}
	if (child < 0 || kill(child, SIGKILL) != 0)
		return errno;
	return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 0 : EIO;
}

static int do_open_others(void)
{
	return result(open(others_file, O_RDONLY));
}

static int do_write_others(void)
{
	return result(open("/tmp/mailferry-confine-not-there", O_WRONLY | O_CREAT, 0600));
}

static int do_open_own(void)
{
	return result(openat(directory_fd, "file", O_RDWR | O_CREAT, 0600));
}

static int do_rename(void)
{
	return result(renameat(directory_fd, "a/from", directory_fd, "b/to"));
}

/* ---- everybody may ---- */

static int do_memory(void)
{
	void *p = malloc(8 * 1024 * 1024);
	int r = p == NULL ? ENOMEM : 0;

	free(p);
	return r;
}

static int do_pass(void)
{
	return result(write(STDERR_FILENO, "", 0));
}

static int do_ask_limit(void)
{
	struct rlimit l;

	return result(getrlimit(RLIMIT_NOFILE, &l));
}

static int do_abort(void)
{
	abort();
}

#define NOBODY	      0
#define EVERYBODY     ~0U
#define FILES_OR_READ (MAY_FILES | MAY_READ)

const struct act acts[] = {
	{ "execute a program", do_execve, NOBODY, ACT_KILLED, 0, 0 },
	{ "execute a descriptor", do_execveat, NOBODY, ACT_KILLED, 0, 0 },
	{ "trace", do_ptrace, NOBODY, ACT_KILLED, 0, 0 },
	{ "read another process", do_peek, NOBODY, ACT_KILLED, 0, 0 },
	{ "mount", do_mount, NOBODY, ACT_KILLED, 0, 0 },
	{ "load a program into the kernel", do_bpf, NOBODY, ACT_KILLED, 0, 0 },
	{ "count events", do_perf, NOBODY, ACT_KILLED, 0, 0 },
	{ "set up a ring", do_io_uring, NOBODY, ACT_KILLED, 0, 0 },
	{ "handle faults", do_userfaultfd, NOBODY, ACT_KILLED, 0, 0 },
	{ "have a namespace", do_unshare, NOBODY, ACT_KILLED, 0, 0 },
	{ "become another user", do_setuid, NOBODY, ACT_KILLED, 0, 0 },
	{ "ask for keys", do_keyctl, NOBODY, ACT_KILLED, 0, 0 },
	{ "load a module", do_module, NOBODY, ACT_KILLED, 0, 0 },
	{ "hold another process", do_pidfd, NOBODY, ACT_KILLED, 0, 0 },
	{ "map new code", do_new_code, NOBODY, ACT_KILLED, 0, 0 },
	{ "make memory code", do_make_code, NOBODY, ACT_KILLED, 0, 0 },
	{ "let a descriptor signal others", do_own_descriptor, NOBODY, ACT_KILLED, 0, 0 },
	{ "type at the terminal", do_type, NOBODY, ACT_KILLED, 0, 0 },
	{ "connect by sending", do_fast_open, NOBODY, ACT_KILLED, 0, 0 },
	{ "signal another thread", do_tgkill, NOBODY, ACT_KILLED, 0, 0 },
	{ "call as a 32-bit program", do_foreign_call, NOBODY, ACT_KILLED, 0, 1000 + SIGSEGV },
	{ "an unknown call", do_unknown, NOBODY, ENOSYS, 0, 0 },
	{ "raise a limit", do_more_files, NOBODY, ENOSYS, 0, 0 },

	{ "terminate another process", do_term, MAY_KILL, ACT_KILLED, ENOSYS, 0 },
	{ "kill another process", do_kill, MAY_KILL, ACT_KILLED, EPERM, 0 },
	{ "have a thread", do_thread, MAY_FORK, ACT_KILLED, ENOSYS, 0 },
	{ "have a child", do_child, MAY_FORK, ACT_KILLED, 0, 0 },
	{ "kill a child", do_kill_child, MAY_KILL, ACT_KILLED, 0, 0 },
	{ "have a socket", do_socket, MAY_DIAL, ACT_KILLED, 0, 0 },
	{ "have a socket of another family", do_vsock, MAY_DIAL, ACT_KILLED, ENOSYS, 0 },
	{ "have TCP that no port bounds", do_mptcp, MAY_DIAL, ACT_KILLED, ENOSYS, 0 },
	{ "connect to a server", do_connect, MAY_DIAL, ACT_KILLED, ECONNREFUSED, 0 },
	{ "connect to another port", do_connect_other, MAY_DIAL, ACT_KILLED, EACCES, 0 },
	{ "connect what is there", do_connect_udp, MAY_DIAL, ACT_KILLED, 0, 0 },
	{ "connect to an abstract socket", do_abstract, MAY_DIAL, ACT_KILLED, EPERM, 0 },
	{ "accept", do_accept, MAY_ACCEPT, ACT_KILLED, EOPNOTSUPP, 0 },
	{ "open a file of others", do_open_others, FILES_OR_READ, ENOSYS, EACCES, 0 },
	{ "write a file of others", do_write_others, FILES_OR_READ, ENOSYS, EACCES, 0 },
	{ "open a file of its own", do_open_own, MAY_FILES, ENOSYS, 0, EACCES },
	{ "rename a file of its own", do_rename, MAY_FILES, ENOSYS, 0, 0 },

	{ "take memory", do_memory, EVERYBODY, 0, 0, 0 },
	{ "write to what is open", do_pass, EVERYBODY, 0, 0, 0 },
	{ "ask for a limit", do_ask_limit, EVERYBODY, 0, 0, 0 },
	{ "abort", do_abort, NOBODY, 1000 + SIGABRT, 0, 0 },
};
const size_t acts_n = sizeof acts / sizeof acts[0];

int acts_setup(void)
{
	int fd;

	abstract = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(abstract_name.sun_path + 1, sizeof abstract_name.sun_path - 1, "mailferry-confine-%d", (int)getpid());
	if (abstract < 0 || bind(abstract, (struct sockaddr *)&abstract_name, sizeof abstract_name) != 0 ||
	    listen(abstract, 100) != 0 || mkdtemp(directory) == NULL)
		return -1;
	fd = mkstemp(others_file);
	if (fd < 0 || close(fd) != 0)
		return -1;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return directory_fd < 0 || mkdirat(directory_fd, "a", 0700) != 0 || mkdirat(directory_fd, "b", 0700) != 0 ? -1 : 0;
}

void acts_prepare(void)
{
	/* The test program has handlers of its own for them. */
	static const int signals[] = { SIGSYS, SIGSEGV, SIGABRT, SIGBUS, SIGILL };
	int fd = openat(directory_fd, "a/from", O_WRONLY | O_CREAT, 0600);

	(void)close(fd);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)signal(signals[i], SIG_DFL);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	other = fork();
	if (other == 0) {
		/* Not held up by what its parent becomes. */
		(void)close_range(0, ~0U, 0);
		(void)alarm(OTHER_SECONDS);
		for (;;)
			(void)pause();
	}
}

void acts_remove(void)
{
	(void)unlinkat(directory_fd, "file", 0);
	(void)unlinkat(directory_fd, "a/from", 0);
	(void)unlinkat(directory_fd, "b/to", 0);
	(void)unlinkat(directory_fd, "a", AT_REMOVEDIR);
	(void)unlinkat(directory_fd, "b", AT_REMOVEDIR);
	(void)close(directory_fd);
	(void)close(abstract);
	(void)rmdir(directory);
	(void)unlink(others_file);
}

int acts_directory(void)
{
	return directory_fd;
}
