/* mailferry user: who may log in at listeners with auth. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "base/guard.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/table.h"
#include "cmd/user_file.h"
#include "cmd/user_password.h"

enum { ERRORS_MAX = 64 * 1024, ROUNDS_MADE = SASL_ROUNDS_MIN, ROUNDS_ASKED = 100000, PASSWORD_MIN = 8 };

struct options {
	bool ask, sha1, json;
	unsigned rounds; /* 0: as it fits */
};

/* What a command works on. */
struct user {
	const struct command *self;
	struct config *config;
	struct user_file file;
	struct options options;
	struct buf errors;
};

static int options_parse(struct user *u, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ask", no_argument, NULL, 'a' },  { "sha1", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' }, { "rounds", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t n;
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'a')
			u->options.ask = true;
		else if (c == 's')
			u->options.sha1 = true;
		else if (c == 'j')
			u->options.json = true;
		else if (c != 'r')
			return command_usage(u->self, "unknown option %s", argv[optind - 1]);
		else if (slice_number(slice_str(optarg), SASL_ROUNDS_MAX, &n) != 0 || n < SASL_ROUNDS_MIN)
			return command_usage(u->self, "--rounds takes a number from %d to %d", SASL_ROUNDS_MIN,
					     SASL_ROUNDS_MAX);
		else
			u->options.rounds = (unsigned)n;
	}
	return EX_OK;
}

static int errors_print(struct user *u)
{
	(void)fputs(buf_str(&u->errors), stderr);
	return EX_CONFIG;
}

/* A configuration with errors may still name the file; without it the daemon has none. */
static int file_open(struct user *u, const char *config_file, bool make)
{
	u->config = config_draft(config_file, &u->errors);
	if (u->config->users == NULL) {
		if (u->errors.n > 0)
			return errors_print(u);
		(void)fprintf(stderr,
			      "%s: it names no file of users: add this line at the top level, then try again: "
			      "users = \"users\";\n",
			      config_file);
		return EX_CONFIG;
	}
	buf_clear(&u->errors);
	return user_file_open(&u->file, u->config, make, &u->errors) == 0 ? EX_OK : errors_print(u);
}

static void told(void)
{
	(void)fprintf(stderr, "A running mailferry takes this up within a minute, or at once with SIGHUP.\n");
}

/* 0, or the exit status. */
static int change(struct user *u, const char *name, const char *password)
{
	const unsigned rounds = u->options.rounds != 0 ? u->options.rounds
				: u->options.ask       ? ROUNDS_ASKED
						       : ROUNDS_MADE;
	struct err e;

	if (sasl_users_set(u->file.users, name, password, rounds, u->options.sha1, &e) != 0 ||
	    user_file_save(&u->file, &e) != 0)
		return client_error(u->self, &e);
	return EX_OK;
}

/* Of `add' and `password'. */
static int give(struct user *u, const char *config_file, const char *given, bool add)
{
	char *password = NULL, *name;
	struct err e;
	int status;

	name = sasl_users_name(given, &e);
	/* Before the file is locked: a person may take a while. */
	if (name != NULL)
		password = u->options.ask ? password_ask(true, &e) : password_make();
	if (password != NULL && strlen(password) < PASSWORD_MIN) {
		(void)err_set(&e, ERR_INPUT, 0, "a password needs %d characters at least", PASSWORD_MIN);
		mem_wipe_str(&password);
	}
	if (password == NULL) {
		status = client_error(u->self, &e);
		goto done;
	}
	status = file_open(u, config_file, add);
	if (status != EX_OK)
		goto done;
	if ((sasl_users_find(u->file.users, name) != NULL) == add) {
		(void)fprintf(stderr,
			      add ? "mailferry user: %s is there already; give a new password with: mailferry user "
				    "password %s\n"
				  : "mailferry user: there is no user %s; add one with: mailferry user add %s\n",
			      name, name);
		status = EX_DATAERR;
		goto done;
	}
	status = change(u, name, password);
	if (status != EX_OK)
		goto done;
	if (!u->options.ask) {
		(void)fprintf(stderr, "The password of %s; it is not kept and can't be shown again:\n", name);
		(void)printf("%s\n", password);
		status = client_done(u->self, EX_OK);
	}
	told();
done:
	mem_wipe_str(&password);
	free(name);
	return status;
}

static int take_away(struct user *u, const char *config_file, int n, char **names)
{
	int status = file_open(u, config_file, false);
	struct err e;

	if (status != EX_OK)
		return status;
	for (int i = 0; i < n; i++) {
		char *name = sasl_users_name(names[i], &e);
		bool gone = name != NULL && sasl_users_remove(u->file.users, name);

		free(name);
		if (gone)
			continue;
		(void)fprintf(stderr, "mailferry user: there is no user %s; nothing was changed\n", names[i]);
		return EX_DATAERR;
	}
	if (user_file_save(&u->file, &e) != 0)
		return client_error(u->self, &e);
	told();
	return EX_OK;
}

static void user_json(const struct sasl_user *user)
{
	json_t *o = json_pack("{s:s, s:i, s:b}", "name", user->name, "rounds", (int)user->sha256.rounds, "sha1",
			      user->sha1 != NULL);
	char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

	(void)printf("%s\n", line == NULL ? "{}" : line);
	free(line);
	json_decref(o);
}

static int list(struct user *u, const char *config_file)
{
	static const struct table_column columns[] = { { "USER", 60 }, { "ROUNDS", 10 }, { "CAN LOG IN WITH", 60 } };
	int status = file_open(u, config_file, false);
	struct table *t;

	if (status != EX_OK)
		return status;
	t = table_new(columns, sizeof columns / sizeof columns[0]);
	for (size_t i = 0; i < sasl_users_count(u->file.users); i++) {
		const struct sasl_user *user = sasl_users_at(u->file.users, i);
		char rounds[20];

		if (u->options.json) {
			user_json(user);
			continue;
		}
		(void)snprintf(rounds, sizeof rounds, "%u", user->sha256.rounds);
		table_row(t,
			  (const char *const[]){ user->name, rounds,
						 user->sha1 != NULL ? "SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, LOGIN"
								    : "SCRAM-SHA-256, PLAIN, LOGIN" },
			  NULL);
	}
	table_end(&t);
	return client_done(u->self, EX_OK);
}

static int test(struct user *u, const char *config_file, const char *given)
{
	char *password, *name;
	struct err e;
	bool good;
	int status = file_open(u, config_file, false);

	if (status != EX_OK)
		return status;
	name = sasl_users_name(given, &e);
	password = name == NULL ? NULL : password_ask(false, &e);
	if (password == NULL) {
		free(name);
		return client_error(u->self, &e);
	}
	good = sasl_users_check(u->file.users, name, password);
	(void)printf("%s\n", good						     ? "the password is right"
			     : sasl_users_find(u->file.users, name) == NULL ? "there is no such user"
									    : "the password is wrong");
	mem_wipe_str(&password);
	free(name);
	return client_done(u->self, good ? EX_OK : EX_NOPERM);
}

static int act(struct user *u, const char *config_file, const char *what, int n, char **names)
{
	bool add = strcmp(what, "add") == 0, listing = strcmp(what, "list") == 0;

	if (!add && !listing && strcmp(what, "password") != 0 && strcmp(what, "remove") != 0 &&
	    strcmp(what, "test") != 0)
		return command_usage(u->self, "unknown action %s", what);
	if ((u->options.ask || u->options.sha1 || u->options.rounds != 0) && !add && strcmp(what, "password") != 0)
		return command_usage(u->self, "that option belongs to add and password");
	if (u->options.json && !listing)
		return command_usage(u->self, "--json belongs to list");
	if (listing)
		return n == 0 ? list(u, config_file) : command_usage(u->self, "list takes no name");
	if (n == 0 || (n > 1 && strcmp(what, "remove") != 0))
		return command_usage(u->self, n == 0 ? "a name is missing" : "one name at a time");
	if (strcmp(what, "remove") == 0)
		return take_away(u, config_file, n, names);
	if (strcmp(what, "test") == 0)
		return test(u, config_file, names[0]);
	return give(u, config_file, names[0], add);
}

int command_user(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct user u = { .self = self, .file = { .directory = -1 } };
	int status = options_parse(&u, argc, argv);

	if (status != EX_OK)
		return status;
	if (optind == argc)
		return command_usage(self, "say what to do: add, password, remove, list or test");
	(void)guard_secrets();
	buf_init(&u.errors, ERRORS_MAX);
	status = act(&u, config_file, argv[optind], argc - optind - 1, argv + optind + 1);
	user_file_close(&u.file);
	config_free(&u.config);
	buf_free(&u.errors);
	return status;
}
