#include "cmd/import_take.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/door.h"
#include "cmd/import_state.h"
#include "cmd/plans.h"

enum { ERRORS_MAX = 64 * 1024, GROW = 1024 };

int import_take_fail(const struct import_taking *t, int status, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fprintf(stderr, "mailferry %s: ", t->self->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	return status;
}

/* A copy of S with a NUL. They never need more room than the file, so they never move. */
const char *import_take_copy(struct import_taking *t, struct slice s)
{
	size_t at = t->names.n;

	if (t->names.cap == 0)
		(void)buf_reserve(&t->names, t->text.n + 1);
	(void)buf_add_slice(&t->names, s);
	(void)buf_add_char(&t->names, '\0');
	return t->names.p + at;
}

void import_take_add(struct import_taking *t, const struct spool_import *one)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? GROW : 2 * t->cap;
		t->all = mem_resize(t->all, t->cap, sizeof *t->all);
	}
	t->all[t->n++] = *one;
}

/* Hands over what was collected, and says so. WHOSE: as the file calls it. */
int import_take_hand(struct import_taking *t, struct spool_admin *admin, const char *whose)
{
	const char *name = t->source->name;
	uint64_t added = 0;
	struct err e;

	if (plans_running(t->config_file, name))
		return import_take_fail(
		    t, EX_TEMPFAIL,
		    "source %s is being fetched now: wait until `mailferry status' says that this is over", name);
	if (t->n > 0 && spool_admin_source_import(admin, name, t->all, t->n, &added, &e) != 0)
		return client_error(t->self, &e);
	(void)printf("source %s: %zu message%s of %s will not be fetched again", name, t->n, t->n == 1 ? "" : "s",
		     whose);
	if (added < t->n)
		(void)printf(" (%llu of them %s known already)", (unsigned long long)(t->n - added),
			     t->n - added == 1 ? "was" : "were");
	(void)putchar('\n');
	t->n = 0;
	buf_clear(&t->names);
	return EX_OK;
}

void import_take_bad(const struct import_taking *t, size_t bad)
{
	if (bad > 0)
		(void)import_take_fail(t, 0, "%s: %zu line%s of it make%s no sense and %s left out", t->args->file, bad,
				       bad == 1 ? "" : "s", bad == 1 ? "s" : "", bad == 1 ? "was" : "were");
}

static int take(struct import_taking *t)
{
	struct door door;
	struct err e;
	int status;

	if (file_read(t->args->file, &t->text, &e) != 0)
		return client_error(t->self, &e) == EX_DATAERR ? EX_DATAERR : EX_NOINPUT;
	status = door_open(&door, t->self, t->config_file);
	if (status == EX_OK && strcmp(t->args->program, "fetchmail") == 0)
		status = import_take_fetchmail(t, door.admin);
	else if (status == EX_OK)
		status = import_take_getmail(t, door.admin);
	door_close(&door);
	return status;
}

int import_take(const struct command *self, const char *config_file, const struct import_take *args)
{
	struct import_taking t = { .self = self, .args = args, .config_file = config_file };
	struct config *config;
	struct buf errors;
	int status = EX_OK;

	buf_init(&errors, ERRORS_MAX);
	buf_init(&t.text, IMPORT_STATE_MAX);
	buf_init(&t.names, IMPORT_STATE_MAX + 1);
	t.config = config = config_look(config_file, &errors);
	if (config == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		status = EX_CONFIG;
	} else if (args->source != NULL && (t.source = config_source(config, args->source)) == NULL) {
		status = import_take_fail(&t, EX_USAGE, "%s has no source \"%s\"", config_file, args->source);
	}
	if (status == EX_OK)
		status = take(&t);
	free(t.all);
	buf_free(&t.text);
	buf_free(&t.names);
	buf_free(&errors);
	config_free(&config);
	return status;
}
