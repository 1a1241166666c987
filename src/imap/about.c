#include "imap/about.h"

#include <stdio.h>

#include "imap/dialog.h"
#include "imap/session_impl.h"

/* A string or atom at the front of *S into OUT; what is longer is cut. False when there is none. */
static bool take_string(struct slice *s, char *out, size_t size)
{
	bool quoted = s->n > 0 && s->p[0] == '"';
	size_t i = quoted ? 1 : 0, n = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (quoted ? c == '"' : (c == ' ' || c == '(' || c == ')'))
			break;
		if (quoted && c == '\\' && ++i == s->n)
			return false;
		if (n + 1 < size)
			out[n++] = s->p[i];
	}
	out[n] = '\0';
	if ((quoted && i == s->n) || (!quoted && i == 0))
		return false;
	*s = slice_trim(slice_skip(*s, i + (quoted ? 1 : 0)));
	return true;
}

/* ---- QUOTA root (resource used most …) ---- */

struct quotas {
	struct about_quota *all;
	size_t n;
};

static bool take_number(struct slice *s, uint64_t *out)
{
	char digits[24];

	return take_string(s, digits, sizeof digits) && slice_number(slice_str(digits), UINT64_MAX, out) == 0;
}

static void note_quota(void *arg, struct slice text)
{
	struct quotas *q = arg;
	struct about_quota one;

	text = slice_trim(text);
	if (!take_string(&text, one.root, sizeof one.root) || text.n == 0 || text.p[0] != '(')
		return;
	text = slice_trim(slice_skip(text, 1));
	while (q->n < ABOUT_QUOTAS_MAX && text.n > 0 && text.p[0] != ')') {
		if (!take_string(&text, one.resource, sizeof one.resource) || !take_number(&text, &one.used) ||
		    !take_number(&text, &one.most))
			return;
		for (char *c = one.resource; *c != '\0'; c++)
			*c = ascii_upper(*c);
		q->all[q->n++] = one;
	}
}

int about_quota(struct imap *s, struct about_quota out[ABOUT_QUOTAS_MAX], size_t *n, struct imap_reply *r,
		struct err *e)
{
	struct quotas q = { out, 0 };
	int ret;

	imap_filter_listen(s->filter, "QUOTA", note_quota, &q);
	ret = dialog_run(s, r, e, "GETQUOTAROOT INBOX");
	imap_filter_listen(s->filter, NULL, NULL, NULL);
	*n = q.n;
	return ret;
}

/* ---- ID ("name" "value" …) ---- */

struct identity {
	char name[ABOUT_NAME_SIZE / 2], version[ABOUT_NAME_SIZE / 4];
};

static void note_identity(void *arg, struct slice text)
{
	struct identity *id = arg;
	char field[40], value[ABOUT_NAME_SIZE];

	text = slice_trim(text);
	if (text.n == 0 || text.p[0] != '(')
		return;
	text = slice_trim(slice_skip(text, 1));
	while (text.n > 0 && text.p[0] != ')') {
		if (!take_string(&text, field, sizeof field) || !take_string(&text, value, sizeof value))
			return;
		if (slice_eq_nocase(slice_str(field), SLICE_LIT("name")))
			(void)snprintf(id->name, sizeof id->name, "%.49s", value);
		else if (slice_eq_nocase(slice_str(field), SLICE_LIT("version")))
			(void)snprintf(id->version, sizeof id->version, "%.24s", value);
	}
}

int about_server(struct imap *s, char out[ABOUT_NAME_SIZE], struct imap_reply *r, struct err *e)
{
	struct identity id = { "", "" };
	int ret;

	imap_filter_listen(s->filter, "ID", note_identity, &id);
	ret = dialog_run(s, r, e, "ID NIL");
	imap_filter_listen(s->filter, NULL, NULL, NULL);
	(void)snprintf(out, ABOUT_NAME_SIZE, "%s%s%s", id.name, id.name[0] != '\0' && id.version[0] != '\0' ? " " : "",
		       id.version);
	return ret;
}
