/* Each role, as its row in the table confines it, tries what it may not do and what it may. Every trial is a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "confine_acts.h"
#include "role/confine.h"
#include "role/filter.h"
#include "role/landlock.h"

static struct confine_kernel kernel;
static struct config *config;

static struct config *configuration(const char *sandbox)
{
	char text[600];
	struct buf errors;
	struct config *c;

	buf_init(&errors, 4096);
	(void)snprintf(text, sizeof text,
		       "hostname = \"mail.office.example\"; sandbox = \"%s\"; accounts = { office = { host = \"127.0.0.1\"; "
		       "port = %d; tls = \"none\"; user = \"u\"; password = \"p\"; addresses = [ \"@office.example\" ]; }; };",
		       sandbox, ACTS_PORT);
	c = config_parse("test", slice_str(text), &errors);
	if (c == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	return c;
}

/* What became of ACT in a process that is confined as ROLE on kernel K: 0, an errno, or 1000 and a signal. */
static int outcome_on(const struct confine_kernel *k, const struct config *c, const char *role, const struct act *act)
{
	int status, result[2], error = -1;
	pid_t child;

	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		struct confine_wish wish = { .role = role, .config = c, .directory = acts_directory() };
		struct err e;

		acts_prepare();
		if (confine(&wish, k, &e) != 0)
			_exit(99);
		error = act->act();
		_exit(write(result[1], &error, sizeof error) == (ssize_t)sizeof error ? 0 : 98);
	}
	(void)close(result[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && read(result[0], &error, sizeof error) != (ssize_t)sizeof error)
		fail_msg("%s as %s: exit status %d", act->name, role, WEXITSTATUS(status));
	(void)close(result[0]);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : error;
}

static bool expected(const struct act *act, unsigned may, int got)
{
	if ((act->needs & may) == 0)
		return got == act->without || (act->either != 0 && got == act->either);
	return got == act->with;
}

static void each_role_is_refused_what_it_may_not(void **state)
{
	int wrong = 0;

	(void)state;
	if (!kernel.built || !kernel.seccomp || kernel.landlock < LANDLOCK_ABI_KNOWN)
		skip();
	for (size_t i = 0; i < confine_nrows; i++) {
		for (size_t k = 0; k < acts_n; k++) {
			int got = outcome_on(&kernel, config, confine_rows[i].role, &acts[k]);

			if (expected(&acts[k], confine_rows[i].may, got))
				continue;
			print_error("%s: %s ended with %d\n", confine_rows[i].role, acts[k].name, got);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static const struct act *act_named(const char *name)
{
	for (size_t i = 0; i < acts_n; i++)
		if (strcmp(acts[i].name, name) == 0)
			return &acts[i];
	fail_msg("no act %s", name);
	return NULL;
}

/* ---- older kernels ---- */

static void an_older_landlock_forbids_what_it_knows(void **state)
{
	static const struct {
		int abi;
		const char *act;
		int result;
	} rows[] = {
		{ 7, "open a file of others", EACCES },	 { 2, "open a file of others", EACCES },
		{ 0, "open a file of others", 0 },	 { 1, "open a file of others", 0 }, /* counts as none */
		{ 3, "connect to another port", ECONNREFUSED }, { 4, "connect to another port", EACCES },
		{ 5, "connect to an abstract socket", 0 }, { 6, "connect to an abstract socket", EPERM },
		{ 5, "kill another process", 0 },	 { 6, "kill another process", EPERM },
	};

	(void)state;
	if (!kernel.built || kernel.landlock < LANDLOCK_ABI_KNOWN)
		skip();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct confine_kernel old = { true, true, rows[i].abi };
		int got = outcome_on(&old, config, "connect", act_named(rows[i].act));

		if (got != rows[i].result)
			fail_msg("ABI %d: %s ended with %d", rows[i].abi, rows[i].act, got);
	}
}

static void rights_grow_with_the_abi(void **state)
{
	(void)state;
	assert_true(landlock_rights(0).fs == 0 && landlock_rights(-1).fs == 0);
	assert_int_equal(landlock_rights(1).fs, 0x1fff);
	assert_int_equal(landlock_rights(2).fs, 0x3fff);
	assert_int_equal(landlock_rights(3).fs, 0x7fff);
	assert_int_equal(landlock_rights(4).fs, 0x7fff);
	assert_int_equal(landlock_rights(5).fs, 0xffff);
	assert_int_equal(landlock_rights(7).fs, 0xffff);
	assert_int_equal(landlock_rights(3).net, 0);
	assert_int_equal(landlock_rights(4).net, 3);
	assert_int_equal(landlock_rights(5).scoped, 0);
	assert_int_equal(landlock_rights(6).scoped, 3);
	assert_int_equal(landlock_rights(6).flags, 0);
	assert_int_equal(landlock_rights(7).flags, LANDLOCK_LOG_NEW_EXEC_ON);
	/* A younger kernel is asked for what we know. */
	assert_int_equal(landlock_rights(99).fs, landlock_rights(7).fs);
	assert_true(landlock_abi() <= LANDLOCK_ABI_KNOWN);
}

/* Each ABI that this kernel has can be built a set for. */
static void every_abi_makes_a_set(void **state)
{
	(void)state;
	if (kernel.landlock == 0)
		skip();
	for (int abi = 1; abi <= kernel.landlock; abi++) {
		int set = landlock_new(abi);

		assert_true(set >= 0);
		assert_int_equal(landlock_allow_path(set, abi, "/tmp", LANDLOCK_WORK), 0);
		assert_int_equal(landlock_allow_path(set, abi, "/etc/passwd", LANDLOCK_READ), 0);
		assert_int_equal(landlock_allow_path(set, abi, "/there/is/none", LANDLOCK_READ), 0);
		assert_int_equal(landlock_allow_port(set, abi, 993), 0);
		(void)close(set);
	}
}

static void without_seccomp_landlock_still_holds(void **state)
{
	const struct confine_kernel old = { true, false, kernel.landlock };

	(void)state;
	if (!kernel.built || kernel.landlock < 2)
		skip();
	assert_int_equal(outcome_on(&old, config, "store", act_named("open a file of others")), EACCES);
}

/* ---- what is said ---- */

static char *lacks(struct confine_kernel k)
{
	static char text[1000];
	struct buf b;

	buf_init(&b, sizeof text - 1);
	text[0] = '\0';
	if (confine_lacks(&k, &b))
		(void)snprintf(text, sizeof text, "%s", buf_str(&b));
	buf_free(&b);
	return text;
}

static void what_a_kernel_lacks_is_told(void **state)
{
	(void)state;
	assert_string_equal(lacks((struct confine_kernel){ true, true, 7 }), "");
	assert_string_equal(lacks((struct confine_kernel){ true, true, 6 }),
			    "Landlock of log lines of what is refused (Linux 6.15)");
	assert_non_null(strstr(lacks((struct confine_kernel){ true, true, 2 }), "ports (Linux 6.7)"));
	assert_non_null(strstr(lacks((struct confine_kernel){ true, true, 1 }), "lsm="));
	assert_non_null(strstr(lacks((struct confine_kernel){ true, false, 7 }), "seccomp"));
	assert_non_null(strstr(lacks((struct confine_kernel){ false, true, 7 }), "AddressSanitizer"));
}

static void required_is_refused_where_it_is_not_to_be_had(void **state)
{
	static const struct confine_kernel poor[] = { { true, true, 0 }, { true, true, 1 }, { true, false, 7 }, { false, true, 7 } };
	static const struct confine_kernel good[] = { { true, true, 2 }, { true, true, 7 } };
	struct config *required = configuration("required"), *off = configuration("off");
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof poor / sizeof poor[0]; i++) {
		const struct confine_wish wish = { .role = "store", .config = required, .directory = -1 };

		assert_int_equal(confine_suffices(&poor[i], required, &e), -1);
		assert_int_equal(e.class, ERR_CONFIG);
		assert_non_null(strstr(e.text, "sandbox"));
		assert_int_equal(confine(&wish, &poor[i], &e), -1);
		assert_int_equal(confine_suffices(&poor[i], config, &e), 0);
		assert_int_equal(confine_suffices(&poor[i], off, &e), 0);
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(confine_suffices(&good[i], required, &e), 0);
	config_free(&required);
	config_free(&off);
}

static void off_is_off(void **state)
{
	struct config *off = configuration("off");

	(void)state;
	assert_int_equal(outcome_on(&kernel, off, "store", act_named("open a file of others")), 0);
	config_free(&off);
}

static void a_role_without_a_row_does_not_start(void **state)
{
	const struct confine_wish wish = { .role = "stranger", .config = config, .directory = -1 };
	struct err e;

	(void)state;
	assert_int_equal(confine(&wish, &kernel, &e), -1);
	assert_non_null(strstr(e.text, "stranger"));
}

/* One line for a call that nobody expected, however often it comes. */
static void an_unknown_call_is_told_once(void **state)
{
	char text[4000], *line;
	int ends[2], status;
	ssize_t n;
	pid_t child;

	(void)state;
	if (!kernel.built || !kernel.seccomp || !filter_trap_works())
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		const struct confine_wish wish = { .role = "store", .config = config, .directory = -1 };
		struct err e;

		acts_prepare();
		(void)dup2(ends[1], STDERR_FILENO);
		if (confine(&wish, &kernel, &e) != 0)
			_exit(1);
		for (int i = 0; i < 3; i++)
			if (act_named("an unknown call")->act() != ENOSYS)
				_exit(2);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	n = read(ends[0], text, sizeof text - 1);
	assert_true(n > 0);
	text[n] = '\0';
	line = strstr(text, "role=store event=call-refused number=");
	assert_non_null(line);
	assert_null(strstr(strchr(line, '\n'), "event="));
	(void)close(ends[0]);
}

/* ---- limits ---- */

static int limits_are_set(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_CORE, &l) != 0 || l.rlim_max != 0)
		return 1;
	if (getrlimit(RLIMIT_NPROC, &l) != 0 || l.rlim_max != 0)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_max != 64)
		return 3;
	if (getrlimit(RLIMIT_DATA, &l) != 0 || l.rlim_max != 128 * 1024 * 1024)
		return 4;
	return 0;
}

static void limits_hold(void **state)
{
	static const struct act act = { .name = "limits", .act = limits_are_set };

	(void)state;
	if (!kernel.built)
		skip();
	assert_int_equal(outcome_on(&kernel, config, "login", &act), 0);
}

static int group_setup(void **state)
{
	(void)state;
	confine_ask_kernel(&kernel);
	config = configuration("auto");
	return acts_setup();
}

static int group_teardown(void **state)
{
	(void)state;
	config_free(&config);
	acts_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_is_refused_what_it_may_not),
		cmocka_unit_test(an_older_landlock_forbids_what_it_knows),
		cmocka_unit_test(rights_grow_with_the_abi),
		cmocka_unit_test(every_abi_makes_a_set),
		cmocka_unit_test(without_seccomp_landlock_still_holds),
		cmocka_unit_test(what_a_kernel_lacks_is_told),
		cmocka_unit_test(required_is_refused_where_it_is_not_to_be_had),
		cmocka_unit_test(off_is_off),
		cmocka_unit_test(a_role_without_a_row_does_not_start),
		cmocka_unit_test(an_unknown_call_is_told_once),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
