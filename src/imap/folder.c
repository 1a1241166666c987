#include "imap/folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "imap/utf7.h"

bool folder_is_inbox(const char *name)
{
	return slice_eq_nocase(slice_str(name), SLICE_LIT("INBOX"));
}

/* C of a name that people write or of a wire name, as it stands on the wire in SP. */
static char on_wire(const struct folder_space *sp, char c)
{
	return c == '/' && sp->separator != '\0' ? sp->separator : c;
}

/* Does NAME (modified UTF-7, either separator) begin with the prefix of SP? An INBOX in front has no case. */
static bool stands_in(const struct folder_space *sp, struct slice name)
{
	struct slice prefix = slice_str(sp->prefix);
	size_t any_case = slice_starts_nocase(prefix, SLICE_LIT("INBOX")) ? 5 : 0;

	if (name.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++) {
		char c = on_wire(sp, name.p[i]);

		if (c != prefix.p[i] && (i >= any_case || ascii_upper(c) != ascii_upper(prefix.p[i])))
			return false;
	}
	return true;
}

/* The namespace that NAME stands in: the one with the longest prefix; our own when there is none. */
static const struct folder_space *space_of(const struct folder_style *style, struct slice name)
{
	const struct folder_space *best = &style->own;
	size_t longest = 0;

	for (size_t i = 0; i < style->nothers; i++) {
		size_t n = strlen(style->others[i].prefix);

		if (n > longest && name.n > n && stands_in(&style->others[i], name)) {
			best = &style->others[i];
			longest = n;
		}
	}
	return longest > strlen(style->own.prefix) || !stands_in(&style->own, name) ? best : &style->own;
}

/* Writes the separator of SP into NAME. 0, or -1 and E when NAME can't be a folder's. */
static int separate(const struct folder_space *sp, struct buf *name, struct err *e)
{
	char last = '\0';

	/* Base64 in modified UTF-7 has "," for "/", and the filter takes no separator that it does have. */
	for (size_t i = 0; i < name->n; i++) {
		char c = name->p[i] = on_wire(sp, name->p[i]);

		if (c == '*' || c == '%')
			return err_set(e, ERR_INPUT, 0, "the folder's name holds %c, which IMAP keeps for patterns", c);
		if (sp->separator != '\0' && c == sp->separator && (last == '\0' || last == c))
			return err_set(e, ERR_INPUT, 0, "the folder's name has an empty level");
		last = c;
	}
	if (name->n == 0 || (sp->separator != '\0' && last == sp->separator))
		return err_set(e, ERR_INPUT, 0, "the folder's name has an empty level");
	return 0;
}

char *folder_to_wire(const struct folder_style *style, const char *name, struct err *e)
{
	const struct folder_space *sp;
	struct buf encoded, out;
	char *wire = NULL;

	if (folder_is_inbox(name))
		return mem_strdup("INBOX");
	buf_init(&encoded, FOLDER_NAME_MAX * 3);
	buf_init(&out, FOLDER_NAME_MAX * 3);
	if (strlen(name) > FOLDER_NAME_MAX || utf7_encode(slice_str(name), &encoded) != 0) {
		(void)err_set(e, ERR_INPUT, 0,
			      "the folder's name is too long, or holds control characters or broken UTF-8");
		goto done;
	}
	sp = space_of(style, buf_slice(&encoded));
	if (separate(sp, &encoded, e) != 0)
		goto done;
	if (sp == &style->own) {
		if (encoded.n > 6 && encoded.p[5] == sp->separator &&
		    slice_starts_nocase(buf_slice(&encoded), SLICE_LIT("INBOX"))) {
			(void)buf_add_str(&out, "INBOX");
			buf_consume(&encoded, 5);
		} else if (!stands_in(sp, buf_slice(&encoded))) {
			(void)buf_add_str(&out, sp->prefix);
		}
	}
	(void)buf_add_slice(&out, buf_slice(&encoded));
	wire = mem_strdup(buf_str(&out));
done:
	buf_free(&encoded);
	buf_free(&out);
	return wire;
}

bool folder_is_personal(const struct folder_style *style, const char *wire)
{
	const struct folder_space *sp = space_of(style, slice_str(wire));

	if (sp != &style->own)
		return !sp->foreign;
	return !style->foreign_rest || stands_in(sp, slice_str(wire)) || folder_is_inbox(wire);
}

char *folder_from_wire(const struct folder_style *style, const char *wire)
{
	const struct folder_space *sp = space_of(style, slice_str(wire));
	struct slice s = slice_str(wire), own = slice_str(style->own.prefix);
	struct buf name, decoded;
	char *out;

	if (folder_is_inbox(wire))
		return mem_strdup("INBOX");
	if (sp == &style->own && own.n > 0 && s.n > own.n && memcmp(s.p, own.p, own.n) == 0)
		s = slice_skip(s, own.n);
	buf_init(&name, FOLDER_NAME_MAX * 4);
	buf_init(&decoded, FOLDER_NAME_MAX * 4);
	for (size_t i = 0; i < s.n; i++)
		(void)buf_add_char(&name, sp->separator != '\0' && s.p[i] == sp->separator ? '/' : s.p[i]);
	out = mem_strdup(utf7_decode(buf_slice(&name), &decoded) == 0 ? buf_str(&decoded) : buf_str(&name));
	buf_free(&name);
	buf_free(&decoded);
	return out;
}

bool folder_is_plain(const struct folder_style *style, const char *wire)
{
	char *name = folder_from_wire(style, wire), *back = folder_to_wire(style, name, NULL);
	bool same = back != NULL && strcmp(back, wire) == 0;

	free(name);
	free(back);
	return same;
}

char folder_separator(const struct folder_style *style, const char *wire, size_t *prefix)
{
	const struct folder_space *sp = space_of(style, slice_str(wire));

	*prefix = stands_in(sp, slice_str(wire)) ? strlen(sp->prefix) : 0;
	return sp->separator;
}
