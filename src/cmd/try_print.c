#include "cmd/try_print.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "cmd/text.h"

/* Of what nobody sees its number; a line end as "\n", with a CR before it or without. */
static void print_hidden(FILE *f, uint32_t cp)
{
	if (cp == '\n')
		(void)fputs("\\n", f);
	else if (cp < 0x80 && cp != '\r')
		(void)fprintf(f, "\\x%02x", (unsigned)cp);
	else if (cp >= 0x80)
		(void)fprintf(f, "\\u%04x", (unsigned)cp);
}

/* TEXT may be a sender's: it does nothing to a terminal. */
static void print_quoted(FILE *f, const char *text)
{
	struct slice rest = slice_str(text);

	(void)fputc('"', f);
	while (rest.n > 0) {
		uint32_t cp = 0;
		size_t n = utf8_decode(rest, &cp);

		if (n == 0)
			(void)fputs("\xef\xbf\xbd", f);
		else if (utf8_hidden(cp))
			print_hidden(f, cp);
		else if (cp == '"' || cp == '\\')
			(void)fprintf(f, "\\%c", (int)cp);
		else
			(void)fwrite(rest.p, 1, n, f);
		rest = slice_skip(rest, n > 0 ? n : 1);
	}
	(void)fputc('"', f);
}

static void print_error(FILE *f, const char *message, const char *error)
{
	struct buf text;

	buf_init(&text, 4 * strlen(error) + 1);
	(void)text_clean(&text, error, 0);
	(void)fprintf(f, "%s: the rules failed: %s\n", message, buf_str(&text));
	buf_free(&text);
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
		print_error(f, message, p->error);
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
	struct buf clean;
	json_t *json;

	if (text == NULL)
		return json_null();
	buf_init(&clean, 4 * strlen(text) + 1);
	text_utf8(&clean, text);
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
