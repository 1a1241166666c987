#include "cmd/try_explain.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "cmd/text.h"
#include "sieve/excerpt.h"

void explain_begin(struct explain *x, const char *path, struct slice script)
{
	*x = (struct explain){ .path = path, .script = script, .steps = json_array(), .values = json_array() };
}

void explain_end(struct explain *x)
{
	json_decref(x->steps);
	json_decref(x->values);
	*x = (struct explain){ 0 };
}

/* Octets of a message as text: cut, and what is no UTF-8 replaced. */
static json_t *octets_json(struct slice s)
{
	struct buf clean;
	json_t *json;

	buf_init(&clean, 4 * EXPLAIN_VALUE_MAX + 8);
	for (size_t at = 0; at < s.n && at < EXPLAIN_VALUE_MAX;) {
		struct slice rest = slice_skip(s, at);
		size_t n = utf8_char_len(rest);

		if (n == 0)
			(void)buf_add_str(&clean, "\xef\xbf\xbd");
		else
			(void)buf_add(&clean, rest.p, n);
		at += n == 0 ? 1 : n;
	}
	if (s.n > EXPLAIN_VALUE_MAX)
		(void)buf_add_str(&clean, "\xe2\x80\xa6");
	json = json_stringn(buf_str(&clean), clean.n);
	buf_free(&clean);
	return json;
}

static void add_value(struct explain *x, const struct sieve_event *e)
{
	json_t *value = json_object();

	x->compared++;
	/* The one that matched is the last. */
	if (json_array_size(x->values) >= EXPLAIN_VALUES_MAX && !e->truth) {
		json_decref(value);
		return;
	}
	if (e->name.n > 0)
		(void)json_object_set_new(value, "field", octets_json(e->name));
	(void)json_object_set_new(value, e->kind == SIEVE_TRACE_MISSING ? "missing" : "value", octets_json(e->value));
	if (e->truth)
		(void)json_object_set_new(value, "key", octets_json(e->key));
	(void)json_array_append_new(x->values, value);
}

static json_t *step(const struct explain *x, const struct sieve_event *e)
{
	json_t *s = json_object();

	if (strcmp(e->script, x->path) != 0)
		(void)json_object_set_new(s, "script", octets_json(slice_str(e->script)));
	(void)json_object_set_new(s, "line", json_integer((json_int_t)e->line));
	switch (e->kind) {
	case SIEVE_TRACE_TEST:
		(void)json_object_set_new(s, "test", json_string(e->word));
		(void)json_object_set_new(s, "true", json_boolean(e->truth));
		if (e->compares || x->compared > 0) {
			(void)json_object_set(s, "values", x->values);
			(void)json_object_set_new(s, "compared", json_integer((json_int_t)x->compared));
		}
		break;
	case SIEVE_TRACE_BRANCH:
		(void)json_object_set_new(s, "branch", json_string(e->word));
		(void)json_object_set_new(s, "taken", json_boolean(e->truth));
		break;
	case SIEVE_TRACE_VARIABLE:
		(void)json_object_set_new(s, "variable", octets_json(e->name));
		(void)json_object_set_new(s, "value", octets_json(e->value));
		break;
	case SIEVE_TRACE_NOTE:
		(void)json_object_set_new(s, "note", octets_json(e->value));
		(void)json_object_set_new(s, "of", json_string(e->word));
		break;
	case SIEVE_TRACE_ERROR:
		(void)json_object_set_new(s, "failed", json_string(e->word));
		break;
	case SIEVE_TRACE_COMMAND:
	case SIEVE_TRACE_VALUE:
	case SIEVE_TRACE_MISSING:
		(void)json_object_set_new(s, "command", json_string(e->word));
		break;
	}
	return s;
}

void explain_event(void *arg, const struct sieve_event *e)
{
	struct explain *x = arg;

	if (e->kind == SIEVE_TRACE_VALUE || e->kind == SIEVE_TRACE_MISSING) {
		if (json_array_size(x->steps) < EXPLAIN_STEPS_MAX)
			add_value(x, e);
		return;
	}
	if (json_array_size(x->steps) < EXPLAIN_STEPS_MAX)
		(void)json_array_append_new(x->steps, step(x, e));
	else
		x->left_out++;
	if (e->kind == SIEVE_TRACE_TEST) {
		json_decref(x->values);
		x->values = json_array();
		x->compared = 0;
	}
}

static void add_quoted(struct buf *out, json_t *text)
{
	enum { COLUMNS = 100 };

	(void)buf_add_char(out, '"');
	(void)text_clean(out, json_string_value(text), COLUMNS);
	(void)buf_add_char(out, '"');
}

static void add_compared(struct buf *out, json_t *s)
{
	json_t *values = json_object_get(s, "values"), *value;
	size_t compared = (size_t)json_integer_value(json_object_get(s, "compared")), i;

	if (values != NULL && compared == 0)
		(void)buf_add_str(out, ": there is nothing to compare");
	json_array_foreach(values, i, value) {
		json_t *field = json_object_get(value, "field"), *key = json_object_get(value, "key");
		json_t *missing = json_object_get(value, "missing");

		(void)buf_add_str(out, i == 0 ? ": " : ", ");
		if (missing != NULL) {
			(void)buf_add_str(out, "there is no ");
			add_quoted(out, missing);
			continue;
		}
		if (field != NULL) {
			(void)text_clean(out, json_string_value(field), 60);
			(void)buf_add_char(out, ' ');
		}
		add_quoted(out, json_object_get(value, "value"));
		if (key != NULL) {
			(void)buf_add_str(out, " by the key ");
			add_quoted(out, key);
		}
	}
	if (compared > json_array_size(values))
		(void)buf_addf(out, ", and %zu more", compared - json_array_size(values));
}

static void add_step(struct buf *out, json_t *s)
{
	const char *test = json_string_value(json_object_get(s, "test"));
	const char *branch = json_string_value(json_object_get(s, "branch"));
	const char *failed = json_string_value(json_object_get(s, "failed"));
	const char *note = json_string_value(json_object_get(s, "note"));
	json_t *variable = json_object_get(s, "variable");

	if (note != NULL) {
		(void)buf_addf(out, "%s %s", json_string_value(json_object_get(s, "of")), note);
	} else if (test != NULL) {
		(void)buf_addf(out, "%s is %s", test, json_is_true(json_object_get(s, "true")) ? "true" : "false");
		add_compared(out, s);
	} else if (branch != NULL) {
		(void)buf_addf(out, "%s: its block %s", branch,
			       json_is_true(json_object_get(s, "taken")) ? "runs" : "is passed over");
	} else if (variable != NULL) {
		(void)buf_add_str(out, "${");
		(void)text_clean(out, json_string_value(variable), 60);
		(void)buf_add_str(out, "} is ");
		add_quoted(out, json_object_get(s, "value"));
	} else if (failed != NULL) {
		(void)buf_addf(out, "%s fails, and ends the run", failed);
	} else {
		(void)buf_addf(out, "%s is carried out", json_string_value(json_object_get(s, "command")));
	}
}

void explain_print(FILE *f, const struct explain *x)
{
	enum { LINE_MAX_BYTES = 64 * 1024 };
	json_int_t last = 0;
	json_t *s;
	struct buf out;
	size_t i;

	buf_init(&out, LINE_MAX_BYTES);
	json_array_foreach(x->steps, i, s) {
		json_int_t line = json_integer_value(json_object_get(s, "line"));
		json_t *script = json_object_get(s, "script");

		if (script != NULL) {
			(void)text_clean(&out, json_string_value(script), 60);
			(void)buf_addf(&out, " line %lld: ", (long long)line);
		} else {
			if (line != last)
				excerpt_write_line(x->script, (unsigned)line, &out);
			last = line;
			(void)buf_add_str(&out, "      |     ");
		}
		add_step(&out, s);
		(void)buf_add_char(&out, '\n');
		(void)fwrite(buf_str(&out), 1, out.n, f);
		buf_clear(&out);
	}
	if (x->left_out > 0)
		(void)fprintf(f, "      |     and %zu more steps\n", x->left_out);
	buf_free(&out);
}
