/* mailferry sync: one run, now. */
#include "cmd/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/door.h"
#include "cmd/plans.h"
#include "cmd/sync_run.h"

enum { ERRORS_MAX = 64 * 1024, ANSWER_MAX = 64 };

struct args {
	const char **names;
	size_t n;
	const char *forget;
	bool dry, json, quiet, yes;
};

static int args_parse(const struct command *self, int argc, char **argv, struct args *a)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--dry-run", &a->dry }, { "--json", &a->json }, { "--quiet", &a->quiet }, { "--yes", &a->yes }
	};
	bool literal = false;

	for (int i = 1; i < argc; i++) {
		size_t f = 0;

		if (literal || argv[i][0] != '-') {
			a->names[a->n++] = argv[i];
			continue;
		}
		while (f < sizeof flags / sizeof flags[0] && strcmp(argv[i], flags[f].name) != 0)
			f++;
		if (strcmp(argv[i], "--") == 0)
			literal = true;
		else if (f < sizeof flags / sizeof flags[0])
			*flags[f].flag = true;
		else if (strcmp(argv[i], "--forget") != 0)
			return command_usage(self, "unknown option \"%s\"", argv[i]);
		else if (++i == argc)
			return command_usage(self, "--forget needs the name of a source");
		else
			a->forget = argv[i];
	}
	if (a->forget != NULL && (a->n > 0 || a->dry || a->json || a->quiet))
		return command_usage(self, "--forget SOURCE stands alone; then `mailferry sync %s' fetches it",
				     a->forget);
	if (a->yes && a->forget == NULL)
		return command_usage(self, "--yes goes with --forget only");
	if (a->quiet && (a->json || a->dry))
		return command_usage(self, "--quiet shows nothing; what is --%s for then?",
				     a->json ? "json" : "dry-run");
	return EX_OK;
}

/* ---- --forget ---- */

struct memory {
	const char *source;
	uint64_t messages;
	bool found;
};

static int on_source(void *arg, const struct spool_source_row *row)
{
	struct memory *m = arg;

	if (strcmp(row->source, m->source) != 0)
		return 0;
	m->found = true;
	for (size_t i = 0; i <= ORIGIN_REFUSED; i++)
		m->messages += row->counts.fates[i];
	return 1;
}

static bool is_yes(void)
{
	char answer[ANSWER_MAX] = "";

	(void)fflush(stdout);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return slice_eq_nocase(slice_trim(slice_str(answer)), SLICE_LIT("yes"));
}

static bool is_known(const char *config_file, const char *source)
{
	struct buf errors;
	struct config *c;
	bool known;

	buf_init(&errors, ERRORS_MAX);
	c = config_draft(config_file, &errors);
	known = config_source(c, source) != NULL;
	config_free(&c);
	buf_free(&errors);
	return known;
}

static int forget_now(const struct command *self, const struct args *a, const char *config_file,
		      struct spool_admin *admin)
{
	struct memory m = { .source = a->forget };
	uint64_t forgotten = 0;
	struct err e;

	if (spool_admin_sources(admin, true, on_source, &m, &e) != 0)
		return client_error(self, &e);
	if (!m.found && !is_known(config_file, a->forget)) {
		(void)fprintf(stderr, "mailferry %s: neither %s nor the spool knows a source \"%s\"\n", self->name,
			      config_file, a->forget);
		return EX_USAGE;
	}
	if (m.messages == 0) {
		(void)printf("source %s: nothing is remembered; its next run fetches all that is there\n", a->forget);
		return EX_OK;
	}
	if (plans_running(config_file, a->forget)) {
		(void)fprintf(
		    stderr,
		    "mailferry %s: source %s is being fetched now: wait until `mailferry status' says that this is "
		    "over\n",
		    self->name, a->forget);
		return EX_TEMPFAIL;
	}
	(void)printf(
	    "source %s: %llu message%s remembered. To forget them changes nothing at the source and takes nothing out "
	    "of "
	    "your folders;\nbut whatever of them is still there will be fetched and filed once more at the next run.\n",
	    a->forget, (unsigned long long)m.messages, m.messages == 1 ? " is" : "s are");
	if (!a->yes && !isatty(STDIN_FILENO)) {
		(void)fflush(stdout);
		(void)fprintf(stderr, "mailferry %s: nothing was forgotten; --yes does it without asking\n",
			      self->name);
		return EX_USAGE;
	}
	if (!a->yes) {
		(void)printf("Forget them (yes/no)? ");
		if (!is_yes()) {
			(void)printf("nothing was forgotten\n");
			return EX_OK;
		}
	}
	if (spool_admin_source_forget(admin, a->forget, &forgotten, &e) != 0)
		return client_error(self, &e);
	(void)printf("source %s: %llu message%s forgotten; `mailferry sync %s' fetches what is there\n", a->forget,
		     (unsigned long long)forgotten, forgotten == 1 ? " is" : "s are", a->forget);
	return EX_OK;
}

static int forget(const struct command *self, const struct args *a, const char *config_file)
{
	struct door door;
	int status = door_open(&door, self, config_file);

	if (status == EX_OK)
		status = forget_now(self, a, config_file, door.admin);
	door_close(&door);
	return status;
}

/* ---- a run ---- */

static int run(const struct command *self, const struct args *a, const char *config_file)
{
	const struct sync_request r = { .mode = a->dry ? RUN_DRY : RUN_FETCH, .names = a->names, .n = a->n };
	int status = sync_run(self, config_file, &r, a->json ? progress_json : a->quiet ? progress_quiet : NULL);

	if (a->dry && !a->json)
		(void)printf("This was a dry run: nothing was changed, neither at the sources nor in the spool or the "
			     "accounts.\n");
	return status;
}

int command_sync(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct args a = { .names = mem_array((size_t)argc, sizeof *a.names) };
	int status = args_parse(self, argc, argv, &a);

	if (status == EX_OK)
		status =
		    client_done(self, a.forget != NULL ? forget(self, &a, config_file) : run(self, &a, config_file));
	free(a.names);
	return status;
}
