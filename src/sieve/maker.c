#include "sieve/maker.h"

#include <string.h>

#include "base/buf.h"
#include "sieve/compiler.h"
#include "sieve/registry.h"
#include "sieve/run.h"

void *maker_alloc(const struct maker *m, size_t n, size_t size)
{
	return m->c != NULL ? compile_alloc(m->c, n, size) : run_alloc_now(m->r, n, size);
}

int maker_copy(const struct maker *m, struct slice s, struct slice *out)
{
	char *p = maker_alloc(m, s.n, 1);

	if (p == NULL)
		return -1;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out = slice_of(p, s.n);
	return 0;
}

/* COMPILE: how the compiler is told. */
static void tell(const struct maker *m, void (*compile)(struct compiler *c, struct pos at, const char *fmt, ...),
		 const char *fmt, va_list ap)
{
	struct buf text;

	buf_init(&text, DIAG_TEXT_MAX);
	(void)buf_vaddf(&text, fmt, ap);
	if (m->c != NULL)
		compile(m->c, m->at, "%s", buf_str(&text));
	else
		(void)run_error(m->r, "%s", buf_str(&text));
	buf_free(&text);
}

void maker_error(const struct maker *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(m, compile_error, fmt, ap);
	va_end(ap);
}

void maker_unknown(const struct maker *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(m, compile_unknown, fmt, ap);
	va_end(ap);
}

bool maker_has(const struct maker *m, int ext)
{
	return m->c != NULL ? compile_may(m->c, ext) : (m->r->enabled >> ext & 1) != 0;
}

void maker_missing(const struct maker *m, const char *what, int ext)
{
	/* What else is wrong with it is worth saying too, and this is worth saying once. */
	if (m->c != NULL) {
		m->c->missing |= UINT64_C(1) << ext;
		m->c->program->required |= UINT64_C(1) << ext;
	}
	maker_error(m, "%s needs the extension: expected require \"%s\"; at the top of the script", what,
		    sieve_extensions[ext]->name);
}
