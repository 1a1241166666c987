/* mailferry probe: is the store reached, and what is it like? */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/guard.h"
#include "cmd/client.h"
#include "cmd/command.h"
#include "cmd/login.h"
#include "cmd/probe.h"
#include "cmd/text.h"

enum { TEXT_MAX = 64 * 1024 };

static void complain(const struct command *self, const struct config_server *a, const char *where, const char *why)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	(void)text_clean(&text, why, 0);
	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: %s %s: %s%s%s\n", self->name, config_kind(a), a->name, where,
		      where[0] == '\0' ? "" : ": ", buf_str(&text));
	buf_free(&text);
}

/* The way to tokens is that of `mailferry login': the running daemon's, or one of our own. */
static char *give_token(void *arg, bool fresh, struct err *e)
{
	struct login *l = arg;

	if (l->tokens.socket < 0 && login_tokens_open(l, e) != 0)
		return NULL;
	return token_get(&l->tokens, fresh, e);
}

static int probe_one(const struct command *self, const struct config *c, const struct config_server *a, bool write,
		     bool json)
{
	struct login l = { .self = self,
			   .file = c->file,
			   .config = c,
			   .server = a,
			   .tokens = { .socket = -1, .account = a->name },
			   .token = ERRAND_NONE,
			   .connect = ERRAND_NONE,
			   .helper = ERRAND_NONE };
	struct probe_options o = { .write = write, .token = a->oauth ? give_token : NULL, .token_arg = &l };
	const struct config_source *source = a->of_source ? config_source(c, a->name) : NULL;
	const struct err *failure;
	struct probe_report r;
	const char *step = "";
	struct err e = { 0 };
	int ret;

	probe_report_init(&r);
	ret = probe_account(c, a, &o, &r, &e);
	login_tokens_close(&l);
	if (source != NULL && json)
		probe_source_json(source, &r, ret == 0 ? NULL : &e);
	else if (source != NULL)
		probe_source_print(source, &r);
	else if (a->of_relay && json)
		probe_relay_json(a, &r, ret == 0 ? NULL : &e);
	else if (a->of_relay)
		probe_relay_print(a, &r);
	else if (json)
		probe_print_json(a, &r, ret == 0 ? NULL : &e);
	else
		probe_print(a, &r);
	failure = probe_failure(&r, &step);
	if (failure == NULL && ret != 0)
		failure = &e;
	if (failure != NULL)
		complain(self, a, step, failure->text);
	ret = failure == NULL ? EX_OK : probe_status(failure);
	probe_report_free(&r);
	return ret;
}

static int probe_all(const struct command *self, const struct config *c, const char *name, bool write, bool json)
{
	int status = EX_OK;

	for (size_t i = 0; i < config_servers(c); i++) {
		const struct config_server *a = config_server_at(c, i);
		int one;

		if (name != NULL && a != config_server(c, name))
			continue;
		one = probe_one(self, c, a, write && !a->of_source && !a->of_relay, json);
		status = status == EX_OK ? one : status;
	}
	return status;
}

int command_probe(const struct command *self, const char *config_file, int argc, char **argv)
{
	static const struct option known[] = { { "write", no_argument, NULL, 'w' },
					       { "json", no_argument, NULL, 'j' },
					       { NULL, 0, NULL, 0 } };
	const char *name = NULL;
	bool json = false, write = false;
	struct config *c;
	struct buf errors;
	int status, opt;

	opterr = 0;
	optind = 0;
	while ((opt = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (opt != 'w' && opt != 'j')
			return command_usage(self, "unknown option %s", argv[optind - 1]);
		*(opt == 'w' ? &write : &json) = true;
	}
	if (optind + 1 < argc)
		return command_usage(self, "expected one account or source, or none for all");
	if (optind < argc)
		name = argv[optind];
	(void)guard_secrets();
	(void)signal(SIGPIPE, SIG_IGN);
	buf_init(&errors, TEXT_MAX);
	c = config_load(config_file, &errors);
	(void)fputs(buf_str(&errors), stderr);
	buf_free(&errors);
	if (c == NULL)
		return EX_CONFIG;
	if (name != NULL && config_server(c, name) == NULL) {
		(void)fprintf(stderr, "mailferry %s: %s has no account and no source \"%s\"; `mailferry %s' alone tries all\n",
			      self->name, config_file, name, self->name);
		status = EX_USAGE;
	} else if (name != NULL && write && config_account(c, name) == NULL) {
		status = command_usage(self, "--write is for accounts: nothing is ever written into a source, or sent");
	} else {
		status = client_done(self, probe_all(self, c, name, write, json));
	}
	config_free(&c);
	return status;
}
