#include "cmd/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "role/role.h"

enum { USER_TEXT = 40 };

int identity_find(const struct config *c, struct identity *out, struct err *e)
{
	const char *name = c->user;
	const struct passwd *pw;

	*out = (struct identity){ .drop = geteuid() == 0, .uid = geteuid(), .gid = getegid() };
	if (name == NULL || name[0] == '\0') {
		if (!out->drop)
			return 0;
		return err_set(e, ERR_CONFIG, 0,
			       "%s: user: started as root, mailferry needs to know whom its programs run as", c->file);
	}
	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL && out->drop)
		return err_set(
		    e, ERR_CONFIG, 0,
		    "%s: user: there is no user \"%s\" on this machine; make one (adduser --system --group %s) "
		    "or name another",
		    c->file, name, name);
	if (out->drop && pw->pw_uid == 0)
		return err_set(e, ERR_CONFIG, 0, "%s: user: the programs that meet mail must not run as root", c->file);
	if (out->drop) {
		out->uid = pw->pw_uid;
		out->gid = pw->pw_gid;
	}
	return 0;
}

static const char *user_name(uid_t uid, char buf[USER_TEXT])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL && strlen(pw->pw_name) < USER_TEXT)
		(void)snprintf(buf, USER_TEXT, "%s", pw->pw_name);
	else
		(void)snprintf(buf, USER_TEXT, "%u", (unsigned)uid);
	return buf;
}

static bool may_be_in_spool(const struct dirent *entry)
{
	static const char *const names[] = { "spool.db", "lock", "tmp", "body", "lost+found" };

	if (entry->d_name[0] == '.' || entry->d_type == DT_SOCK)
		return true;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(entry->d_name, names[i]) == 0)
			return true;
	return strncmp(entry->d_name, "spool.db-", 9) == 0;
}

/* Is nothing in the directory but what a spool has? What belongs to others must not be given away. */
static bool is_spool(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	bool good = true;

	if (d == NULL) {
		file_close(&copy);
		return false;
	}
	while (good && (entry = readdir(d)) != NULL)
		good = may_be_in_spool(entry);
	(void)closedir(d);
	return good;
}

int spool_directory_prepare(const char *path, const struct identity *id, struct err *e)
{
	char owner[USER_TEXT], self[USER_TEXT];
	struct stat st;
	int fd, r = -1;

	if (mkdir(path, 0700) == 0) {
		if (file_sync_parent(path, e) != 0)
			return -1;
	} else if (errno == ENOENT) {
		return err_set(
		    e, ERR_CONFIG, ENOENT,
		    "the spool directory %s can't be made: the directory above it does not exist; make that, or "
		    "set spool to another path",
		    path);
	} else if (errno != EEXIST) {
		return err_sys(e, errno, "make the spool directory %s", path);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "open the spool directory %s", path);
	if (fstat(fd, &st) != 0)
		(void)err_sys(e, errno, "look at the spool directory %s", path);
	else if (st.st_uid == id->uid)
		r = 0;
	else if (!is_spool(fd))
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "%s holds other things than a spool; set spool to a directory of its own, which mailferry "
		    "makes by itself",
		    path);
	else if (!id->drop || st.st_uid != 0)
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "the spool directory %s belongs to %s, but mailferry's programs run as %s; give it to them: "
		    "chown -R %s %s",
		    path, user_name(st.st_uid, owner), user_name(id->uid, self), self, path);
	else if (fchown(fd, id->uid, id->gid) != 0)
		(void)err_sys(e, errno, "give the spool directory %s to its user", path);
	else
		r = 0;
	(void)close(fd);
	return r;
}

static _Noreturn void child_fail(const char *what)
{
	struct err e;

	(void)err_sys(&e, errno, "%s", what);
	log_error("role-start-failed", LOG_STR("why", e.text));
	_exit(EX_OSERR);
}

/* Standard error stays, but not as a terminal of ours: a role could otherwise type for the person who runs us there
 * (TIOCSTI). */
static void terminal_leave(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty >= 0)
		(void)ioctl(tty, TIOCNOTTY);
	file_close(&tty);
}

/* In the child: nothing here may return, and nothing of the supervisor's event loop may run. Signals stay blocked until
 * the role has chosen what it ignores. */
static _Noreturn void child_run(int program, const char *path, const struct identity *id, int socket)
{
	const char *zone = getenv("TZ");
	char *tz = zone == NULL ? NULL : mem_printf("TZ=%s", zone);
	char *argv[] = { mem_strdup(path), NULL }; /* for those who look at a list of processes */
	char *envp[] = { tz, NULL };

	terminal_leave();
	/* Its place may be the socket's. */
	program = fcntl(program, F_DUPFD_CLOEXEC, ROLE_SOCKET + 1);
	if (program < 0)
		child_fail(path);
	if (socket == ROLE_SOCKET) {
		if (fcntl(socket, F_SETFD, 0) != 0)
			child_fail("hand over the socket");
	} else if (dup2(socket, ROLE_SOCKET) < 0) {
		child_fail("hand over the socket");
	}
	if (id->drop) {
		if (setgroups(1, &id->gid) != 0 || setresgid(id->gid, id->gid, id->gid) != 0 ||
		    setresuid(id->uid, id->uid, id->uid) != 0)
			child_fail("give up root's rights");
		if (setuid(0) == 0) {
			errno = EPERM;
			child_fail("root's rights came back");
		}
	}
	/* No program that a role might start gives it more rights than it has, and none of ours is passed on. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		child_fail("forbid new privileges");
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)execveat(program, "", argv, envp, AT_EMPTY_PATH);
	child_fail(path);
}

pid_t process_start(const struct programs *programs, const char *role, const struct identity *id, int socket, struct err *e)
{
	const char *path = role;
	int program = programs_find(programs, role, &path);
	sigset_t all, old;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = program < 0 ? -1 : fork();
	if (pid == 0)
		child_run(program, path, id, socket);
	if (pid < 0)
		(void)err_sys(e, errno, "start %s", path);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}
