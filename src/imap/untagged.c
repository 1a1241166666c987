#include "imap/untagged.h"

#include "msg/special_use.h"

bool untagged_next(struct slice *kept, enum untagged_kind *kind, struct slice *args)
{
	static const struct slice names[] = {
		{ "LIST ", 5 }, { "STATUS ", 7 }, { "NAMESPACE ", 10 }, { "ENABLED ", 8 }, { "METADATA ", 9 }
	};
	uint32_t length;

	if (kept->n < sizeof length)
		return false;
	memcpy(&length, kept->p, sizeof length);
	*kept = slice_skip(*kept, sizeof length);
	if (length > kept->n)
		return false;
	*args = slice_of(kept->p, length);
	*kept = slice_skip(*kept, length);
	*kind = UNTAGGED_OTHER;
	if (args->n < 2)
		return true;
	*args = slice_skip(*args, 2); /* "* " */
	for (int i = UNTAGGED_LIST; i <= UNTAGGED_METADATA; i++) {
		if (slice_starts_nocase(*args, names[i])) {
			*kind = (enum untagged_kind)i;
			*args = slice_skip(*args, names[i].n);
			break;
		}
	}
	return true;
}

/* ---- tokens ---- */

/* What stands up to a blank, a parenthesis or the line end. */
static struct slice take_word(struct slice *s)
{
	struct slice w = slice_of(s->p, 0);

	while (w.n < s->n && strchr(" ()\r\n", s->p[w.n]) == NULL)
		w.n++;
	*s = slice_skip(*s, w.n);
	return w;
}

static bool take_quoted(struct slice *s, struct buf *out)
{
	size_t i = 1;

	for (; i < s->n && s->p[i] != '"'; i++) {
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		if (buf_add_char(out, s->p[i]) != 0)
			return false;
	}
	if (i >= s->n)
		return false;
	*s = slice_skip(*s, i + 1);
	return true;
}

/* "{5}" or "~{5+}", CRLF, and so many octets. */
static bool take_literal(struct slice *s, struct buf *out)
{
	struct slice w = take_word(s), digits;
	uint64_t n;

	digits = slice_skip(w, w.n > 0 && w.p[0] == '~' ? 2 : 1);
	digits.n = slice_find(digits, '}');
	if (digits.n > 0 && digits.p[digits.n - 1] == '+')
		digits.n--;
	if (slice_number(digits, UINT32_MAX, &n) != 0 || !slice_take(s, '\r') || !slice_take(s, '\n') || n > s->n)
		return false;
	if (buf_add(out, s->p, (size_t)n) != 0)
		return false;
	*s = slice_skip(*s, (size_t)n);
	return true;
}

/* A string, or an atom for one; NIL is the atom. */
static bool take_string(struct slice *s, struct buf *out, bool *quoted)
{
	struct slice w;

	*quoted = true;
	if (s->n > 0 && s->p[0] == '"')
		return take_quoted(s, out);
	if (s->n > 0 && (s->p[0] == '{' || (s->n > 1 && s->p[0] == '~' && s->p[1] == '{')))
		return take_literal(s, out);
	*quoted = false;
	w = take_word(s);
	return w.n > 0 && buf_add_slice(out, w) == 0;
}

static bool is_nil(const struct buf *b, bool quoted)
{
	return !quoted && slice_eq_nocase(buf_slice(b), SLICE_LIT("NIL"));
}

/* A separator that a name can be taken apart at: one that modified UTF-7 and patterns have no other use for. */
static char usable(const struct buf *b, bool quoted)
{
	char c;

	if (b->n != 1 || is_nil(b, quoted))
		return '\0';
	c = b->p[0];
	return c > ' ' && c < 0x7f && !ascii_is_alpha(c) && !ascii_is_digit(c) && strchr("&-+,*%\"", c) == NULL ? c
														: '\0';
}

static bool take_separator(struct slice *s, char *separator)
{
	struct buf b;
	bool quoted = false, ok;

	buf_init(&b, UNTAGGED_NAME_MAX);
	ok = take_string(s, &b, &quoted);
	*separator = usable(&b, quoted);
	buf_free(&b);
	return ok;
}

/* A name that may be sent back. */
static bool is_name(struct slice s)
{
	return s.n == 0 ||
	       (memchr(s.p, '\0', s.n) == NULL && memchr(s.p, '\r', s.n) == NULL && memchr(s.p, '\n', s.n) == NULL);
}

/* ---- responses ---- */

static unsigned attribute_of(struct slice w)
{
	static const struct {
		struct slice name;
		unsigned bits;
	} rows[] = {
		{ { "\\Noselect", 9 }, ATTRIBUTE_NOSELECT },
		{ { "\\NonExistent", 12 }, ATTRIBUTE_NOSELECT | ATTRIBUTE_NONEXISTENT }, /* RFC 5258, 3 */
		{ { "\\Noinferiors", 12 }, ATTRIBUTE_NOINFERIORS },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_eq_nocase(w, rows[i].name))
			return rows[i].bits;
	return 0;
}

int untagged_list(struct slice args, struct untagged_list *l)
{
	bool quoted = false;

	*l = (struct untagged_list){ .attributes = 0 };
	buf_init(&l->name, UNTAGGED_NAME_MAX);
	if (!slice_take(&args, '('))
		return -1;
	while (!slice_take(&args, ')')) {
		struct slice w = take_word(&args);

		if (w.n == 0 && !slice_take(&args, ' '))
			return -1;
		l->attributes |= attribute_of(w);
		l->uses |= special_use_of(w);
	}
	if (!slice_take(&args, ' ') || !take_separator(&args, &l->separator) || !slice_take(&args, ' ') ||
	    !take_string(&args, &l->name, &quoted))
		return -1;
	return is_name(buf_slice(&l->name)) ? 0 : -1;
}

/* Over the name and into the list behind it. GNU Mailutils puts no quotes around a name, whatever it holds; so what is
 * no name is passed over up to the last list. METADATA begins the same way. */
static bool enter_list(struct slice *args)
{
	struct slice at = *args;
	struct buf name;
	bool quoted = false, ok;

	buf_init(&name, UNTAGGED_NAME_MAX);
	ok = take_string(&at, &name, &quoted) && slice_take(&at, ' ') && slice_take(&at, '(');
	buf_free(&name);
	for (size_t i = args->n; !ok && i > 1; i--) {
		ok = args->p[i - 1] == '(' && args->p[i - 2] == ' ';
		if (ok)
			at = slice_skip(*args, i);
	}
	*args = at;
	return ok;
}

/* "(" objectid ")" (RFC 8474, 4.3 and 7), or what stands there instead. */
static struct slice take_id(struct slice *s)
{
	enum { ID_MAX = 255 };
	struct slice id = SLICE_NONE;

	if (slice_take(s, '(')) {
		id = take_word(s);
		if (!slice_take(s, ')'))
			return SLICE_NONE;
	}
	for (size_t i = 0; i < id.n; i++)
		if (!ascii_is_alpha(id.p[i]) && !ascii_is_digit(id.p[i]) && id.p[i] != '_' && id.p[i] != '-')
			return SLICE_NONE;
	return id.n <= ID_MAX ? id : SLICE_NONE;
}

int untagged_status(struct slice args, struct untagged_status *st)
{
	bool ok;
	uint64_t n;

	*st = (struct untagged_status){ .append_limit = UINT64_MAX };
	ok = enter_list(&args);
	while (ok && !slice_take(&args, ')')) {
		struct slice item = take_word(&args), value;

		ok = item.n > 0 && slice_take(&args, ' ');
		if (ok && slice_eq_nocase(item, SLICE_LIT("MAILBOXID"))) {
			st->id = take_id(&args);
			(void)slice_take(&args, ' ');
			continue;
		}
		value = take_word(&args);
		if (ok && slice_eq_nocase(item, SLICE_LIT("UIDVALIDITY")) && slice_number(value, UINT32_MAX, &n) == 0)
			st->uidvalidity = (uint32_t)n;
		else if (ok && slice_eq_nocase(item, SLICE_LIT("UIDNEXT")) && slice_number(value, UINT32_MAX, &n) == 0)
			st->uidnext = (uint32_t)n;
		else if (ok && slice_eq_nocase(item, SLICE_LIT("APPENDLIMIT")) &&
			 slice_number(value, UINT64_MAX - 1, &n) == 0)
			st->append_limit = n;
		(void)slice_take(&args, ' ');
	}
	return ok ? 0 : -1;
}

/* Up to the parenthesis that closes the list that is open, and over it; what stands there is an extension. */
static bool skip_to_close(struct slice *s)
{
	unsigned depth = 1;

	while (s->n > 0 && depth > 0) {
		struct buf b;
		bool quoted, ok = true;

		if (slice_take(s, '(')) {
			depth++;
		} else if (slice_take(s, ')')) {
			depth--;
		} else if (!slice_take(s, ' ')) {
			buf_init(&b, UNTAGGED_NAME_MAX);
			ok = take_string(s, &b, &quoted);
			buf_free(&b);
		}
		if (!ok)
			return false;
	}
	return depth == 0;
}

/* "(" prefix separator … ")" */
static bool one_space(struct slice *s, int class, untagged_namespace_fn *fn, void *arg)
{
	struct buf prefix;
	bool quoted = false, ok;
	char separator = '\0';

	buf_init(&prefix, UNTAGGED_NAME_MAX);
	ok = take_string(s, &prefix, &quoted) && slice_take(s, ' ') && take_separator(s, &separator) && skip_to_close(s);
	if (ok && is_name(buf_slice(&prefix)))
		fn(arg, class, buf_slice(&prefix), separator);
	buf_free(&prefix);
	return ok;
}

void untagged_namespace(struct slice args, untagged_namespace_fn *fn, void *arg)
{
	for (int class = 0; class < 3; class ++) {
		if (class > 0 && !slice_take(&args, ' '))
			return;
		if (!slice_take(&args, '(')) {
			(void)take_word(&args); /* NIL */
			continue;
		}
		while (!slice_take(&args, ')')) {
			(void)slice_take(&args, ' ');
			if (!slice_take(&args, '(') || !one_space(&args, class, fn, arg))
				return;
		}
	}
}

/* Values that are too long are passed over. */
void untagged_metadata(struct slice args, size_t max, untagged_metadata_fn *fn, void *arg)
{
	struct buf entry, value;
	bool quoted = false, ok = enter_list(&args);

	buf_init(&entry, UNTAGGED_NAME_MAX);
	buf_init(&value, 256 * 1024);
	while (ok && !slice_take(&args, ')')) {
		buf_clear(&entry);
		buf_clear(&value);
		ok = take_string(&args, &entry, &quoted) && slice_take(&args, ' ') && take_string(&args, &value, &quoted);
		if (ok && !is_nil(&value, quoted) && value.n <= max)
			fn(arg, buf_slice(&entry), buf_slice(&value));
		(void)slice_take(&args, ' ');
	}
	buf_free(&entry);
	buf_free(&value);
}

bool untagged_enabled(struct slice args, struct slice capability)
{
	while (args.n > 0) {
		struct slice w = take_word(&args);

		if (slice_eq_nocase(w, capability))
			return true;
		if (w.n == 0)
			args = slice_skip(args, 1);
	}
	return false;
}
