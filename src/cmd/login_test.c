/* The first look into the mailbox, by mailferry-probe, and what is wrong with it in words that say what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "cmd/client.h"
#include "cmd/control.h"
#include "cmd/login.h"
#include "cmd/login_explain.h"
#include "cmd/probe.h"
#include "cmd/text.h"

enum { TEXT_MAX = 16 * 1024 };

static void explain(const struct login_finding *f)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	login_explain(f, &text);
	(void)fputs(buf_str(&text), stderr);
	buf_free(&text);
}

/* A server's words stand in it. */
static void complain(const struct login *l, const char *step, const char *why)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	(void)text_clean(&text, why, 0);
	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: %s %s: %s%s%s\n", l->self->name, config_kind(l->server), l->server->name, step,
		      step[0] == '\0' ? "" : ": ", buf_str(&text));
	buf_free(&text);
}

int login_failed(const struct login *l, const struct err *e, bool token)
{
	const struct login_finding f = { .server = l->server, .token = token, .text = e->text };

	complain(l, "", e->text);
	if (token)
		explain(&f);
	return probe_status(e);
}

static char *give_token(void *arg, bool fresh, struct err *e)
{
	return login_token(arg, fresh, e);
}

static int store_failed(const struct login *l, const struct probe_report *r, const struct err *e, const char *step)
{
	bool logged_in = r->step[SURVEY_LOGIN].begun && r->step[SURVEY_LOGIN].err.class == ERR_NONE;
	struct login_finding f = { .server = l->server, .text = e->text, .says = l->says, .who = l->who };

	f.logged_in = logged_in;
	f.refused = logged_in || (r->step[SURVEY_LOGIN].err.class == ERR_CONFIG && e == &r->step[SURVEY_LOGIN].err);
	complain(l, step, e->text);
	explain(&f);
	return probe_status(e);
}

/* What a running daemon held back because of this account's trouble can go. Without one there is nobody to tell. */
static void lift(const struct login *l)
{
	struct err e;
	int fd = control_connect(l->config->control, l->file, CONTROL_WANT_LIFT, &e);

	file_close(&fd);
}

int login_test(struct login *l)
{
	struct probe_options o = { .token = l->server->oauth ? give_token : NULL, .token_arg = l };
	const struct err *failure;
	struct probe_report r;
	const char *step = "";
	struct err e = { 0 };
	int status = EX_OK;

	(void)printf("Trying the mailbox …\n");
	(void)fflush(stdout);
	probe_report_init(&r);
	if (probe_account(l->config, l->server, &o, &r, &e) != 0) {
		status = login_failed(l, &e, false);
	} else if ((failure = probe_failure(&r, &step)) != NULL) {
		status = store_failed(l, &r, failure, step);
	} else {
		(void)printf("All is well: %s lets mailferry into the mailbox of %s, which has ", l->server->host,
			     l->server->user);
		/* POP3 has one folder, which nobody calls so. */
		if (l->server->pop3 && r.nfolders > 0)
			(void)printf("%" PRId64 " message%s.\n", r.folders[0].messages,
				     r.folders[0].messages == 1 ? "" : "s");
		else
			(void)printf("%zu folder%s.\n", r.nfolders, r.nfolders == 1 ? "" : "s");
		(void)printf("`mailferry probe %s' says more.\n", l->server->name);
		lift(l);
	}
	probe_report_free(&r);
	return status;
}
