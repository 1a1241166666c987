/* Which system calls. Names, as numbers differ between architectures; one that this architecture or this libseccomp does
 * not know is passed over. */
#include "role/filter.h"

static const char *const everybody[] = {
	/* descriptors that are there already */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek", "_llseek", "close",
	"close_range", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "poll", "ppoll", "epoll_create1",
	"epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "recvfrom", "recvmsg", "recv", "shutdown", "getsockopt",
	"getsockname", "getpeername", "ftruncate", "ftruncate64", "fdatasync", "fsync", "sync_file_range", "sync_file_range2",
	/* memory */
	"munmap", "mremap", "madvise", "brk", "futex", "futex_time64",
	/* signals to itself */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
	"alarm", "setitimer", "restart_syscall", "pause",
	/* who and when */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32",
	"getegid32", "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "nanosleep",
	"clock_nanosleep", "clock_nanosleep_time64", "getrandom", "sysinfo", "uname", "sched_yield", "umask", "exit",
	"exit_group", NULL
};

static const char *const acceptors[] = { "accept4", "accept", NULL };

static const char *const parents[] = { "wait4", "waitid", "waitpid", "pipe2", "set_robust_list", "set_tid_address", NULL };

static const char *const diallers[] = {
	/* "socket" and "sendmmsg" have rules of their own. */
	"connect", "bind", /* the resolver's own sockets: netlink */
	NULL
};

static const char *const readers[] = { "openat",    "open",	 "getdents64", "stat",	   "stat64", "lstat", "lstat64",
				       "access",    "faccessat", "faccessat2", "readlink", "readlinkat", "fadvise64",
				       "fstatfs",   "fstatfs64", "statfs",     "statfs64", "getcwd", NULL };

/* Directories and locks are made before. */
static const char *const workers[] = { "rename",   "renameat",	   "renameat2", "unlink", "unlinkat", "fallocate",
				       "memfd_create", NULL };

static const char *const narrowers[] = { "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", NULL };

const struct filter_list filter_lists[] = {
	{ 0, everybody },	  { MAY_ACCEPT, acceptors },		  { MAY_FORK, parents },
	{ MAY_DIAL, diallers },	  { MAY_READ | MAY_FILES, readers },	  { MAY_FILES, workers },
	{ MAY_NARROW, narrowers },
};
const size_t filter_nlists = sizeof filter_lists / sizeof filter_lists[0];

const char *const filter_hostile[] = {
	/* another program, another process, more rights */
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_open",
	"pidfd_getfd", "pidfd_send_signal", "kcmp", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "fork", "vfork",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
	"setns", "unshare", "personality", "seccomp",
	/* the network */
	"socket", "connect", "bind", "listen", "accept", "accept4", "socketcall",
	/* the machine */
	"mount", "umount2", "umount", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount",
	"fspick", "mount_setattr", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load", "init_module",
	"finit_module", "delete_module", "acct", "quotactl", "quotactl_fd", "syslog", "settimeofday", "stime",
	"clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", "iopl", "ioperm", "vhangup",
	"modify_ldt", "nfsservctl",
	/* large and young parts of the kernel, in which holes are found */
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "add_key",
	"request_key", "keyctl", "name_to_handle_at", "open_by_handle_at", "fanotify_init", "fanotify_mark", "mbind",
	"set_mempolicy", "migrate_pages", "move_pages", "remap_file_pages", "vmsplice", "memfd_secret", "lookup_dcookie",
	"mknod", "mknodat", NULL
};
