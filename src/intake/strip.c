/*
 * What a stranger may not say of a message: verdicts of filters, and results of checks in our own name (RFC 8601, 5).
 * Rules believe these fields, and so do stores.
 */
#include <string.h>

#include "base/log.h"
#include "intake/internal.h"

static bool is_listed(const struct intake_envelope *env, struct slice name)
{
	for (size_t i = 0; i < env->nremove; i++)
		if (header_name_fits(name, slice_str(env->remove[i])))
			return true;
	return false;
}

/* Passes over white space, folds and comments (RFC 5322, 3.2.2). */
static struct slice skip_comments(struct slice s)
{
	unsigned depth = 0;

	while (s.n > 0) {
		if (s.p[0] == '\\' && depth > 0 && s.n > 1)
			s = slice_skip(s, 1);
		else if (s.p[0] == '(')
			depth++;
		else if (s.p[0] == ')' && depth > 0)
			depth--;
		else if (depth == 0 && strchr(" \t\r\n", s.p[0]) == NULL)
			break;
		s = slice_skip(s, 1);
	}
	return s;
}

/* Is the authserv-id of VALUE ours? It may be a quoted string, and stand behind comments. */
static bool is_ours(struct slice value, struct slice hostname)
{
	const struct slice rest = skip_comments(value);
	char id[256];
	size_t n = 0, i = 0;
	const bool quoted = rest.n > 0 && rest.p[0] == '"';

	for (i = quoted ? 1 : 0; i < rest.n && n < sizeof id; i++) {
		char c = rest.p[i];

		if (quoted ? c == '"' : c == '\0' || strchr(" \t\r\n;(\"", c) != NULL)
			break;
		if (quoted && c == '\\' && i + 1 < rest.n)
			c = rest.p[++i];
		id[n++] = c;
	}
	/* A name with a dot at its end is the same name. */
	while (n > 0 && id[n - 1] == '.')
		n--;
	return slice_eq_nocase(slice_of(id, n), hostname);
}

static bool goes(const struct intake *in, const struct intake_envelope *env, const struct header_field *f)
{
	/* Blanks in front of the colon are obsolete and read by many (RFC 5322, 4.5). */
	const struct slice name = slice_trim(f->name);

	if (name.n == 0)
		return false;
	if (env->nremove > 0 && is_listed(env, name))
		return true;
	return env->outside && slice_eq_nocase(name, SLICE_LIT("Authentication-Results")) &&
	       is_ours(f->value, slice_str(in->config->hostname));
}

void intake_strip(const struct intake *in, const struct intake_envelope *env, struct buf *data, size_t *header_end,
		  uint64_t *size)
{
	struct slice rest = slice_of(data->p, *header_end);
	char *to = data->p; /* the fields that stay move to the front */
	struct header_field f;
	size_t gone = 0, fields = 0, kept;

	if (env->nremove == 0 && !env->outside)
		return;
	for (;;) {
		const char *from = rest.p;
		const bool more = header_next(&rest, &f);
		const size_t n = (size_t)(rest.p - from);

		if (more && goes(in, env, &f)) {
			gone += n;
			fields++;
		} else {
			if (to != from)
				memmove(to, from, n);
			to += n;
		}
		if (!more)
			break;
	}
	if (gone == 0)
		return;
	kept = (size_t)(to - data->p);
	memmove(to, data->p + *header_end, data->n - *header_end);
	buf_truncate(data, data->n - gone);
	*header_end = kept;
	*size -= gone;
	log_info("verdicts-removed", LOG_STR("session", env->session), LOG_NUM("fields", fields),
		 LOG_NUM("octets", gone));
}
