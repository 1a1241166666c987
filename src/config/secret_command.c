/*
 * Passwords that a command prints: from a password manager, a vault, an encrypted
 * file. The command may hang, flood us, or leave others behind that hold its
 * output open; we wait for it alone, and not for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/secret.h"

enum { OUTPUT_MAX = 64 * 1024, CHUNK = 4096, SHELL_FAILED = 126 };

static const char advice[] = "run it by hand, as the user that runs mailferry, to see why";

/* In the child, between fork and exec: nothing that needs a lock. Its errors are not shown, for they may repeat the
 * secret. */
static _Noreturn void child_run(const char *command, int output)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* A group of its own, so that all of it can be ended. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
		_exit(SHELL_FAILED);
	(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(SHELL_FAILED);
}

/* What has come so far, without waiting. 0; -1 when it is too much. */
static int drain(int fd, struct buf *out)
{
	char chunk[CHUNK];
	ssize_t n;
	int ret = 0;

	while (ret == 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
		ret = buf_add(out, chunk, (size_t)n);
	mem_wipe(chunk, sizeof chunk);
	return ret;
}

/* Until the process PIDFD has ended. 0, or -1 and E. */
static int await(int pidfd, int fd, int64_t until, struct buf *out, struct err *e)
{
	bool ended = false, open = true;

	while (!ended) {
		struct pollfd p[2] = { { pidfd, POLLIN, 0 }, { open ? fd : -1, POLLIN, 0 } };
		int64_t left = until - clock_mono_ms();

		if (left <= 0)
			return err_set(e, ERR_CONFIG, ETIMEDOUT, "the command did not end in time; %s", advice);
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for the command");
		ended = (p[0].revents & POLLIN) != 0;
		if (drain(fd, out) != 0)
			return err_set(e, ERR_CONFIG, 0,
				       "the command prints more than %d octets; it must print the password",
				       OUTPUT_MAX);
		/* Its end of the pipe is closed, and it still runs. */
		if ((p[1].revents & (POLLHUP | POLLERR)) != 0)
			open = false;
	}
	return 0;
}

static int check_status(int status, struct err *e)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, ERR_CONFIG, 0, "the command was ended by signal %d; %s", WTERMSIG(status), advice);
	return err_set(e, ERR_CONFIG, 0, "the command ended with status %d; %s", WEXITSTATUS(status), advice);
}

char *secret_command(const char *command, int64_t ms, struct err *e)
{
	int64_t until = clock_mono_ms() + ms;
	int fds[2], pidfd, status = 0, ret;
	char *secret = NULL;
	struct buf out;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0) {
		(void)err_sys(e, errno, "make a pipe");
		return NULL;
	}
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0)
		child_run(command, fds[1]);
	(void)close(fds[1]);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	buf_init(&out, OUTPUT_MAX);
	if (pid < 0 || buf_reserve(&out, OUTPUT_MAX) == NULL || pidfd < 0)
		ret = err_sys(e, errno, "run a command");
	else
		ret = await(pidfd, fds[0], until, &out, e);
	if (pid > 0 && ret != 0) {
		/* The group, or the process while it has made none yet. */
		(void)kill(-pid, SIGKILL);
		(void)kill(pid, SIGKILL);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret == 0 && check_status(status, e) == 0)
		secret = secret_line(buf_slice(&out), "the output of the command", e);
	buf_wipe(&out);
	file_close(&fds[0]);
	file_close(&pidfd);
	return secret;
}
