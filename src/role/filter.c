#include "role/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <unistd.h>

/* Younger than some headers. */
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif
#ifndef F_OFD_SETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

/* A filter in the making. The first failure stays. */
struct filter {
	scmp_filter_ctx ctx;
	unsigned may;
	int error; /* errno, or 0 */
};

bool filter_possible(void)
{
	const uint32_t kill = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) == 0;
}

/* Call NAME with up to two conditions. */
static void add(struct filter *f, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *when)
{
	int number = seccomp_syscall_resolve_name(name), r;

	/* Not known here, or put together from others. */
	if (number == __NR_SCMP_ERROR || number < 0 || f->error != 0)
		return;
	r = seccomp_rule_add_array(f->ctx, action, number, n, when);
	if (r != 0 && r != -EDOM)
		f->error = -r;
}

static void allow_if(struct filter *f, const char *name, struct scmp_arg_cmp when)
{
	add(f, SCMP_ACT_ALLOW, name, 1, &when);
}

static void kill_if(struct filter *f, const char *name, struct scmp_arg_cmp when)
{
	add(f, SCMP_ACT_KILL_PROCESS, name, 1, &when);
}

/* ---- what is allowed with some arguments only ---- */

/* Code comes from the program and its libraries, which are there; new code would be an attacker's. */
static void add_memory(struct filter *f)
{
	static const char *const names[] = { "mmap", "mmap2", "mprotect" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		allow_if(f, names[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		kill_if(f, names[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
}

/* Signals to itself. A child has another number, and so reaches its parent and not itself; its abort() is a fault then. */
static void add_signals(struct filter *f)
{
	const pid_t self = getpid();

	allow_if(f, "kill", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)self));
	allow_if(f, "tgkill", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)self));
	kill_if(f, "tgkill", SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)self));
	if ((f->may & MAY_KILL) != 0) {
		const struct scmp_arg_cmp one[] = { SCMP_A0(SCMP_CMP_MASKED_EQ, 0x80000000U, 0),
						    SCMP_A1(SCMP_CMP_EQ, SIGKILL) };

		add(f, SCMP_ACT_ALLOW, "kill", 2, one);
	} else {
		kill_if(f, "kill", SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)self));
	}
}

/* With an owner, a descriptor sends signals to others. */
static void add_fcntl(struct filter *f)
{
	static const int all[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_ADD_SEALS, F_GET_SEALS };
	static const int locks[] = { F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW };
	static const int hostile[] = { F_SETOWN, F_SETSIG, F_SETOWN_EX, F_NOTIFY, F_SETLEASE };
	static const char *const names[] = { "fcntl", "fcntl64" };

	for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
		for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
			allow_if(f, names[k], SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)all[i]));
		for (size_t i = 0; i < sizeof locks / sizeof locks[0] && (f->may & MAY_FILES) != 0; i++)
			allow_if(f, names[k], SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)locks[i]));
		for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
			kill_if(f, names[k], SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)hostile[i]));
	}
}

/* MSG_FASTOPEN connects a socket that was reset, without connect(). */
static void add_sockets(struct filter *f)
{
	allow_if(f, "sendto", SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	kill_if(f, "sendto", SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
	allow_if(f, "sendmsg", SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	kill_if(f, "sendmsg", SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
	allow_if(f, "setsockopt", SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET));
	allow_if(f, "setsockopt", SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP));
	if ((f->may & MAY_DIAL) != 0) {
		/* Netlink, route: which addresses this machine has, as the resolver sorts by that. TCP in other clothes, such as
		 * MPTCP, would not be held to the ports that Landlock lets through. */
		static const struct {
			int family, protocol;
		} sockets[] = { { AF_INET, 0 },	 { AF_INET, IPPROTO_TCP },  { AF_INET, IPPROTO_UDP },
				{ AF_INET6, 0 }, { AF_INET6, IPPROTO_TCP }, { AF_INET6, IPPROTO_UDP },
				{ AF_UNIX, 0 },	 { AF_NETLINK, 0 } };

		for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
			const struct scmp_arg_cmp one[] = { SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].family),
							    SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)sockets[i].protocol) };

			add(f, SCMP_ACT_ALLOW, "socket", 2, one);
		}
		/* Two questions to a name server at once. */
		allow_if(f, "sendmmsg", SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
		kill_if(f, "sendmmsg", SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, MSG_FASTOPEN));
		/* Errors of UDP, which the resolver wants to hear of. */
		allow_if(f, "setsockopt", SCMP_A1(SCMP_CMP_EQ, IPPROTO_IP));
		allow_if(f, "setsockopt", SCMP_A1(SCMP_CMP_EQ, IPPROTO_IPV6));
	}
}

static void add_processes(struct filter *f)
{
	const scmp_datum_t fork_flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | 0xff;

	/* Its flags lie in memory, where no filter sees them; the C library then takes clone. */
	add(f, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, NULL);
	if ((f->may & MAY_FORK) != 0) {
		allow_if(f, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, ~fork_flags, 0));
		allow_if(f, "socketpair", SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
		allow_if(f, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG));
	} else {
		add(f, SCMP_ACT_KILL_PROCESS, "clone", 0, NULL);
	}
	/* The C library gives its memory a name with it. */
	allow_if(f, "prctl", SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA));
	/* Limits of its own may be asked for, not changed. */
	allow_if(f, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
	add(f, SCMP_ACT_ALLOW, "getrlimit", 0, NULL);
}

/* How much lies in a socket, both ways. Nothing of terminals for roles: TIOCSTI types for whoever sits there. */
static void add_ioctl(struct filter *f)
{
	static const unsigned long all[] = { FIONREAD, SIOCOUTQ }, terminal[] = { TCGETS, TIOCGWINSZ };
	static const unsigned long hostile[] = { TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP, FIOASYNC };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		allow_if(f, "ioctl", SCMP_A1(SCMP_CMP_EQ, all[i]));
	for (size_t i = 0; i < sizeof terminal / sizeof terminal[0] && (f->may & MAY_TERMINAL) != 0; i++)
		allow_if(f, "ioctl", SCMP_A1(SCMP_CMP_EQ, terminal[i]));
	if ((f->may & MAY_DIAL) != 0)
		allow_if(f, "ioctl", SCMP_A1(SCMP_CMP_EQ, FIONBIO));
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++)
		kill_if(f, "ioctl", SCMP_A1(SCMP_CMP_EQ, hostile[i]));
}

/* ---- the lists ---- */

static bool allowed(const struct filter *f, int number)
{
	for (size_t i = 0; i < filter_nlists; i++) {
		const struct filter_list *l = &filter_lists[i];

		for (size_t k = 0; (l->may == 0 || (l->may & f->may) != 0) && l->names[k] != NULL; k++)
			if (seccomp_syscall_resolve_name(l->names[k]) == number)
				return true;
	}
	return false;
}

static void add_lists(struct filter *f)
{
	for (size_t i = 0; i < filter_nlists; i++) {
		const struct filter_list *l = &filter_lists[i];

		for (size_t k = 0; (l->may == 0 || (l->may & f->may) != 0) && l->names[k] != NULL; k++)
			add(f, SCMP_ACT_ALLOW, l->names[k], 0, NULL);
	}
	for (size_t i = 0; filter_hostile[i] != NULL; i++) {
		int number = seccomp_syscall_resolve_name(filter_hostile[i]);

		/* With MAY_DIAL, the rules above say which sockets; another family fails. */
		if (number == __NR_SCMP_ERROR || allowed(f, number) ||
		    ((f->may & MAY_DIAL) != 0 && number == seccomp_syscall_resolve_name("socket")))
			continue;
		add(f, SCMP_ACT_KILL_PROCESS, filter_hostile[i], 0, NULL);
	}
}

static void set(struct filter *f, enum scmp_filter_attr what, uint32_t value, bool needed)
{
	int r = seccomp_attr_set(f->ctx, what, value);

	if (r != 0 && needed && f->error == 0)
		f->error = -r;
}

int filter_enter(unsigned may, struct err *e)
{
	uint32_t unknown = filter_trap_works() ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(ENOSYS);
	struct filter f = { .ctx = seccomp_init(unknown), .may = may };
	int r;

	if (f.ctx == NULL)
		return err_set(e, ERR_SYSTEM, 0, "libseccomp does not start");
	set(&f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS, true);
	set(&f, SCMP_FLTATR_CTL_NNP, 0, true); /* it is set already */
	set(&f, SCMP_FLTATR_CTL_LOG, 1, false);
	set(&f, SCMP_FLTATR_CTL_OPTIMIZE, 2, false); /* a tree instead of a chain */
	add_memory(&f);
	add_signals(&f);
	add_fcntl(&f);
	add_sockets(&f);
	add_processes(&f);
	add_ioctl(&f);
	add_lists(&f);
	r = f.error != 0 ? -f.error : seccomp_load(f.ctx);
	seccomp_release(f.ctx);
	/* What it was built in goes back to the kernel, for a role lives long. */
	(void)malloc_trim(0);
	return r == 0 ? 0 : err_sys(e, -r, "forbid system calls (seccomp)");
}
