/* One value of the tree into the field of its key. */
#include "config/build_impl.h"

#include "base/mem.h"
#include "config/value.h"

void value_got_print(const config_setting_t *s, bool secret, struct buf *out)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		if (secret) {
			(void)buf_add_str(out, "another text");
			return;
		}
		(void)buf_add_char(out, '"');
		report_quote(out, slice_str(config_setting_get_string(s)), 80);
		(void)buf_add_char(out, '"');
		return;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		(void)buf_addf(out, secret ? "a number" : "%lld", config_setting_get_int64(s));
		return;
	case CONFIG_TYPE_FLOAT:
		(void)buf_addf(out, secret ? "a number" : "%g", config_setting_get_float(s));
		return;
	case CONFIG_TYPE_BOOL:
		(void)buf_add_str(out, config_setting_get_bool(s) ? "true" : "false");
		return;
	case CONFIG_TYPE_GROUP:
		(void)buf_add_str(out, "a group { … }");
		return;
	default:
		(void)buf_add_str(out, "a list");
	}
}

/* A password, or a command that may hold one in spite of the manual. */
static bool is_private(const struct key *k)
{
	return k->type == KEY_SECRET || k->type == KEY_SECRETS || strncmp(k->name, "password", 8) == 0;
}

/* "expected …, got …", and why. */
void value_error(const struct place *p, const struct key *k, const config_setting_t *s, const char *hint)
{
	char path[REPORT_PATH_SIZE];
	struct buf text;
	bool bare = config_setting_is_number(s) && (k->type == KEY_SIZE || k->type == KEY_DURATION);

	place_path(p->path, k->name, path);
	buf_init(&text, 2000);
	(void)buf_add_str(&text, "expected ");
	key_expects(k, &text);
	(void)buf_add_str(&text, ", got ");
	value_got_print(s, is_private(k), &text);
	if (bare)
		hint = k->type == KEY_SIZE ? "write number and unit in quotes, such as \"50M\""
					   : "write number and unit in quotes, such as \"10m\"";
	else if (config_setting_is_number(s) && k->type != KEY_COUNT && k->type != KEY_PORT)
		hint = "put it in quotes";
	if (hint[0] != '\0')
		(void)buf_addf(&text, ": %s", hint);
	report_error(p->b->report, build_line_of(s), path, "%s", buf_str(&text));
	mem_wipe(text.p, text.n);
	buf_free(&text);
}

int value_number_set(const struct place *p, const struct key *k, long long n)
{
	void *at = (char *)place_base(p, k) + k->offset;
	uint16_t port = (uint16_t)n;
	unsigned count = (unsigned)n;

	if (n < k->min || n > k->max)
		return -1;
	if (k->type == KEY_PORT)
		memcpy(at, &port, sizeof(port));
	else
		memcpy(at, &count, sizeof(count));
	return 0;
}

static bool is_integer(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64;
}

/* One text, or an array or list of them. */
static void list_set(const struct place *p, const struct key *k, const config_setting_t *s)
{
	bool one = config_setting_type(s) == CONFIG_TYPE_STRING;
	int n = one ? 1 : config_setting_length(s);
	char hint[VALUE_HINT_SIZE] = "";

	if (!one && !config_setting_is_array(s) && !config_setting_is_list(s)) {
		value_error(p, k, s, hint);
		return;
	}
	if (n == 0) {
		if (!k->may_be_empty)
			value_error(p, k, s, "it is empty");
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *e = one ? s : config_setting_get_elem(s, (unsigned)i);
		int failed = -1;

		hint[0] = '\0';
		if (config_setting_type(e) == CONFIG_TYPE_STRING) {
			struct slice text = slice_str(config_setting_get_string(e));

			if (k->type == KEY_ADDRESSES)
				failed = build_address(p->b, p->base, text, build_line_of(e), hint);
			else if (k->type == KEY_PINS)
				failed = build_pin(p->server, text, hint);
			else if (k->type == KEY_NETWORKS)
				failed = build_network(k, text, p->base, hint);
			else
				failed = build_element(k, text, place_base(p, k), hint);
		}
		if (failed)
			value_error(p, k, e, hint);
	}
}

/* A password in a file that everybody may read is no secret any more. */
static void secret_check(const struct place *p, const struct key *k, const config_setting_t *s)
{
	const struct source_file *f = source_file(p->b->source, build_line_of(s));
	char path[REPORT_PATH_SIZE];

	if (!p->b->files || f->readable == NULL)
		return;
	place_path(p->path, k->name, path);
	report_error(p->b->report, build_line_of(s), path, "%s", f->readable);
}

void value_set(const struct place *p, const struct key *k, const config_setting_t *s)
{
	char hint[VALUE_HINT_SIZE] = "";
	const char *file = p->b->files ? p->b->config->file : NULL;
	int failed = -1;
	bool flag;

	switch (k->type) {
	case KEY_ADDRESSES:
	case KEY_NETWORKS:
	case KEY_PINS:
	case KEY_FIELDS:
	case KEY_PATTERNS:
	case KEY_FOLDERS:
	case KEY_TIMES:
	case KEY_NAMES:
	case KEY_SENDERS:
		list_set(p, k, s);
		return;
	case KEY_COUNT:
	case KEY_PORT:
		if (is_integer(s))
			failed = value_number_set(p, k, config_setting_get_int64(s));
		break;
	case KEY_BOOL:
		if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
			flag = config_setting_get_bool(s) != 0;
			memcpy((char *)place_base(p, k) + k->offset, &flag, sizeof(flag));
			failed = 0;
		}
		break;
	default:
		if (config_setting_type(s) == CONFIG_TYPE_STRING)
			failed = build_text(k, slice_str(config_setting_get_string(s)), file, place_base(p, k), hint);
	}
	if (failed)
		value_error(p, k, s, hint);
	else if (k->type == KEY_SECRET)
		secret_check(p, k, s);
}
