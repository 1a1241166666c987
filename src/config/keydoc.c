/* The table of keys for people. */
#include "config/keys.h"

#include "config/config.h"

static const struct {
	enum key_group group;
	const char *title;
} sections[] = {
	{ KEYS_TOP, "Keys at the top level" },
	{ KEYS_LIMITS, "Keys in limits" },
	{ KEYS_CERTIFICATE, "Keys of each certificate" },
	{ KEYS_LISTENER, "Keys of each listener" },
	{ KEYS_MILTER, "Keys of each milter" },
	{ KEYS_ACCOUNT, "Keys of each account" },
	{ KEYS_SERVER, "Keys of the server, in each account, in each source and in relay" },
	{ KEYS_OAUTH, "Keys of oauth in an account, a source or relay" },
	{ KEYS_SOURCE, "Keys of each source" },
	{ KEYS_SKIP, "Keys of skip in a source" },
	{ KEYS_RELAY, "Keys of relay" },
	{ KEYS_RELAY_FOR, "Keys of each group in relay_for" },
};

static void default_print(const struct key *k, struct buf *out)
{
	bool quoted = k->type != KEY_COUNT && k->type != KEY_PORT && k->type != KEY_BOOL;

	if (k->otherwise != NULL)
		(void)buf_addf(out, quoted ? "\"%s\"" : "%s", k->otherwise);
	else
		(void)buf_add_str(out, k->otherwise_is);
}

/* Sets TEXT in lines of 76 columns behind a tab. */
static void wrapped_print(const char *text, struct buf *out)
{
	size_t column = 0;

	for (const char *at = text; *at != '\0';) {
		size_t n = strcspn(at, " ");

		if (column > 0 && column + 1 + n > 68) {
			(void)buf_add_char(out, '\n');
			column = 0;
		}
		(void)buf_add_str(out, column == 0 ? "\t" : " ");
		(void)buf_add(out, at, n);
		column += n + (column > 0);
		at += n + (at[n] == ' ');
	}
	(void)buf_add_char(out, '\n');
}

void keys_print(struct buf *out)
{
	const struct key *k;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		(void)buf_addf(out, "%s%s:\n", i == 0 ? "" : "\n", sections[i].title);
		for (size_t j = 0; (k = key_at(j)) != NULL; j++) {
			if (k->group != sections[i].group || k->internal)
				continue;
			(void)buf_addf(out, "\n%s: ", k->name);
			key_expects(k, out);
			if (k->otherwise != NULL || k->otherwise_is != NULL) {
				(void)buf_add_str(out, "; default ");
				default_print(k, out);
			}
			(void)buf_add_str(out, k->required ? "; must be given\n" : "\n");
			wrapped_print(k->help, out);
		}
	}
}

/* Text in mdoc: a backslash is escaped, and one sentence stands on one line. */
static void man_text(const char *s, struct buf *out)
{
	char before = ' ';

	for (; *s != '\0'; s++) {
		if (strncmp(s, "…", strlen("…")) == 0) {
			(void)buf_add_str(out, "...");
			s += strlen("…") - 1;
		} else if (*s == '\\') {
			(void)buf_add_str(out, "\\e");
		} else if (*s == '.' && before != ' ' && s[1] == ' ') {
			(void)buf_add_str(out, ".\n");
			s++;
		} else {
			(void)buf_add_char(out, *s);
		}
		before = *s;
	}
}

static void man_key(const struct key *k, struct buf *out)
{
	struct buf takes;

	buf_init(&takes, 1000);
	key_expects(k, &takes);
	(void)buf_addf(out, ".It Cm %s\n", k->name);
	man_text(k->help, out);
	(void)buf_add_str(out, "\nTakes ");
	man_text(buf_str(&takes), out);
	buf_clear(&takes);
	if (k->otherwise != NULL || k->otherwise_is != NULL) {
		default_print(k, &takes);
		(void)buf_add_str(out, ".\nDefault: ");
		man_text(buf_str(&takes), out);
	}
	(void)buf_add_str(out, k->required ? ".\nIt must be given.\n" : ".\n");
	buf_free(&takes);
}

void keys_print_man(struct buf *out)
{
	const struct key *k;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		(void)buf_addf(out, ".Ss %s\n.Bl -tag -width Ds\n", sections[i].title);
		for (size_t j = 0; (k = key_at(j)) != NULL; j++) {
			if (k->group == sections[i].group && !k->internal)
				man_key(k, out);
		}
		(void)buf_add_str(out, ".El\n");
	}
}
