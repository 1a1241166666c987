/*
 * rules KIND N MESSAGE: what N rules of one KIND (contains, is, matches, regex)
 * cost for a message: a line "COMPILE_MS FIRST_MS EACH_MS". FIRST is the run that
 * makes what runs share, EACH the fastest of those after it; the header of the
 * message is parsed anew for each. With "-" for MESSAGE the script is printed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "msg/message.h"
#include "sieve/sieve.h"

enum { MESSAGE_MAX = 4 * 1024 * 1024, RUNS = 60, WORD = 10 };

static uint32_t seed = 1;

static void word(char out[WORD + 1])
{
	for (size_t i = 0; i < WORD; i++) {
		seed = seed * 1664525 + 1013904223;
		out[i] = (char)('a' + (seed >> 16) % 26);
	}
	out[WORD] = '\0';
}

static void make_script(struct buf *out, const char *kind, unsigned n)
{
	bool regex = strcmp(kind, "regex") == 0;
	char w[WORD + 1];

	(void)buf_addf(out, "require [\"fileinto\"%s];\n", regex ? ", \"regex\"" : "");
	for (unsigned i = 0; i < n; i++) {
		const char *field = i % 2 == 0 ? "From" : "Subject";

		word(w);
		if (strcmp(kind, "contains") == 0)
			(void)buf_addf(out, "if header :contains \"%s\" \"%s\"", field, w);
		else if (strcmp(kind, "is") == 0)
			(void)buf_addf(out, "if address :is \"From\" \"%s@supplier.example\"", w);
		else if (strcmp(kind, "matches") == 0)
			(void)buf_addf(out, "if header :matches \"%s\" \"*%s*\"", field, w);
		else
			(void)buf_addf(out, "if header :regex \"%s\" \"%s[0-9]+\"", field, w);
		(void)buf_addf(out, " { fileinto \"Folder %u\"; }\n", i);
	}
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static double run_once(const struct sieve_program *p, const struct buf *text)
{
	/* What one message may take is not the question here. */
	struct sieve_limits limits = sieve_usual_limits;
	struct sieve_input in = { .limits = &limits,
				  .from = SLICE_LIT("billing@supplier.example"),
				  .to = SLICE_LIT("office@office.example") };
	double before = now_ms(), after;
	struct message m;
	struct plan plan;

	limits.steps = UINT64_MAX;
	limits.cpu_ms = 60000;
	message_init(&m, buf_slice(text), text->n, -1);
	in.message = &m;
	if (sieve_run(p, &in, &plan) != 0) {
		(void)fprintf(stderr, "%s\n", plan.error);
		exit(1);
	}
	after = now_ms();
	plan_free(&plan);
	message_free(&m);
	return after - before;
}

int main(int argc, char **argv)
{
	struct buf script, errors, message;
	struct sieve_program *p;
	double compile, first, each = 1e9;
	struct err e;

	if (argc != 4)
		return 2;
	buf_init(&script, SIEVE_SCRIPT_MAX);
	buf_init(&errors, 64 * 1024);
	buf_init(&message, MESSAGE_MAX);
	make_script(&script, argv[1], (unsigned)strtoul(argv[2], NULL, 10));
	if (strcmp(argv[3], "-") == 0) {
		(void)fputs(buf_str(&script), stdout);
		return 0;
	}
	if (file_read(argv[3], &message, &e) != 0) {
		(void)fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	compile = now_ms();
	p = sieve_compile("bench", buf_slice(&script), &errors);
	compile = now_ms() - compile;
	if (p == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		return 1;
	}
	first = run_once(p, &message);
	for (unsigned i = 0; i < RUNS && each > 0; i++) {
		double t = run_once(p, &message);

		each = t < each ? t : each;
	}
	(void)printf("%.4f %.4f %.4f\n", compile, first, each);
	sieve_program_free(&p);
	buf_free(&script);
	buf_free(&errors);
	buf_free(&message);
	return 0;
}
