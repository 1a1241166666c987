/* mailferry try: what would these rules do with these messages? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "cmd/command.h"
#include "cmd/try_message.h"
#include "cmd/try_print.h"
#include "sieve/sieve.h"

struct try_options {
	const char *from, *to; /* NULL: guessed from the message */
	bool json;
};

/* 0, or -1 after the usage was printed. */
static int options_parse(const struct command *self, int argc, char **argv, struct try_options *o)
{
	static const struct option known[] = { { "from", required_argument, NULL, 'f' },
					       { "to", required_argument, NULL, 't' },
					       { "json", no_argument, NULL, 'j' },
					       { NULL, 0, NULL, 0 } };
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->from = optarg;
			break;
		case 't':
			o->to = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case ':':
			(void)command_usage(self, "%s needs an address", argv[optind - 1]);
			return -1;
		default:
			(void)command_usage(self, "unknown option %s", argv[optind - 1]);
			return -1;
		}
	}
	if (argc - optind < 2) {
		(void)command_usage(self, "expected a rules file and at least one message");
		return -1;
	}
	return 0;
}

/* The compiled script, or NULL and *STATUS after its errors went to standard error. */
static struct sieve_program *rules_compile(const char *path, int *status)
{
	enum { ERRORS_MAX = 64 * 1024 };
	struct sieve_program *program = NULL;
	struct buf text, errors;
	struct err e;

	/* One octet more than allowed, so that the compiler tells which script is too large. */
	buf_init(&text, SIEVE_SCRIPT_MAX + 1);
	buf_init(&errors, ERRORS_MAX);
	if (file_read(path, &text, &e) != 0) {
		(void)fprintf(stderr, "mailferry try: the rules can't be read: %s\n", e.text);
		*status = EX_NOINPUT;
	} else {
		program = sieve_compile(path, buf_slice(&text), &errors);
		(void)fputs(buf_str(&errors), stderr);
		*status = program != NULL ? EX_OK : EX_DATAERR;
	}
	buf_free(&text);
	buf_free(&errors);
	return program;
}

static struct slice without_brackets(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return slice_of(s.p + 1, s.n - 2);
	return s;
}

static int message_try(const struct sieve_program *program, const struct try_options *o, const char *path)
{
	struct try_message m;
	struct plan plan;
	struct err e;
	int status = EX_OK;

	if (try_message_read(&m, path, &e) != 0) {
		(void)fprintf(stderr, "mailferry try: the message can't be read: %s\n", e.text);
		status = EX_NOINPUT;
	} else {
		struct sieve_input in = {
			.message = &m.message,
			.from = o->from != NULL ? without_brackets(slice_str(o->from)) : buf_slice(&m.from),
			.to = o->to != NULL ? without_brackets(slice_str(o->to)) : buf_slice(&m.to),
		};

		(void)sieve_run(program, &in, &plan);
		if (o->json)
			try_print_json(stdout, path, &plan);
		else
			try_print_text(stdout, path, &plan);
		plan_free(&plan);
	}
	try_message_free(&m);
	return status;
}

int command_try(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct try_options o = { 0 };
	struct sieve_program *program;
	int status;

	(void)config_file;
	if (options_parse(self, argc, argv, &o) != 0)
		return EX_USAGE;
	program = rules_compile(argv[optind], &status);
	if (program == NULL)
		return status;
	for (int i = optind + 1; i < argc; i++) {
		int failed = message_try(program, &o, argv[i]);

		status = failed != EX_OK ? failed : status;
	}
	sieve_program_free(&program);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "mailferry try: the result can't be written\n");
		return EX_IOERR;
	}
	return status;
}
