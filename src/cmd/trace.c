/* mailferry trace: where is that message? */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cmd/client.h"
#include "cmd/record.h"

struct trace {
	bool json;
	struct holds holds;
	size_t found;
};

static int on_record(void *arg, const struct spool_record *r)
{
	struct trace *t = arg;

	if (t->json)
		record_print_json(r, &t->holds);
	else
		record_print(r, &t->holds);
	t->found++;
	return 0;
}

int command_trace(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct trace t = { 0 };
	struct spool_query query = { .history = true };
	struct spool_admin *admin;
	struct err e;
	int status = EX_OK;
	bool literal = false;

	for (int i = 1; i < argc; i++) {
		if (!literal && strcmp(argv[i], "--") == 0)
			literal = true;
		else if (!literal && strcmp(argv[i], "--json") == 0)
			t.json = true;
		else if (!literal && argv[i][0] == '-')
			return command_usage(self, "unknown option \"%s\"", argv[i]);
		else if (query.word != NULL)
			return command_usage(self, "one word at a time; quote a word that has blanks");
		else
			query.word = argv[i];
	}
	if (query.word == NULL || query.word[0] == '\0')
		return command_usage(self,
				     "a word is missing: a message id, an address, a part of a subject, a queue id");
	admin = client_spool(self, config_file, &status);
	if (admin == NULL)
		return status;
	if (holds_load(&t.holds, config_file, admin, &e) != 0 || spool_admin_find(admin, &query, on_record, &t, &e) != 0) {
		status = client_error(self, &e);
	} else if (t.found == 0) {
		(void)fprintf(stderr, "mailferry trace: no message with \"%s\" is known\n", query.word);
		status = EX_NOINPUT;
	}
	holds_free(&t.holds);
	spool_admin_free(&admin);
	return client_done(self, status);
}
