/*
 * A system call that no list names: the kernel sends SIGSYS in its place, and it
 * fails with ENOSYS. The line in the log is written here, because most kernels
 * keep none unless auditd runs. The call may have come from inside the C library,
 * with a lock of it held (of the time zone, say, whose file it wants to open): so
 * nothing here calls into it but write and clock_gettime.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "role/filter.h"

enum { CALLS = 1024, LINE_MAX_BYTES = 400, DAY = 24 * 3600 };

struct line {
	char p[LINE_MAX_BYTES];
	size_t n;
};

static const char *of_role = "";

/* Those that libraries are most likely to surprise us with; of others the number tells. */
static const struct {
	long number;
	const char *name;
} names[] = {
	{ SYS_openat, "openat" },	{ SYS_ioctl, "ioctl" },		    { SYS_fcntl, "fcntl" },
	{ SYS_prctl, "prctl" },		{ SYS_socket, "socket" },	    { SYS_setsockopt, "setsockopt" },
	{ SYS_clone, "clone" },		{ SYS_kill, "kill" },		    { SYS_getdents64, "getdents64" },
	{ SYS_prlimit64, "prlimit64" }, { SYS_dup3, "dup3" },		    { SYS_dup, "dup" },
	{ SYS_getcwd, "getcwd" },	{ SYS_readlinkat, "readlinkat" },   { SYS_faccessat, "faccessat" },
	{ SYS_statfs, "statfs" },	{ SYS_getxattr, "getxattr" },	    { SYS_memfd_create, "memfd_create" },
	{ SYS_eventfd2, "eventfd2" },	{ SYS_socketpair, "socketpair" },   { SYS_sendmmsg, "sendmmsg" },
	{ SYS_rseq, "rseq" },		{ SYS_membarrier, "membarrier" },   { SYS_sched_getaffinity, "sched_getaffinity" },
	{ SYS_renameat2, "renameat2" }, { SYS_unlinkat, "unlinkat" },	    { SYS_mkdirat, "mkdirat" },
	{ SYS_linkat, "linkat" },	{ SYS_fallocate, "fallocate" },	    { SYS_copy_file_range, "copy_file_range" },
	{ SYS_sendfile, "sendfile" },	{ SYS_timerfd_create, "timerfd_create" },
};

bool filter_trap_works(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return true;
#else
	return false;
#endif
}

static void answer(ucontext_t *context)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long)-ENOSYS;
#else
	(void)context;
#endif
}

static void put(struct line *l, const char *s)
{
	while (*s != '\0' && l->n < sizeof l->p)
		l->p[l->n++] = *s++;
}

/* N in WIDTH digits at least. */
static void put_number(struct line *l, long n, int width)
{
	char digits[24];
	size_t i = sizeof digits - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while ((n > 0 || sizeof digits - 1 - i < (size_t)width) && i > 0);
	put(l, digits + i);
}

/* 2026-01-31T23:59:59.000Z. Days become a date as the calendar has them in 400 years, from March on. */
static void put_time(struct line *l)
{
	struct timespec now = { 0 };
	long days, era, of_era, years, of_year, month;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	days = now.tv_sec / DAY + 719468;
	era = days / 146097;
	of_era = days % 146097;
	years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * years + years / 4 - years / 100);
	month = (5 * of_year + 2) / 153;
	put_number(l, years + era * 400 + (month >= 10), 4);
	put(l, "-");
	put_number(l, month < 10 ? month + 3 : month - 9, 2);
	put(l, "-");
	put_number(l, of_year - (153 * month + 2) / 5 + 1, 2);
	put(l, "T");
	put_number(l, now.tv_sec % DAY / 3600, 2);
	put(l, ":");
	put_number(l, now.tv_sec % 3600 / 60, 2);
	put(l, ":");
	put_number(l, now.tv_sec % 60, 2);
	put(l, ".");
	put_number(l, now.tv_nsec / 1000000, 3);
	put(l, "Z");
}

static void tell(long number)
{
	struct line l = { .n = 0 };
	const char *name = NULL;

	for (size_t i = 0; i < sizeof names / sizeof names[0] && name == NULL; i++)
		if (names[i].number == number)
			name = names[i].name;
	put(&l, "time=");
	put_time(&l);
	put(&l, " level=warning role=");
	put(&l, of_role);
	put(&l, " event=call-refused number=");
	put_number(&l, number, 1);
	if (name != NULL) {
		put(&l, " call=");
		put(&l, name);
	}
	put(&l, " what=\"the sandbox does not know this system call, which failed with ENOSYS; the program goes on. Please "
		"report it\"\n");
	ssize_t ignored = write(STDERR_FILENO, l.p, l.n);
	(void)ignored;
}

static void on_call(int signo, siginfo_t *info, void *context)
{
	static unsigned char told[CALLS / 8];
	unsigned number = (unsigned)info->si_syscall;
	int saved = errno;

	(void)signo;
	answer(context);
	/* Once each: a library may try again and again. */
	if (number < CALLS && (told[number / 8] & 1u << number % 8) == 0) {
		told[number / 8] = (unsigned char)(told[number / 8] | 1u << number % 8);
		tell((long)number);
	}
	errno = saved;
}

void filter_trap_prepare(const char *role)
{
	struct sigaction a = { .sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER };

	of_role = role;
	if (filter_trap_works())
		(void)sigaction(SIGSYS, &a, NULL);
}
