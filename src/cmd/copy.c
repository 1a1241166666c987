/* mailferry copy: the whole folder tree of a source into an account. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/sync_run.h"

enum { ERRORS_MAX = 64 * 1024 };

struct args {
	const char *source, *to;
	bool dry, json;
};

static int args_parse(const struct command *self, int argc, char **argv, struct args *a)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0)
			a->dry = true;
		else if (strcmp(argv[i], "--json") == 0)
			a->json = true;
		else if (strcmp(argv[i], "--to") == 0 && i + 1 < argc)
			a->to = argv[++i];
		else if (strcmp(argv[i], "--to") == 0)
			return command_usage(self, "--to needs the name of an account");
		else if (argv[i][0] == '-')
			return command_usage(self, "unknown option \"%s\"", argv[i]);
		else if (a->source != NULL)
			return command_usage(self, "one source at a time");
		else
			a->source = argv[i];
	}
	if (a->source == NULL)
		return command_usage(self, "copy which source?");
	return EX_OK;
}

/* Without --to: the account that the source's mail is for. From mem_alloc; NULL when that is not known. */
static char *account_find(const char *config_file, const char *source)
{
	const struct config_source *s;
	struct buf errors;
	struct config *c;
	char *name;

	buf_init(&errors, ERRORS_MAX);
	c = config_draft(config_file, &errors);
	s = config_source(c, source);
	name = s == NULL ? NULL : mem_strdup(s->account);
	config_free(&c);
	buf_free(&errors);
	return name;
}

int command_copy(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct args a = { .source = NULL };
	struct sync_request r = { .n = 1 };
	int status = args_parse(self, argc, argv, &a);
	char *own = NULL;

	if (status == EX_OK && a.to == NULL) {
		a.to = own = account_find(config_file, a.source);
		if (own == NULL)
			status = command_usage(self, "copy it where? %s names no account for \"%s\"; give --to ACCOUNT",
					       config_file, a.source);
	}
	if (status != EX_OK)
		return status;
	/* A dry run that has an account to copy to is one of a copy. */
	r.mode = a.dry ? RUN_DRY : RUN_COPY;
	r.names = &a.source;
	r.copy_to = a.to;
	status = sync_run(self, config_file, &r, a.json ? progress_json : NULL);
	if (a.dry && !a.json)
		(void)printf("This was a dry run: nothing was changed, neither at the source nor in the account.\n");
	free(own);
	return client_done(self, status);
}
