/* How a role starts: this program executes itself as one, and the role tells over its socket what it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "role/connect.h"
#include "role/role.h"

extern char **environ;

enum {
	FOUND = 1000,
	TAG_ENVIRONMENT = 1,
	TAG_FDS,
	TAG_DUMPABLE,
	TAG_CORE,
	TAG_UMASK,
	TAG_TOO_LARGE,
	TAG_ACCOUNT,
	TAG_RULES,
	TAG_LISTENER
};

enum { PATIENCE_MS = 60000 };

/* ---- in the role ---- */

static int64_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 3; /* ".", ".." and the directory itself */
}

/* What a write past the largest file that is allowed says: it must not end the role. */
static int64_t too_large(void)
{
	struct rlimit was, none;
	int fd = memfd_create("large", MFD_CLOEXEC);
	int64_t found = 0;

	if (fd < 0 || getrlimit(RLIMIT_FSIZE, &was) != 0)
		return -1;
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = was.rlim_max };
	if (setrlimit(RLIMIT_FSIZE, &none) == 0 && write(fd, "x", 1) < 0)
		found = errno;
	(void)setrlimit(RLIMIT_FSIZE, &was);
	(void)close(fd);
	return found;
}

static int as_role(void)
{
	struct role r;
	struct rlimit core;
	struct ipc_out out;
	struct err e;

	role_begin(&r, "receiver");
	ipc_out_init(&out);
	ipc_begin(&out, FOUND, 0);
	ipc_put_str(&out, TAG_ENVIRONMENT, environ[0] == NULL ? "" : environ[0]);
	ipc_put_number(&out, TAG_FDS, open_descriptors());
	ipc_put_number(&out, TAG_DUMPABLE, prctl(PR_GET_DUMPABLE));
	(void)getrlimit(RLIMIT_CORE, &core);
	ipc_put_number(&out, TAG_CORE, (int64_t)core.rlim_max);
	ipc_put_number(&out, TAG_UMASK, umask(0));
	ipc_put_number(&out, TAG_TOO_LARGE, too_large());
	ipc_put_str(&out, TAG_ACCOUNT, r.account);
	ipc_put_bytes(&out, TAG_RULES, r.nrules == 1 ? slice_of(r.rules[0].text, r.rules[0].len) : SLICE_NONE);
	ipc_put_str(&out, TAG_LISTENER, r.nlisteners == 1 ? r.listeners[0].name : NULL);
	if (ipc_send(r.socket, &out, NULL, 0, &e) != 0)
		return 1;
	ipc_out_free(&out);
	role_ready(&r);
	role_free(&r);
	return 0;
}

/* ---- in the test ---- */

struct start {
	int socket;
	pid_t pid;
};

static void role_start(struct start *s)
{
	char *const environment[] = { (char[]){ "TZ=UTC" }, (char[]){ "SECRET=1" }, NULL };
	int pair[2];
	struct err e;

	assert_int_equal(ipc_pair(pair, &e), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		/* One more descriptor than a role may have. */
		(void)dup2(pair[1], 9);
		(void)dup2(pair[1], ROLE_SOCKET);
		(void)fcntl(ROLE_SOCKET, F_SETFD, 0);
		(void)execve("/proc/self/exe", (char *const[]){ (char[]){ "role" }, NULL }, environment);
		_exit(99);
	}
	(void)close(pair[1]);
	s->socket = pair[0];
}

static void say(const struct start *s, enum role_message type, const char *name, const char *text, int64_t parent)
{
	struct ipc_out out;
	struct err e;
	int fd = -1;

	if (text != NULL) {
		fd = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	}
	ipc_out_init(&out);
	ipc_begin(&out, (uint16_t)type, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, name);
	if (type == ROLE_NAME) {
		ipc_put_str(&out, ROLE_TAG_ROLE, "receiver");
		ipc_put_number(&out, ROLE_TAG_PARENT, parent);
	}
	/* A role that has left already is what some rows want. */
	(void)ipc_send(s->socket, &out, &fd, fd < 0 ? 0 : 1, &e);
	ipc_out_free(&out);
	if (fd >= 0)
		(void)close(fd);
}

static int role_status(const struct start *s)
{
	int status;

	(void)close(s->socket);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static char *config_text(void)
{
	static const char text[] =
	    "hostname = \"mail.office.example\";\n"
	    "listeners = { lan = { address = \"127.0.0.1:0\"; }; };\n"
	    "accounts = { office = { host = \"imap.example.net\"; user = \"office\"; password = \"x\";\n"
	    "  addresses = [ \"@office.example\" ]; }; };\n";
	char path[] = "/tmp/mailferry-test-XXXXXX";
	int fd = mkstemp(path);
	struct config *c;
	struct buf errors, part;

	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	(void)close(fd);
	buf_init(&errors, 10000);
	buf_init(&part, 100000);
	c = config_load(path, &errors);
	(void)unlink(path);
	assert_string_equal(buf_str(&errors), "");
	assert_int_equal(config_render(c, CONFIG_PART_RECEIVER, NULL, &part), 0);
	config_free(&c);
	buf_free(&errors);
	(void)buf_str(&part);
	return buf_take(&part, NULL);
}

static void starts_clean_and_knows_what_it_was_told(void **state)
{
	char *config = config_text();
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct ipc_out out;
	struct ipc_in in;
	struct buf frame;
	struct start s;
	struct err e;
	size_t nfds;

	(void)state;
	role_start(&s);
	say(&s, ROLE_NAME, "office", NULL, getpid());
	say(&s, ROLE_CONFIG, NULL, config, 0);
	say(&s, ROLE_RULES, "office.sieve", "keep;", 0);
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_LISTENER, 0);
	ipc_put_str(&out, ROLE_TAG_NAME, "lan");
	assert_int_equal(ipc_send(s.socket, &out, &listener, 1, &e), 0);
	ipc_out_free(&out);
	say(&s, ROLE_GO, NULL, NULL, 0);
	buf_init(&frame, IPC_MAX);
	assert_int_equal(ipc_receive(s.socket, &frame, &in, NULL, &nfds, PATIENCE_MS, &e), 0);
	assert_int_equal(in.type, FOUND);
	assert_string_equal(ipc_get_str(in.rest, TAG_ENVIRONMENT, 100), "TZ=UTC");
	assert_int_equal(ipc_get_number(in.rest, TAG_FDS, -1), 5); /* 0 to 3, and the listener */
	assert_int_equal(ipc_get_number(in.rest, TAG_DUMPABLE, -1), 0);
	assert_int_equal(ipc_get_number(in.rest, TAG_CORE, -1), 0);
	assert_int_equal(ipc_get_number(in.rest, TAG_UMASK, -1), 077);
	assert_int_equal(ipc_get_number(in.rest, TAG_TOO_LARGE, -1), EFBIG);
	assert_string_equal(ipc_get_str(in.rest, TAG_ACCOUNT, 100), "office");
	assert_string_equal(ipc_get_str(in.rest, TAG_RULES, 100), "keep;");
	assert_string_equal(ipc_get_str(in.rest, TAG_LISTENER, 100), "lan");
	assert_int_equal(ipc_receive(s.socket, &frame, &in, NULL, &nfds, PATIENCE_MS, &e), 0);
	assert_int_equal(in.type, ROLE_READY);
	assert_int_equal(role_status(&s), 0);
	buf_free(&frame);
	(void)close(listener);
	free(config);
}

static void leaves_when_what_it_is_told_is_wrong(void **state)
{
	static const struct {
		enum role_message type; /* 0: nothing more */
		const char *name, *text;
		int parent; /* added to ours */
	} steps[][3] = {
		{ { ROLE_NAME, "", NULL, 1 } },			      /* another parent: ours has died */
		{ { ROLE_GO, NULL, NULL, 0 } },			      /* no name yet */
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_GO, 0, 0, 0 } }, /* no configuration */
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_NAME, "", 0, 0 } },
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_CONFIG, NULL, NULL, 0 } },
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_CONFIG, NULL, "rubbish", 0 } },
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_RULES, NULL, "keep;", 0 } },
		{ { ROLE_NAME, "", NULL, 0 }, { ROLE_READY, NULL, "keep;", 0 } },
	};
	static const int statuses[] = { EX_TEMPFAIL, EX_PROTOCOL, EX_PROTOCOL, EX_PROTOCOL,
					EX_PROTOCOL, EX_CONFIG,	  EX_PROTOCOL, EX_PROTOCOL };

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct start s;

		role_start(&s);
		for (size_t j = 0; j < 3 && steps[i][j].type != 0; j++)
			say(&s, steps[i][j].type, steps[i][j].name, steps[i][j].text, getpid() + steps[i][j].parent);
		assert_int_equal(role_status(&s), statuses[i]);
	}
}

static void leaves_when_the_supervisor_goes(void **state)
{
	struct start s;

	(void)state;
	role_start(&s);
	say(&s, ROLE_NAME, "", NULL, getpid());
	assert_int_equal(role_status(&s), EX_TEMPFAIL);
}

/* An answer to a request that was given up comes late: its connection is not the one that was asked for now. */
static void a_late_connection_is_passed_over(void **state)
{
	struct err e = { 0 };
	int pair[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(ipc_pair(pair, &e), 0);
	pid = fork();
	if (pid == 0) {
		int late = socket(AF_INET, SOCK_STREAM, 0);
		struct ipc_out out;
		struct buf frame;
		struct ipc_in in;
		uint32_t id;

		buf_init(&frame, IPC_MAX);
		if (ipc_receive(pair[1], &frame, &in, NULL, NULL, PATIENCE_MS, &e) != 0)
			_exit(1);
		id = in.id;
		ipc_out_init(&out);
		ipc_begin(&out, CONNECT_DONE, id - 1);
		if (ipc_send(pair[1], &out, &late, 1, &e) != 0)
			_exit(2);
		ipc_begin(&out, CONNECT_DONE, id);
		ipc_put_str(&out, CONNECT_TAG_TEXT, "not there");
		_exit(ipc_send(pair[1], &out, NULL, 0, &e) == 0 ? 0 : 3);
	}
	assert_int_equal(connect_account(pair[0], "office", PATIENCE_MS, &e), -1);
	assert_string_equal(e.text, "not there");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_connection_is_passed_over),
		cmocka_unit_test(starts_clean_and_knows_what_it_was_told),
		cmocka_unit_test(leaves_when_what_it_is_told_is_wrong),
		cmocka_unit_test(leaves_when_the_supervisor_goes),
	};

	if (argc > 0 && strcmp(argv[0], "role") == 0)
		return as_role();
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
