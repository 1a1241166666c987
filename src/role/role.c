#include "role/role.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "role/confine.h"
#include "sieve/sieve.h"

enum {
	START_TIMEOUT_MS = 60 * 1000, /* until ROLE_GO; the supervisor sends all of it at once */
	CONFIG_TEXT_MAX = 16 * 1024 * 1024,
	USERS_TEXT_MAX = 16 * 1024 * 1024,
	NAME_MAX_BYTES = 4096
};

static _Noreturn void role_die(int status, const char *what, const struct err *e)
{
	log_error("role-start-failed", LOG_STR("what", what), LOG_STR("why", e == NULL ? NULL : e->text));
	exit(status);
}

/* An empty environment but for TZ: dates in headers are local. */
static void environment_empty(void)
{
	char *tz = mem_strdup(getenv("TZ"));

	if (clearenv() != 0)
		role_die(EX_OSERR, "can't empty the environment", NULL);
	if (tz != NULL && setenv("TZ", tz, 1) != 0)
		role_die(EX_OSERR, "can't set TZ", NULL);
	free(tz);
	tzset();
}

/* Only the supervisor's word or SIGKILL ends a role: a ^C at the terminal or a stop of the whole service reaches every
 * process of the group, and would cut off what the supervisor wants to end in order. A write to a reader that is gone,
 * or past the largest file that is allowed, is an error of that write. */
static void signals_prepare(void)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void)signal(ignored[i], SIG_IGN);
}

/* It was executed by descriptor: kernels before 6.14 call it by the descriptor's number then. */
static void name_set(const char *role)
{
	char name[16];

	(void)snprintf(name, sizeof name, "mailferry-%s", role);
	(void)prctl(PR_SET_NAME, name);
}

static void descriptors_prepare(void)
{
	struct stat st;
	int null;

	if (fstat(ROLE_SOCKET, &st) != 0 || !S_ISSOCK(st.st_mode))
		role_die(EX_USAGE, "this program is a part of mailferry and is started by `mailferry run'", NULL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		role_die(EX_OSERR, "can't open /dev/null", NULL);
	/* The log must not go where the next file is opened. */
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		role_die(EX_OSERR, "can't open /dev/null", NULL);
	/* Closes NULL too. */
	if (close_range(ROLE_SOCKET + 1, ~0U, 0) != 0)
		role_die(EX_OSERR, "can't close inherited descriptors", NULL);
	(void)fcntl(ROLE_SOCKET, F_SETFD, FD_CLOEXEC);
}

/* The death signal is set by now; a parent that died before that did not send it. */
static void parent_check(struct slice fields)
{
	int64_t parent = ipc_get_number(fields, ROLE_TAG_PARENT, -1);

	if (parent != (int64_t)getppid())
		role_die(EX_TEMPFAIL, "the supervisor is gone", NULL);
}

static void take_name(struct role *r, struct slice fields)
{
	char *role = ipc_get_str(fields, ROLE_TAG_ROLE, NAME_MAX_BYTES);
	int64_t level = ipc_get_number(fields, ROLE_TAG_LEVEL, LOG_INFO);

	parent_check(fields);
	if (role == NULL || strcmp(role, r->role) != 0)
		role_die(EX_PROTOCOL, "the supervisor takes this program for another role", NULL);
	free(role);
	if (level >= LOG_ERROR && level <= LOG_DEBUG)
		log_set_level((enum log_level)level);
	free(r->account);
	r->account = ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);
	if (r->account == NULL)
		r->account = mem_strdup("");
	r->restored = ipc_get_number(fields, ROLE_TAG_RESTORED, 0) != 0;
}

static void take_config(struct role *r, int fd)
{
	struct buf text, errors;
	struct err e;

	buf_init(&text, CONFIG_TEXT_MAX);
	buf_init(&errors, sizeof e.text - 1);
	if (lseek(fd, 0, SEEK_SET) != 0)
		role_die(EX_OSERR, "can't read the configuration", NULL);
	if (file_read_fd(fd, "configuration", &text, &e) != 0)
		role_die(EX_OSERR, "can't read the configuration", &e);
	config_free(&r->config);
	r->config = config_parse("configuration", buf_slice(&text), &errors);
	if (r->config == NULL) {
		(void)err_set(&e, ERR_CONFIG, 0, "%s", buf_str(&errors));
		role_die(EX_CONFIG, "can't read the configuration", &e);
	}
	/* It may hold a secret. */
	mem_wipe(text.p, text.n);
	buf_free(&text);
	buf_free(&errors);
}

static void take_listener(struct role *r, struct slice fields, int *fd)
{
	char *name = ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);

	if (name == NULL || r->nlisteners == ROLE_LISTENERS_MAX)
		role_die(EX_PROTOCOL, "a listener can't be used", NULL);
	r->listeners = mem_resize(r->listeners, r->nlisteners + 1, sizeof *r->listeners);
	r->listeners[r->nlisteners++] = (struct role_listener){ name, *fd };
	*fd = -1;
}

static void take_rules(struct role *r, struct slice fields, int fd)
{
	struct role_rules rules = { .path = ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES) };
	struct buf text;
	struct err e;

	if (rules.path == NULL || r->nrules == ROLE_RULES_MAX)
		role_die(EX_PROTOCOL, "rules can't be used", NULL);
	buf_init(&text, SIEVE_SCRIPT_MAX + 1);
	if (lseek(fd, 0, SEEK_SET) != 0)
		role_die(EX_OSERR, "can't read the rules", NULL);
	if (file_read_fd(fd, rules.path, &text, &e) != 0)
		role_die(EX_OSERR, "can't read the rules", &e);
	rules.text = buf_take(&text, &rules.len);
	r->rules = mem_resize(r->rules, r->nrules + 1, sizeof *r->rules);
	r->rules[r->nrules++] = rules;
}

static void take_tickets(struct role *r, struct slice fields)
{
	struct slice keys = ipc_get_bytes(fields, ROLE_TAG_KEYS);

	mem_wipe(r->tickets, r->ntickets);
	free(r->tickets);
	r->tickets = slice_dup(keys);
	r->ntickets = keys.n;
}

static void take_users(struct role *r, struct slice fields, int fd)
{
	struct buf text;
	struct err e;

	free(r->users.path);
	r->users.path = ipc_get_str(fields, ROLE_TAG_NAME, NAME_MAX_BYTES);
	if (r->users.path == NULL || r->users.text != NULL)
		role_die(EX_PROTOCOL, "the users can't be used", NULL);
	buf_init(&text, USERS_TEXT_MAX);
	if (lseek(fd, 0, SEEK_SET) != 0)
		role_die(EX_OSERR, "can't read the users", NULL);
	if (file_read_fd(fd, r->users.path, &text, &e) != 0)
		role_die(EX_OSERR, "can't read the users", &e);
	r->users.text = buf_take(&text, &r->users.len);
}

void role_take_socket(int *where, int *fd)
{
	file_close(where);
	*where = *fd;
	*fd = -1;
}

/* One message of the start. True when it was the last. */
static bool take_message(struct role *r, const struct ipc_in *in, int *fd, size_t nfds)
{
	size_t needs = in->type == ROLE_NAME || in->type == ROLE_TICKETS || in->type == ROLE_GO ? 0
		       : in->type == ROLE_STEPS						? 2
												: 1;

	if ((in->type == ROLE_NAME) != (r->account == NULL) || needs != nfds)
		role_die(EX_PROTOCOL, "the supervisor's words make no sense", NULL);
	switch (in->type) {
	case ROLE_NAME:
		take_name(r, in->rest);
		break;
	case ROLE_CONFIG:
		take_config(r, *fd);
		break;
	case ROLE_LISTENER:
		take_listener(r, in->rest, fd);
		break;
	case ROLE_RULES:
		take_rules(r, in->rest, *fd);
		break;
	case ROLE_TICKETS:
		take_tickets(r, in->rest);
		break;
	case ROLE_USERS:
		take_users(r, in->rest, *fd);
		break;
	case ROLE_SPOOL:
		role_take_socket(&r->spool, fd);
		break;
	case ROLE_MEMORY:
		role_take_socket(&r->memory, fd);
		break;
	case ROLE_CONNECT:
		role_take_socket(&r->connect, fd);
		break;
	case ROLE_TOKEN:
		role_take_socket(&r->token, fd);
		break;
	case ROLE_TOKEN_DIRECTORY:
		role_take_socket(&r->token_directory, fd);
		break;
	case ROLE_METER:
		role_take_socket(&r->meter, fd);
		break;
	case ROLE_TALLY:
		role_take_socket(&r->tally, fd);
		r->place = (unsigned)ipc_get_number(in->rest, ROLE_TAG_PLACE, UINT_MAX);
		break;
	case ROLE_STEPS:
		step_open(fd[0], fd[1]);
		fd[1] = -1;
		break;
	case ROLE_GO:
		return true;
	default:
		role_die(EX_PROTOCOL,
			 "the supervisor is of another version; install all programs of mailferry together", NULL);
	}
	return false;
}

static void take_all(struct role *r)
{
	bool done = false;
	struct buf frame;

	buf_init(&frame, IPC_MAX);
	while (!done) {
		int fds[IPC_FDS_MAX];
		size_t nfds = 0;
		struct ipc_in in;
		struct err e;

		if (ipc_receive(r->socket, &frame, &in, fds, &nfds, START_TIMEOUT_MS, &e) != 0)
			role_die(EX_TEMPFAIL, "the supervisor did not say what to do", &e);
		done = take_message(r, &in, fds, nfds);
		for (size_t i = 0; i < nfds; i++)
			file_close(&fds[i]);
	}
	buf_free(&frame);
	if (r->config == NULL)
		role_die(EX_PROTOCOL, "the supervisor gave no configuration", NULL);
}

void role_begin(struct role *r, const char *role)
{
	*r = (struct role){
		.role = mem_strdup(role), .socket = ROLE_SOCKET, .spool = -1, .memory = -1, .connect = -1, .token = -1,
		.token_directory = -1, .meter = -1, .tally = -1, .work_directory = -1
	};
	log_open(role, LOG_INFO); /* the log outlives R */
	name_set(role);
	environment_empty();
	(void)umask(077);
	descriptors_prepare();
	if (guard_secrets() != 0)
		role_die(EX_OSERR, "can't forbid core dumps", NULL);
	signals_prepare();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		role_die(EX_OSERR, "can't tie its life to the supervisor's", NULL);
	take_all(r);
}

static void role_confine(struct role *r)
{
	const struct confine_wish wish = { .role = r->role, .config = r->config, .directory = r->work_directory };
	struct confine_kernel kernel;
	struct err e;

	confine_ask_kernel(&kernel);
	if (confine(&wish, &kernel, &e) != 0)
		role_die(EX_CONFIG, "it can't be confined", &e);
}

void role_ready(struct role *r)
{
	struct ipc_out out;
	struct err e;

	role_confine(r);
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_READY, 0);
	if (ipc_send(r->socket, &out, NULL, 0, &e) != 0)
		role_die(EX_TEMPFAIL, "the supervisor is gone", &e);
	ipc_out_free(&out);
}

void role_forget_users(struct role *r)
{
	mem_wipe(r->users.text, r->users.len);
	free(r->users.text);
	free(r->users.path);
	r->users = (struct role_rules){ 0 };
}

void role_free(struct role *r)
{
	for (size_t i = 0; i < r->nlisteners; i++) {
		file_close(&r->listeners[i].fd);
		free(r->listeners[i].name);
	}
	for (size_t i = 0; i < r->nrules; i++) {
		free(r->rules[i].path);
		free(r->rules[i].text);
	}
	free(r->listeners);
	free(r->rules);
	mem_wipe(r->tickets, r->ntickets);
	free(r->tickets);
	role_forget_users(r);
	config_free(&r->config);
	free(r->account);
	free(r->role);
	file_close(&r->spool);
	file_close(&r->memory);
	file_close(&r->connect);
	file_close(&r->token);
	file_close(&r->token_directory);
	file_close(&r->meter);
	file_close(&r->tally);
	file_close(&r->work_directory);
	*r = (struct role){ .socket = -1, .spool = -1, .memory = -1, .connect = -1, .token = -1, .token_directory = -1,
			    .meter = -1, .tally = -1, .work_directory = -1 };
}
