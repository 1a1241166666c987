#include "cmd/import_state.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "spool/source.h"

enum { PORT_DIGITS = 8, NAME_MAX_OCTETS = 4096 };

static struct slice line_take(struct slice *text)
{
	size_t n = slice_find(*text, '\n');
	struct slice line = slice_of(text->p, n);

	*text = slice_skip(*text, n < text->n ? n + 1 : n);
	return line;
}

/* A UIDL as servers give them, and as our memory takes them. */
static bool name_good(struct slice name)
{
	if (name.n == 0 || name.n > ORIGIN_NAME_MAX || !utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x21 || (unsigned char)name.p[i] == 0x7f)
			return false;
	return true;
}

static size_t blank_find(struct slice s)
{
	size_t space = slice_find(s, ' '), tab = slice_find(s, '\t');

	return space < tab ? space : tab;
}

/* "USER@HOST UIDL", where USER may have blanks and further @, and UIDL an @: the first blank behind an @ ends the host.
 */
static bool fetchmail_line(struct slice line, struct import_seen *seen)
{
	size_t at = slice_find(line, '@'), end = at, host;

	if (at == line.n)
		return false;
	end = at + blank_find(slice_skip(line, at));
	if (end == line.n)
		return false;
	for (host = end; line.p[host - 1] != '@'; host--)
		;
	seen->user = slice_of(line.p, host - 1);
	seen->host = slice_of(line.p + host, end - host);
	seen->name = slice_trim(slice_skip(line, end));
	return seen->user.n > 0 && seen->host.n > 0 && name_good(seen->name);
}

/* "UIDVALIDITY/UID", or "UIDVALIDITY/FOLDER/UID". */
static bool imap_read(struct slice id, struct import_seen *seen)
{
	size_t first = slice_find(id, '/'), last = id.n;
	uint64_t uidvalidity, uid;

	while (last > 0 && id.p[last - 1] != '/')
		last--;
	if (first == id.n || slice_number(slice_of(id.p, first), UINT32_MAX, &uidvalidity) != 0 ||
	    slice_number(slice_skip(id, last), UINT32_MAX, &uid) != 0 || uid == 0 || uidvalidity == 0)
		return false;
	if (last > first + 1)
		seen->folder = slice_of(id.p + first + 1, last - first - 2);
	seen->uidvalidity = (uint32_t)uidvalidity;
	seen->uid = (uint32_t)uid;
	return true;
}

static bool getmail_line(struct slice line, struct slice *id, struct import_seen *seen)
{
	size_t nul = slice_find(line, '\0');
	uint64_t seconds;

	if (nul == line.n || slice_number(slice_skip(line, nul + 1), INT64_MAX / 1000, &seconds) != 0)
		return false;
	seen->seen_ms = (int64_t)seconds * 1000;
	*id = slice_of(line.p, nul);
	return true;
}

static bool getmail_pop3(struct slice line, struct import_seen *seen)
{
	return getmail_line(line, &seen->name, seen) && name_good(seen->name);
}

static bool getmail_imap(struct slice line, struct import_seen *seen)
{
	struct slice id;

	return getmail_line(line, &id, seen) && imap_read(id, seen);
}

/* Tells what LINE_FN makes of each line that is not empty. How many it could not read. */
static size_t read_lines(struct slice text, bool (*line_fn)(struct slice, struct import_seen *), import_seen_fn *fn,
			 void *arg)
{
	size_t bad = 0;

	for (int n = 1; text.n > 0; n++) {
		struct slice line = slice_trim(line_take(&text));
		struct import_seen seen = { .line = n };

		if (line.n == 0)
			continue;
		if (!line_fn(line, &seen))
			bad++;
		else if (fn(arg, &seen) != 0)
			break;
	}
	return bad;
}

size_t import_state_fetchmail(struct slice text, import_seen_fn *fn, void *arg)
{
	return read_lines(text, fetchmail_line, fn, arg);
}

size_t import_state_getmail(struct slice text, bool imap, import_seen_fn *fn, void *arg)
{
	return read_lines(text, imap ? getmail_imap : getmail_pop3, fn, arg);
}

/* Appends S as getmail has it in names of files: runs of certain characters become INSTEAD. */
static void name_add(struct buf *out, struct slice s, char instead)
{
	for (size_t i = 0; i < s.n; i++) {
		bool strange = memchr("/:;<>|", s.p[i], 6) != NULL;
		bool before = i > 0 && memchr("/:;<>|", s.p[i - 1], 6) != NULL;

		if (!strange)
			(void)buf_add_char(out, s.p[i]);
		else if (!before)
			(void)buf_add_char(out, instead);
	}
}

bool import_state_of(const char *name, const char *host, unsigned port, const char *user, struct slice *folder)
{
	const char *slash = strrchr(name, '/');
	struct slice rest = slice_str(slash == NULL ? name : slash + 1);
	char number[PORT_DIGITS];
	struct buf prefix;
	bool ret;

	buf_init(&prefix, NAME_MAX_OCTETS);
	(void)snprintf(number, sizeof number, "-%u-", port);
	(void)buf_add_str(&prefix, "oldmail-");
	name_add(&prefix, slice_str(host), '-');
	(void)buf_add_str(&prefix, number);
	name_add(&prefix, slice_str(user), '-');
	ret = !buf_failed(&prefix) && rest.n >= prefix.n && memcmp(rest.p, prefix.p, prefix.n) == 0 &&
	      (rest.n == prefix.n || rest.p[prefix.n] == '-');
	if (ret)
		*folder = rest.n == prefix.n ? slice_of(rest.p, 0) : slice_skip(rest, prefix.n + 1);
	buf_free(&prefix);
	return ret;
}

bool import_state_is_folder(struct slice name, const char *folder)
{
	struct buf plain;
	bool ret;

	buf_init(&plain, NAME_MAX_OCTETS);
	name_add(&plain, slice_str(folder), '.');
	ret = !buf_failed(&plain) && slice_eq(name, buf_slice(&plain));
	buf_free(&plain);
	return ret;
}
