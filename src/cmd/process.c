#include "cmd/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "role/role.h"

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

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : slice_dup(slice_of(path, (size_t)(slash - path)));
}

static int sync_parent(const char *path, struct err *e)
{
	char *parent = directory_of(path);
	int r = file_sync_dir(parent, e);

	free(parent);
	return r;
}

int spool_directory_prepare(const char *path, const struct identity *id, struct err *e)
{
	struct stat st;
	int fd, r = -1;

	if (mkdir(path, 0700) == 0) {
		if (sync_parent(path, e) != 0)
			return -1;
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
	else if (!id->drop || st.st_uid != 0)
		(void)err_set(
		    e, ERR_CONFIG, 0,
		    "the spool directory %s belongs to user number %u, mailferry's programs run as user number %u; "
		    "give it to them: chown -R %u %s",
		    path, (unsigned)st.st_uid, (unsigned)id->uid, (unsigned)id->uid, path);
	else if (fchown(fd, id->uid, id->gid) != 0)
		(void)err_sys(e, errno, "give the spool directory %s to its user", path);
	else
		r = 0;
	(void)close(fd);
	return r;
}

char *program_directory(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *directory, *probe;
	bool here;

	if (n <= 0)
		return mem_strdup(PKGLIBEXECDIR);
	self[n] = '\0';
	directory = directory_of(self);
	probe = mem_printf("%s/mailferry-spool", directory);
	here = access(probe, X_OK) == 0;
	free(probe);
	if (here)
		return directory;
	free(directory);
	return mem_strdup(PKGLIBEXECDIR);
}

static _Noreturn void child_fail(const char *what)
{
	struct err e;

	(void)err_sys(&e, errno, "%s", what);
	log_error("role-start-failed", LOG_STR("why", e.text));
	_exit(EX_OSERR);
}

/* In the child: nothing here may return, and nothing of the supervisor's event loop may run. Signals stay blocked until
 * the role has chosen what it ignores. */
static _Noreturn void child_run(char *program, const struct identity *id, int socket)
{
	const char *zone = getenv("TZ");
	char *tz = zone == NULL ? NULL : mem_printf("TZ=%s", zone);
	char *argv[] = { program, NULL };
	char *envp[] = { tz, NULL };

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
	(void)execve(program, argv, envp);
	child_fail(program);
}

pid_t process_start(const char *directory, const char *role, const struct identity *id, int socket, struct err *e)
{
	char *program = mem_printf("%s/mailferry-%s", directory, role);
	sigset_t all, old;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_run(program, id, socket);
	if (pid < 0)
		(void)err_sys(e, errno, "start %s", program);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	free(program);
	return pid;
}
