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

/* Does WIRE stand in a namespace already: at or below "INBOX" where that is the prefix, or in somebody else's? */
static bool has_prefix(const struct folder_style *style, struct slice wire)
{
	struct slice own = slice_str(style->prefix);

	if (own.n == 0 || (own.n >= 6 && slice_starts_nocase(own, SLICE_LIT("INBOX"))
			       ? slice_starts_nocase(wire, own)
			       : wire.n >= own.n && memcmp(wire.p, own.p, own.n) == 0))
		return true;
	for (size_t i = 0; i < style->nothers; i++) {
		struct slice other = slice_str(style->others[i]);

		if (wire.n > other.n && memcmp(wire.p, other.p, other.n) == 0)
			return true;
	}
	return false;
}

char *folder_to_wire(const struct folder_style *style, const char *name, struct err *e)
{
	struct buf encoded, out;
	char *wire = NULL;
	char last = '\0';

	if (folder_is_inbox(name))
		return mem_strdup("INBOX");
	buf_init(&encoded, FOLDER_NAME_MAX * 3);
	buf_init(&out, FOLDER_NAME_MAX * 3);
	if (strlen(name) > FOLDER_NAME_MAX || utf7_encode(slice_str(name), &encoded) != 0) {
		(void)err_set(e, ERR_INPUT, 0,
			      "the folder's name is too long, or holds control characters or broken UTF-8");
		goto done;
	}
	/* Base64 in modified UTF-7 has "," for "/", so both separators are always themselves here. */
	for (size_t i = 0; i < encoded.n; i++) {
		char c = encoded.p[i];

		if (c == '/' && style->separator != '\0')
			encoded.p[i] = c = style->separator;
		if (c == '*' || c == '%') {
			(void)err_set(e, ERR_INPUT, 0, "the folder's name holds %c, which IMAP keeps for patterns", c);
			goto done;
		}
		if (style->separator != '\0' && c == style->separator && (last == '\0' || last == c)) {
			(void)err_set(e, ERR_INPUT, 0, "the folder's name has an empty level");
			goto done;
		}
		last = c;
	}
	if (encoded.n == 0 || (style->separator != '\0' && last == style->separator)) {
		(void)err_set(e, ERR_INPUT, 0, "the folder's name has an empty level");
		goto done;
	}
	if (encoded.n > 6 && encoded.p[5] == style->separator &&
	    slice_starts_nocase(buf_slice(&encoded), SLICE_LIT("INBOX"))) {
		(void)buf_add_str(&out, "INBOX");
		buf_consume(&encoded, 5);
	} else if (!has_prefix(style, buf_slice(&encoded))) {
		(void)buf_add_str(&out, style->prefix);
	}
	(void)buf_add_slice(&out, buf_slice(&encoded));
	wire = mem_strdup(buf_str(&out));
done:
	buf_free(&encoded);
	buf_free(&out);
	return wire;
}

char *folder_from_wire(const struct folder_style *style, const char *wire)
{
	struct slice s = slice_str(wire), own = slice_str(style->prefix);
	struct buf name, decoded;
	char *out;

	if (folder_is_inbox(wire))
		return mem_strdup("INBOX");
	if (own.n > 0 && s.n > own.n && memcmp(s.p, own.p, own.n) == 0) {
		s.p += own.n;
		s.n -= own.n;
	}
	buf_init(&name, FOLDER_NAME_MAX * 4);
	buf_init(&decoded, FOLDER_NAME_MAX * 4);
	for (size_t i = 0; i < s.n; i++)
		(void)buf_add_char(&name, style->separator != '\0' && s.p[i] == style->separator ? '/' : s.p[i]);
	out = mem_strdup(utf7_decode(buf_slice(&name), &decoded) == 0 ? buf_str(&decoded) : buf_str(&name));
	buf_free(&name);
	buf_free(&decoded);
	return out;
}
