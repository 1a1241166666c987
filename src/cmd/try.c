/* mailferry try: what would these rules do with these messages? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "cmd/command.h"
#include "cmd/rules.h"
#include "cmd/try_memory.h"
#include "cmd/try_message.h"
#include "cmd/try_print.h"
#include "sieve/sieve.h"

enum { ITEMS_MAX = 32 };

struct try_options {
	const char *from, *to; /* NULL: guessed from the message */
	const char *global; /* folder of scripts to include, or NULL */
	const char *auth;      /* NULL: nobody logged in */
	bool json, explain;
	bool remember; /* the rules know what came before */
	bool timed; /* NOW_MS and ZONE were given */
	int64_t now_ms;
	int zone; /* minutes */
	struct sieve_item environment[ITEMS_MAX];
	size_t nenvironment;
};

/* "2026-12-24T09:00", with seconds or without, as local time or with "Z" or "+01:00" behind it. 0, or -1. */
static int time_parse(const char *text, struct try_options *o)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M", &tm);
	int hours, minutes, end = 0;
	char sign;
	time_t t;

	if (rest != NULL && *rest == ':')
		rest = strptime(rest, ":%S", &tm);
	if (rest == NULL)
		return -1;
	o->timed = true;
	if (*rest == '\0') {
		t = mktime(&tm);
		o->zone = clock_zone(t);
	} else if (strcmp(rest, "Z") == 0) {
		t = timegm(&tm);
	} else if (sscanf(rest, "%c%2d:%2d%n", &sign, &hours, &minutes, &end) == 3 && rest[end] == '\0' && hours >= 0 &&
		   hours < 24 && minutes >= 0 && minutes < 60 && (sign == '+' || sign == '-')) {
		o->zone = (sign == '+' ? 1 : -1) * (hours * 60 + minutes);
		t = timegm(&tm) - (time_t)o->zone * 60;
	} else {
		return -1;
	}
	o->now_ms = (int64_t)t * 1000;
	return 0;
}

static int environment_parse(const char *text, struct try_options *o)
{
	struct slice all = slice_str(text);
	size_t equals = slice_find(all, '=');

	if (equals == 0 || equals == all.n || o->nenvironment == ITEMS_MAX)
		return -1;
	o->environment[o->nenvironment++] =
	    (struct sieve_item){ slice_of(all.p, equals), slice_skip(all, equals + 1) };
	return 0;
}

/* 0, or -1 after the usage was printed. */
static int options_parse(const struct command *self, int argc, char **argv, struct try_options *o)
{
	static const struct option known[] = { { "from", required_argument, NULL, 'f' },
					       { "to", required_argument, NULL, 't' },
					       { "global", required_argument, NULL, 'g' },
					       { "json", no_argument, NULL, 'j' },
					       { "explain", no_argument, NULL, 'x' },
					       { "remember", no_argument, NULL, 'r' },
					       { "now", required_argument, NULL, 'n' },
					       { "auth", required_argument, NULL, 'a' },
					       { "env", required_argument, NULL, 'e' },
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
		case 'g':
			o->global = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'x':
			o->explain = true;
			break;
		case 'r':
			o->remember = true;
			break;
		case 'a':
			o->auth = optarg;
			break;
		case 'n':
			if (time_parse(optarg, o) == 0)
				break;
			(void)command_usage(self, "%s is no time: expected one such as 2026-12-24T09:00 or "
					    "2026-12-24T09:00+01:00", optarg);
			return -1;
		case 'e':
			if (environment_parse(optarg, o) == 0)
				break;
			(void)command_usage(self, "%s is no item of the environment: expected NAME=VALUE, %d at most",
					    optarg, ITEMS_MAX);
			return -1;
		case ':':
			(void)command_usage(self, "%s needs an argument", argv[optind - 1]);
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

/* The script and the messages are what others wrote: the messages may be opened, and nothing else, before any is looked at. */
static int shut_in(char **messages, int n)
{
	struct err e;

	try_message_prepare();
	if (command_confine("try", NULL, (const char *const *)messages, (size_t)n, &e) == 0)
		return 0;
	(void)fprintf(stderr, "mailferry try: %s\n", e.text);
	return -1;
}

/* Those that the script in PATH may include. */
static void read_includable(struct rules *r, const char *path, struct slice text, const char *global)
{
	*r = (struct rules){ 0 };
	if (!shelf_asks(text))
		return;
	rules_read_folder(r, path, shelf_folder(path));
	if (global != NULL)
		rules_read_folder(r, global, strlen(global));
}

/* The compiled script of the file PATH, which is read, with what it may include, before this program shuts itself in for the N
 * MESSAGES; or NULL and *STATUS after its errors went to standard error. */
static struct sieve_program *rules_compile(const char *path, const char *global, char **messages, int n,
					   struct buf *text, int *status)
{
	enum { ERRORS_MAX = 64 * 1024 };
	struct sieve_program *program = NULL;
	struct buf errors, warnings;
	struct sieve_scripts scripts;
	struct rules others = { 0 };
	struct shelf shelf = { 0 };
	struct err e;

	buf_init(&errors, ERRORS_MAX);
	buf_init(&warnings, ERRORS_MAX);
	if (file_read(path, text, &e) != 0) {
		(void)fprintf(stderr, "mailferry try: the rules can't be read: %s\n", e.text);
		*status = EX_NOINPUT;
	} else if (read_includable(&others, path, buf_slice(text), global), shut_in(messages, n) != 0) {
		*status = EX_OSERR;
	} else {
		shelf = rules_shelf(&others, global);
		scripts = shelf_scripts(&shelf, path);
		program = sieve_compile_telling(path, buf_slice(text),
						&(struct sieve_telling){ &errors, &warnings, true, &scripts, 0 });
		(void)fputs(buf_str(&errors), stderr);
		(void)fputs(buf_str(&warnings), stderr);
		*status = program != NULL ? EX_OK : EX_DATAERR;
	}
	rules_shelf_free(&others, &shelf);
	rules_free(&others);
	buf_free(&errors);
	buf_free(&warnings);
	return program;
}

static struct slice without_brackets(struct slice s)
{
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return slice_of(s.p + 1, s.n - 2);
	return s;
}

/* The program, and the text that it was made of. */
struct script {
	const char *path;
	struct buf text;
	struct sieve_program *program;
};

static int message_try(const struct script *script, const struct try_options *o, struct try_memory *memory,
		       const char *path)
{
	struct explain x, *explain = o->explain ? &x : NULL;
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
			.from = o->from != NULL ? without_brackets(slice_str(o->from)) : slice_str(buf_str(&m.from)),
			.memory_off = !o->remember,
			.memory = memory->all,
			.nmemory = memory->n,
			.to = o->to != NULL ? without_brackets(slice_str(o->to)) : slice_str(buf_str(&m.to)),
			.auth = slice_str(o->auth),
			.now_ms = o->timed ? o->now_ms : clock_wall_ms(),
			.zone = o->zone,
			.zone_at = o->timed ? NULL : clock_zone,
			.environment = o->environment,
			.nenvironment = o->nenvironment,
			.trace = o->explain ? explain_event : NULL,
			.trace_arg = explain,
		};

		explain_begin(&x, script->path, buf_slice(&script->text));
		(void)sieve_run(script->program, &in, &plan);
		if (o->json)
			try_print_json(stdout, path, &plan, explain);
		else
			try_print_text(stdout, path, &plan, explain);
		try_memory_add(memory, &plan);
		plan_free(&plan);
		explain_end(&x);
	}
	try_message_free(&m);
	return status;
}

int command_try(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct try_options o = { 0 };
	struct try_memory memory = { NULL, 0 };
	struct script script;
	int status;

	(void)config_file;
	if (options_parse(self, argc, argv, &o) != 0)
		return EX_USAGE;
	/* One octet more than allowed, so that the compiler tells which script is too large. */
	script = (struct script){ .path = argv[optind] };
	buf_init(&script.text, SIEVE_SCRIPT_MAX + 1);
	script.program = rules_compile(script.path, o.global, argv + optind + 1, argc - optind - 1, &script.text,
				       &status);
	for (int i = optind + 1; script.program != NULL && i < argc; i++) {
		int failed = message_try(&script, &o, &memory, argv[i]);

		status = failed != EX_OK ? failed : status;
	}
	try_memory_free(&memory);
	sieve_program_free(&script.program);
	buf_free(&script.text);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "mailferry try: the result can't be written\n");
		return EX_IOERR;
	}
	return status;
}
