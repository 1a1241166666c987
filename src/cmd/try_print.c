#include "cmd/try_print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* Of a text that is not all UTF-8, which JSON and terminals ask for. */
static struct slice next_char(struct slice *rest)
{
	size_t n = utf8_char_len(*rest);
	struct slice c = n > 0 ? slice_of(rest->p, n) : SLICE_LIT("\xef\xbf\xbd");

	n = n > 0 ? n : 1;
	*rest = slice_of(rest->p + n, rest->n - n);
	return c;
}

/* A line end is shown as "\n", with a CR before it or without. */
static void print_control(FILE *f, unsigned char c)
{
	if (c == '\n')
		(void)fputs("\\n", f);
	else if (c != '\r')
		(void)fprintf(f, "\\x%02x", c);
}

static void print_quoted(FILE *f, const char *text)
{
	struct slice rest = slice_str(text);

	(void)fputc('"', f);
	while (rest.n > 0) {
		struct slice c = next_char(&rest);
		unsigned char first = (unsigned char)c.p[0];

		if (first < ' ' || first == 0x7f)
			print_control(f, first);
		else if (first == '"' || first == '\\')
			(void)fprintf(f, "\\%c", first);
		else
			(void)fwrite(c.p, 1, c.n, f);
	}
	(void)fputc('"', f);
}

static void print_flags(FILE *f, char *const *flags, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)fprintf(f, "%s%s%s", i == 0 ? " (flags " : " ", flags[i], i + 1 == n ? ")" : "");
}

static void print_action(FILE *f, const struct plan_action *a, bool line)
{
	const char *target = a->kind == PLAN_FILEINTO ? a->mailbox : a->kind == PLAN_REDIRECT ? a->address : a->reason;

	(void)fputs(plan_kind_name(a->kind), f);
	if (target != NULL) {
		(void)fputc(' ', f);
		print_quoted(f, target);
	}
	print_flags(f, a->flags, a->nflags);
	if (a->create)
		(void)fputs(", created if it is missing", f);
	if (a->copy)
		(void)fputs(", as a copy", f);
	if (a->content > 0)
		(void)fputs(", the message as the script changed it", f);
	if (line)
		(void)fprintf(f, ", by line %u", a->line);
	(void)fputc('\n', f);
}

void try_print_text(FILE *f, const char *message, const struct plan *p, const struct explain *x)
{
	if (x != NULL) {
		(void)fprintf(f, "%s:\n", message);
		explain_print(f, x);
	}
	for (size_t i = 0; i < p->n; i++) {
		(void)fprintf(f, "%s: ", message);
		print_action(f, &p->actions[i], x != NULL);
	}
	if (p->error != NULL)
		(void)fprintf(f, "%s: the rules failed: %s\n", message, p->error);
	if (p->implicit_keep) {
		(void)fprintf(f, "%s: implicit keep", message);
		print_flags(f, p->keep_flags, p->nkeep_flags);
		if (p->keep_content > 0)
			(void)fputs(", the message as the script changed it", f);
		if (x != NULL)
			(void)fputs(p->error != NULL ? ", because the rules failed"
						     : ", because nothing above took its place",
				    f);
		(void)fputc('\n', f);
	}
}

static json_t *text_json(const char *text)
{
	struct slice rest = slice_str(text);
	struct buf clean;
	json_t *json;

	if (text == NULL)
		return json_null();
	buf_init(&clean, 4 * rest.n + 1);
	while (rest.n > 0)
		(void)buf_add_slice(&clean, next_char(&rest));
	json = json_stringn(buf_str(&clean), clean.n);
	buf_free(&clean);
	return json;
}

static json_t *flags_json(char *const *flags, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, text_json(flags[i]));
	return list;
}

static json_t *action_json(const struct plan_action *a, bool line)
{
	json_t *json = json_object();

	(void)json_object_set_new(json, "action", json_string(plan_kind_name(a->kind)));
	switch (a->kind) {
	case PLAN_FILEINTO:
		(void)json_object_set_new(json, "mailbox", text_json(a->mailbox));
		(void)json_object_set_new(json, "flags", flags_json(a->flags, a->nflags));
		(void)json_object_set_new(json, "create", json_boolean(a->create));
		(void)json_object_set_new(json, "copy", json_boolean(a->copy));
		break;
	case PLAN_KEEP:
		(void)json_object_set_new(json, "flags", flags_json(a->flags, a->nflags));
		break;
	case PLAN_REDIRECT:
		(void)json_object_set_new(json, "address", text_json(a->address));
		(void)json_object_set_new(json, "copy", json_boolean(a->copy));
		break;
	case PLAN_REJECT:
	case PLAN_EREJECT:
		(void)json_object_set_new(json, "reason", text_json(a->reason));
		break;
	case PLAN_VACATION:
		(void)json_object_set_new(json, "to", text_json(a->answer->to));
		(void)json_object_set_new(json, "from", text_json(a->answer->from));
		(void)json_object_set_new(json, "subject", text_json(a->answer->subject));
		(void)json_object_set_new(json, "reason", text_json(a->answer->reason));
		break;
	case PLAN_NOTIFY:
		(void)json_object_set_new(json, "method", text_json(a->notice->method));
		(void)json_object_set_new(json, "message", text_json(a->notice->message));
		break;
	case PLAN_DISCARD:
	case PLAN_KINDS:
		break;
	}
	if (a->content > 0)
		(void)json_object_set_new(json, "changed", json_true());
	if (line)
		(void)json_object_set_new(json, "line", json_integer((json_int_t)a->line));
	return json;
}

void try_print_json(FILE *f, const char *message, const struct plan *p, const struct explain *x)
{
	json_t *json = json_object(), *actions = json_array();

	for (size_t i = 0; i < p->n; i++)
		(void)json_array_append_new(actions, action_json(&p->actions[i], x != NULL));
	(void)json_object_set_new(json, "message", text_json(message));
	(void)json_object_set_new(json, "actions", actions);
	(void)json_object_set_new(json, "implicit_keep", json_boolean(p->implicit_keep));
	if (p->keep_content > 0)
		(void)json_object_set_new(json, "changed", json_true());
	if (p->nkeep_flags > 0)
		(void)json_object_set_new(json, "keep_flags", flags_json(p->keep_flags, p->nkeep_flags));
	(void)json_object_set_new(json, "error", text_json(p->error));
	if (x != NULL) {
		(void)json_object_set(json, "explain", x->steps);
		(void)json_object_set_new(json, "left_out", json_integer((json_int_t)x->left_out));
	}
	(void)json_dumpf(json, f, JSON_PRESERVE_ORDER);
	(void)fputc('\n', f);
	json_decref(json);
}
