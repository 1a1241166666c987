/* mailferry import: the files of fetchmail and getmail, as a configuration of ours. */
#include "cmd/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/guard.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/import_take.h"

enum { OUT_MAX = 64 * 1024 * 1024, PASSWORD_MAX = 8 * 1024 };

struct kind {
	const char *name, *program;
	void (*read)(struct import *imp, const char *file, struct slice text);
	bool many; /* files at once */
};
static const struct kind kinds[] = {
	{ "fetchmailrc", "fetchmail", import_fetchmailrc, false },
	{ "getmailrc", "getmail", import_getmailrc, true },
};

struct args {
	const struct kind *kind;
	const char **files; /* or with --state the source */
	size_t nfiles;
	const char *passwords;
	struct import_take take;
};

/* ---- passwords ---- */

/* 0, or -1 and E. A file that is there already is left: *THERE. */
static int password_write(const char *path, const char *password, bool *there, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), ret;

	*there = fd < 0 && errno == EEXIST;
	if (fd < 0)
		return *there ? 0 : err_sys(e, errno, "make %s", path);
	ret = file_write_all(fd, password, strlen(password), e);
	if (ret == 0)
		ret = file_write_all(fd, "\n", 1, e);
	if (ret == 0 && fsync(fd) != 0)
		ret = err_sys(e, errno, "write %s", path);
	if (close(fd) != 0 && ret == 0)
		ret = err_sys(e, errno, "write %s", path);
	if (ret != 0)
		(void)unlink(path);
	return ret;
}

static int passwords_write(const struct command *self, const struct import *imp, const char *directory)
{
	int status = EX_OK;

	for (size_t i = 0; i < imp->nsources; i++) {
		const struct import_source *s = &imp->sources[i];
		bool there = false;
		struct err e;
		char *path;

		if (s->none || s->password == NULL || s->password_file != NULL || s->oauth)
			continue;
		path = mem_printf("%s/%s.password", directory, s->name);
		if (strchr(s->password, '\n') != NULL || s->password[0] == '\0') {
			(void)fprintf(
			    stderr,
			    "mailferry %s: %s:%d: this password can't stand in a file's first line: not written\n",
			    self->name, s->file, s->line);
			status = EX_DATAERR;
		} else if (password_write(path, s->password, &there, &e) != 0) {
			status = client_error(self, &e);
		} else if (there) {
			(void)fprintf(stderr, "mailferry %s: %s is there already, and was left as it is\n", self->name,
				      path);
		}
		free(path);
	}
	return status;
}

/* ---- the configuration ---- */

static int file_import(const struct command *self, struct import *imp, const struct kind *kind, const char *file)
{
	struct buf text;
	struct err e;
	int r;

	buf_init(&text, IMPORT_FILE_MAX);
	(void)buf_reserve(&text, IMPORT_FILE_MAX - 1);
	r = file_read(file, &text, &e);
	if (r == 0)
		kind->read(imp, file, buf_slice(&text));
	buf_wipe(&text);
	if (r == 0)
		return EX_OK;
	(void)client_error(self, &e);
	return e.class == ERR_LIMIT ? EX_DATAERR : EX_NOINPUT;
}

static int configuration_print(const struct command *self, const struct args *a)
{
	struct import imp;
	char *directory = NULL;
	struct buf out;
	int status = EX_OK;

	if (a->passwords != NULL && (directory = realpath(a->passwords, NULL)) == NULL) {
		(void)fprintf(stderr, "mailferry %s: --passwords: %s: %s\n", self->name, a->passwords, strerror(errno));
		return EX_CANTCREAT;
	}
	import_init(&imp, a->kind->program);
	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < a->nfiles && status == EX_OK; i++)
		status = file_import(self, &imp, a->kind, a->files[i]);
	if (status == EX_OK) {
		import_names(&imp);
		import_print(&imp, directory, &out);
		(void)fwrite(out.p, 1, out.n, stdout);
		if (directory != NULL)
			status = passwords_write(self, &imp, directory);
		(void)fputs(buf_str(&imp.errors), stderr);
		if (imp.nerrors > 0)
			status = EX_DATAERR;
		if (buf_failed(&out)) {
			(void)fprintf(stderr, "mailferry %s: it is too much: import fewer files at once\n", self->name);
			status = EX_DATAERR;
		}
	}
	buf_free(&out);
	import_free(&imp);
	free(directory);
	return client_done(self, status);
}

/* ---- the command line ---- */

static int option_take(const struct command *self, struct args *a, int argc, char **argv, int *i)
{
	const struct {
		const char *name, **to;
	} rows[] = { { "--passwords", &a->passwords },
		     { "--of", &a->take.of },
		     { "--folder", &a->take.folder },
		     { "--state", &a->take.file } };

	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
		if (strcmp(argv[*i], rows[k].name) != 0)
			continue;
		if (*i + 1 == argc)
			return command_usage(self, "%s needs something behind it", argv[*i]);
		*rows[k].to = argv[++*i];
		return EX_OK;
	}
	return command_usage(self, "unknown option \"%s\"", argv[*i]);
}

static int args_parse(const struct command *self, int argc, char **argv, struct args *a)
{
	bool literal = false;
	int status;

	for (int i = 1; i < argc; i++) {
		if (!literal && strcmp(argv[i], "--") == 0) {
			literal = true;
		} else if (!literal && argv[i][0] == '-' && argv[i][1] != '\0') {
			if ((status = option_take(self, a, argc, argv, &i)) != EX_OK)
				return status;
		} else if (a->kind == NULL) {
			for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
				if (strcmp(argv[i], kinds[k].name) == 0)
					a->kind = &kinds[k];
			if (a->kind == NULL)
				return command_usage(self, "\"%s\" is neither fetchmailrc nor getmailrc", argv[i]);
		} else {
			a->files[a->nfiles++] = argv[i];
		}
	}
	if (a->kind == NULL)
		return command_usage(self, "import what? fetchmailrc or getmailrc");
	if (a->take.file == NULL) {
		if (a->take.of != NULL || a->take.folder != NULL)
			return command_usage(self, "--of and --folder go with --state");
		if (a->nfiles == 0)
			return command_usage(self, "the name of the file is missing");
		if (a->nfiles > 1 && !a->kind->many)
			return command_usage(self, "one file at a time");
		return EX_OK;
	}
	if (a->passwords != NULL)
		return command_usage(self, "--passwords does not go with --state");
	if (a->nfiles > 1)
		return command_usage(self, "--state takes one file, and one source behind it");
	return EX_OK;
}

int command_import(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct args a = { .files = mem_array((size_t)argc, sizeof *a.files) };
	int status = args_parse(self, argc, argv, &a);

	(void)guard_secrets();
	if (status == EX_OK && a.take.file != NULL) {
		a.take.program = a.kind->program;
		a.take.source = a.nfiles > 0 ? a.files[0] : NULL;
		status = client_done(self, import_take(self, config_file, &a.take));
	} else if (status == EX_OK) {
		status = configuration_print(self, &a);
	}
	free(a.files);
	return status;
}
