#include "cmd/sync_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/guard.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/setup.h"
#include "cmd/text.h"

enum { ERRORS_MAX = 64 * 1024 };

struct showing {
	struct progress progress;
	bool interrupted;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static int on_event(void *arg, const struct sync_event *ev)
{
	struct showing *s = arg;
	int r = progress_event(&s->progress, ev);

	s->interrupted = interrupted != 0;
	return s->interrupted ? -1 : r;
}

/* 0, or -1 with an exit status after the error was printed. */
static int alone(const struct command *self, const char *config_file, const struct sync_request *r, struct showing *s,
		 int *status)
{
	struct setup *setup;
	struct buf errors;

	buf_init(&errors, ERRORS_MAX);
	setup = setup_load(config_file, &errors);
	if (setup == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		(void)fprintf(stderr,
			      "mailferry %s: correct the errors above; `mailferry check' says whether all is well\n",
			      self->name);
		*status = EX_CONFIG;
	} else {
		*status = sync_alone(config_file, setup, r, on_event, s);
	}
	buf_free(&errors);
	return setup == NULL ? -1 : 0;
}

static int by_daemon(const char *config_file, const struct sync_request *r, struct showing *s, struct err *e)
{
	struct sigaction act = { .sa_handler = on_signal }, before_int, before_term;
	struct buf errors;
	char *control;
	int ret;

	buf_init(&errors, ERRORS_MAX);
	control = config_control(config_file, &errors);
	if (control == NULL) {
		/* The run alone will say what is wrong with the file. */
		buf_free(&errors);
		return err_set(e, ERR_TEMP, ENOENT, "no control socket is known");
	}
	buf_free(&errors);
	/* The first Ctrl-C leaves in order, the second at once. */
	act.sa_flags = (int)SA_RESETHAND;
	(void)sigemptyset(&act.sa_mask);
	(void)sigaction(SIGINT, &act, &before_int);
	(void)sigaction(SIGTERM, &act, &before_term);
	ret = sync_by_daemon(control, config_file, r, on_event, s, e);
	(void)sigaction(SIGINT, &before_int, NULL);
	(void)sigaction(SIGTERM, &before_term, NULL);
	free(control);
	return ret;
}

/* Is a name in R that CONFIG_FILE has not? The command line is wrong then, whatever else is. */
static bool has_stranger(const char *config_file, const struct sync_request *r)
{
	struct buf errors;
	struct config *c;
	bool found;

	buf_init(&errors, ERRORS_MAX);
	c = config_draft(config_file, &errors);
	found = r->copy_to != NULL && config_account(c, r->copy_to) == NULL;
	for (size_t i = 0; i < r->n; i++)
		found = found || config_server(c, r->names[i]) == NULL;
	config_free(&c);
	buf_free(&errors);
	return found;
}

static bool is_nobody(const struct err *e)
{
	return e->class == ERR_TEMP && (e->code == ENOENT || e->code == ECONNREFUSED);
}

static void say(const struct command *self, const char *text)
{
	struct buf clean;

	buf_init(&clean, PROGRESS_LINE_BYTES);
	(void)text_clean(&clean, text, 0);
	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: %s\n", self->name, buf_str(&clean));
	buf_free(&clean);
}

/* What is left to say when nothing more is shown, and the exit status. HERE: no daemon did it. FAILED: E says why.
 * WORDS came with the end, or are NULL. */
static int closing(const struct command *self, const struct showing *s, bool here, int failed, int status,
		   const struct err *e, const char *words)
{
	if (ferror(stdout) != 0) {
		say(self, here ? "nobody reads what this prints: the run was ended"
			       : "nobody reads what this prints; the run goes on in the daemon");
		clearerr(stdout);
		return EX_IOERR;
	}
	if (s->interrupted && !here) {
		say(self, "the run goes on in the daemon without this display; `mailferry status' says how it stands");
		return EX_TEMPFAIL;
	}
	if (failed != 0)
		return here ? status : client_error(self, e);
	if (words != NULL && words[0] != '\0')
		say(self, words);
	return status < 0 ? EX_SOFTWARE : status;
}

int sync_run(const struct command *self, const char *config_file, const struct sync_request *r, progress_view *view)
{
	struct showing s = { .interrupted = false };
	bool here = false;
	int status, failed;
	struct err e;
	char *words;

	/* Before any secret is read. */
	(void)guard_secrets();
	(void)signal(SIGPIPE, SIG_IGN);
	progress_init(&s.progress, view, r->mode);
	s.progress.copies = r->copy_to != NULL;
	failed = by_daemon(config_file, r, &s, &e);
	status = s.progress.status;
	if (failed != 0 && is_nobody(&e)) {
		here = true;
		failed = alone(self, config_file, r, &s, &status);
	}
	words = mem_strdup(s.progress.words);
	progress_free(&s.progress);
	status = closing(self, &s, here, failed, status, &e, words);
	free(words);
	if ((failed != 0 || status == EX_NOINPUT) && has_stranger(config_file, r))
		status = EX_USAGE;
	return status;
}
