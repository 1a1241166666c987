/* mailferry login: what must be done at the provider, the sign-in, and the first look into the mailbox. */
#include "cmd/login.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/guard.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/login_steps.h"

enum { TEXT_MAX = 64 * 1024 };

struct options {
	bool paste, only_steps, no_steps;
	const char *name; /* of an account, or with --steps of a provider */
};

static int options_parse(const struct command *self, int argc, char **argv, struct options *o)
{
	static const struct option known[] = { { "paste", no_argument, NULL, 'p' },
					       { "steps", no_argument, NULL, 's' },
					       { "no-steps", no_argument, NULL, 'n' },
					       { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (c == 'p')
			o->paste = true;
		else if (c == 's')
			o->only_steps = true;
		else if (c == 'n')
			o->no_steps = true;
		else
			return command_usage(self, "unknown option %s", argv[optind - 1]);
	}
	if (optind + 1 != argc)
		return command_usage(self, "expected the name of one account");
	if (o->only_steps && (o->no_steps || o->paste))
		return command_usage(self, "--steps prints the steps and does nothing else");
	o->name = argv[optind];
	return EX_OK;
}

static void steps_print(const struct config_server *a, const char *file)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	login_steps(a, file, &text);
	(void)fputs(buf_str(&text), stdout);
	(void)fflush(stdout);
	buf_free(&text);
}

/* --steps: also before the configuration is good, since it tells what belongs into it. */
static int steps_only(const struct command *self, const char *file, const char *name)
{
	const struct config_server *a;
	struct buf errors, text;
	struct config *c;
	int status = EX_OK;

	buf_init(&errors, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	c = config_draft(file, &errors);
	a = config_server(c, name);
	if (a != NULL) {
		login_steps(a, file, &text);
	} else if (login_steps_provider(name, file, &text) != 0) {
		(void)fprintf(stderr,
			      "mailferry %s: \"%s\" is neither an account of %s nor a provider that mailferry knows; "
			      "`mailferry check --keys' lists those under provider\n",
			      self->name, name, file);
		status = EX_USAGE;
	}
	(void)fputs(buf_str(&text), stdout);
	config_free(&c);
	buf_free(&errors);
	buf_free(&text);
	return client_done(self, status);
}

/* The configuration has errors: perhaps those that the steps are there to mend. */
static int bad_configuration(const struct command *self, const char *file, const char *name, const char *errors)
{
	const struct config_server *a;
	struct config *c;
	struct buf again;

	buf_init(&again, TEXT_MAX);
	c = config_draft(file, &again);
	a = config_server(c, name);
	if (a != NULL && (a->oauth || a->provider != NULL)) {
		steps_print(a, file);
		(void)printf("\n");
		(void)fflush(stdout);
	}
	(void)fputs(errors, stderr);
	(void)fprintf(stderr, "mailferry %s: correct the configuration first\n", self->name);
	config_free(&c);
	buf_free(&again);
	return EX_CONFIG;
}

static int run(struct login *l)
{
	const struct config_server *a = l->server;
	struct err e = { 0 };
	char *token;
	int r = 0;

	if (!a->oauth)
		return login_test(l);
	if (login_tokens_open(l, &e) != 0)
		return login_failed(l, &e, false);
	if (a->token.grant == CONFIG_GRANT_USER)
		r = login_by_browser(l, &e);
	else if (a->token.grant == CONFIG_GRANT_DEVICE)
		r = login_by_code(l, &e);
	if (r != 0)
		return login_failed(l, &e, true);
	token = login_token(l, false, &e);
	if (token == NULL)
		return login_failed(l, &e, true);
	mem_wipe_str(&token);
	return login_test(l);
}

int command_login(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct login l = {
		.self = self, .file = config_file, .token = ERRAND_NONE, .connect = ERRAND_NONE, .helper = ERRAND_NONE
	};
	struct options o = { .name = NULL };
	struct config *c;
	struct buf errors;
	int status = options_parse(self, argc, argv, &o);

	if (status != EX_OK)
		return status;
	if (o.only_steps)
		return steps_only(self, config_file, o.name);
	(void)guard_secrets();
	(void)signal(SIGPIPE, SIG_IGN);
	buf_init(&errors, TEXT_MAX);
	c = config_load(config_file, &errors);
	if (c == NULL) {
		status = bad_configuration(self, config_file, o.name, buf_str(&errors));
	} else if ((l.server = config_server(c, o.name)) == NULL) {
		(void)fprintf(stderr, "mailferry %s: %s has no account and no source \"%s\"\n", self->name, config_file, o.name);
		status = EX_USAGE;
	} else {
		l.config = c;
		l.paste = o.paste;
		l.tokens = (struct token_asker){ .socket = -1, .account = l.server->name, .person = true };
		if (!o.no_steps) {
			steps_print(l.server, config_file);
			(void)printf("\n");
		}
		status = client_done(self, run(&l));
		login_tokens_close(&l);
	}
	buf_free(&errors);
	config_free(&c);
	return status;
}
