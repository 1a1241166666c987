/*
 * The Sieve compiler: a program or errors, never both; at most twenty errors,
 * in the order of the script, each at a place that the script has.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"
#include "sieve/sieve.h"

enum { ERRORS_MAX = 64 * 1024, ERRORS_MOST = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static unsigned long number_take(const char **p)
{
	unsigned long n = 0;
	size_t digits = strspn(*p, "0123456789");

	if (digits == 0 || digits > 9 || (*p)[digits] != ':')
		abort();
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (unsigned long)((*p)[i] - '0');
	*p += digits + 1;
	return n;
}

static void errors_check(const char *p, unsigned long lines)
{
	unsigned long line = 0, column = 0;
	unsigned n = 0;

	for (; *p != '\0'; n++) {
		unsigned long l, c;

		if (strncmp(p, "fuzz:", 5) != 0)
			abort();
		p += 5;
		/* How many more there are. */
		if (n == ERRORS_MOST && strncmp(p, " and ", 5) == 0 && strchr(p, '\n') == p + strlen(p) - 1)
			return;
		l = number_take(&p);
		c = number_take(&p);
		if (l > lines || c == 0 || l < line || (l == line && c <= column))
			abort();
		line = l;
		column = c;
		if (strncmp(p, " error: ", 8) != 0)
			abort();
		p = strchr(p, '\n');
		if (p == NULL)
			abort();
		p++;
	}
	if (n == 0 || n > ERRORS_MOST)
		abort();
}

static void note_nothing(void *arg, const char *script, const char *command, unsigned line, unsigned column)
{
	(void)arg;
	if (script == NULL || command == NULL || line == 0 || column == 0)
		abort();
}

static void note_folder(void *arg, const char *script, struct slice mailbox, unsigned line, unsigned column)
{
	(void)mailbox;
	note_nothing(arg, script, "fileinto", line, column);
}

static void told_check(struct slice script)
{
	struct buf errors, warnings;
	struct sieve_program *p;

	buf_init(&errors, ERRORS_MAX);
	buf_init(&warnings, ERRORS_MAX);
	p = sieve_compile_telling("fuzz", script, &(struct sieve_telling){ &errors, &warnings, true, NULL, 0 });
	if ((p == NULL) != (errors.n > 0) || (errors.n > 0 && warnings.n > 0))
		abort();
	for (size_t i = 0; i < errors.n + warnings.n; i++) {
		char c = i < errors.n ? errors.p[i] : warnings.p[i - errors.n];

		if ((unsigned char)c < ' ' && c != '\n')
			abort();
	}
	if (p != NULL)
		sieve_program_folders(p, note_folder, NULL);
	sieve_program_free(&p);
	buf_free(&errors);
	buf_free(&warnings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = slice_of((const char *)data, size);
	struct sieve_program *p;
	struct buf errors;
	unsigned long lines = 1;

	buf_init(&errors, ERRORS_MAX);
	/* With all that it tells people, which says nothing else. */
	told_check(script);
	p = sieve_compile("fuzz", script, &errors);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (p == NULL)
		errors_check(buf_str(&errors), lines);
	else if (errors.n > 0)
		abort();
	else
		sieve_program_each(p, note_nothing, NULL);
	sieve_program_free(&p);
	buf_free(&errors);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return seed % 2 == 0 ? LLVMFuzzerMutate(data, size, max) : grammar_mutate(data, size, max, seed / 2, NULL);
}
