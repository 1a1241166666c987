#include "msg/compose.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "msg/alabel.h"
#include "msg/charset.h"
#include "msg/header.h"
#include "msg/header_write.h"
#include "msg/summary.h"

enum {
	LINE_MAX_WANTED = 76, /* octets of a line where blanks or words allow it */
	MAILBOXES_MAX = 20
};

/* ---- text ---- */

/* One line of valid UTF-8 without controls. From mem_alloc. */
static char *one_line(struct slice text, size_t max)
{
	char *line = summary_text(text, max);
	struct slice s = slice_trim(slice_str(line));
	char *out = slice_dup(s);

	free(line);
	return out;
}

void compose_text(struct buf *out, const char *name, struct slice text)
{
	char *line = one_line(text, COMPOSE_TEXT_MAX);

	(void)header_write(slice_str(name), slice_str(line), out);
	free(line);
}

void compose_plain(struct buf *out, const char *name, const char *value)
{
	(void)buf_addf(out, "%s: %s\r\n", name, value);
}

/* ---- addresses ---- */

char *compose_address(const struct address *a, bool *foreign)
{
	struct address ascii = *a;
	struct buf domain, all;
	char *text;

	buf_init(&domain, 4 * ADDRESS_DOMAIN_MAX);
	buf_init(&all, 4096);
	if (!ascii_only(slice_str(a->domain)) && alabel_domain(slice_str(a->domain), &domain) == 0)
		ascii.domain = domain.p;
	(void)address_format(&ascii, &all);
	text = slice_dup(buf_slice(&all));
	*foreign = *foreign || !ascii_only(slice_str(text));
	buf_free(&domain);
	buf_free(&all);
	return text;
}

struct list { /* being written */
	struct buf *out;
	size_t column;
	bool any;
};

static void list_begin(struct list *l, struct buf *out, const char *name)
{
	*l = (struct list){ .out = out, .column = strlen(name) + 2 };
	(void)buf_addf(out, "%s: ", name);
}

/* A comma where one is due, and a fold where the next N octets do not fit. */
static void list_next(struct list *l, size_t n)
{
	if (l->any)
		(void)buf_add_str(l->out, l->column + n + 2 > LINE_MAX_WANTED ? ",\r\n " : ", ");
	l->column = l->any && l->column + n + 2 > LINE_MAX_WANTED ? 1 + n : l->column + 2 + n;
	l->any = true;
}

void compose_addresses(struct buf *out, const char *name, const struct address *all, size_t n, bool *foreign)
{
	struct list l;

	if (n == 0)
		return;
	list_begin(&l, out, name);
	for (size_t i = 0; i < n; i++) {
		char *text = compose_address(&all[i], foreign);

		list_next(&l, strlen(text));
		(void)buf_add_str(out, text);
		free(text);
	}
	(void)buf_add_str(out, "\r\n");
}

/* ---- mailboxes with display names ---- */

/* The phrase in front of the brackets without quotes and comments. From mem_alloc; "" where there is none. */
static char *display_name(struct slice mailbox)
{
	const size_t end = header_until(mailbox, '<');
	struct buf name;
	char *line;

	if (end == mailbox.n)
		return mem_strdup("");
	buf_init(&name, end + 1);
	for (size_t i = 0; i < end;) {
		struct slice rest = slice_of(mailbox.p + i, end - i);

		if (mailbox.p[i] == '(') {
			i += header_enclosed(rest, ')');
			continue;
		}
		if (mailbox.p[i] == '"') {
			const size_t n = header_enclosed(rest, '"');

			for (size_t k = 1; k + 1 < n; k++) {
				k += rest.p[k] == '\\' && k + 2 < n;
				(void)buf_add_char(&name, rest.p[k]);
			}
			i += n;
			continue;
		}
		(void)buf_add_char(&name, mailbox.p[i++]);
	}
	line = one_line(buf_slice(&name), 200);
	buf_free(&name);
	return line;
}

/* RFC 5322, 3.2.3: words of atext with a blank between them, none of which could be taken for an encoded one. */
static bool are_atoms(struct slice s)
{
	static const struct slice marks = SLICE_LIT("!#$%&'*+-/^_`{|}~");

	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alpha(s.p[i]) && !ascii_is_digit(s.p[i]) && slice_find(marks, s.p[i]) == marks.n &&
		    (s.p[i] != ' ' || i == 0 || i + 1 == s.n || s.p[i - 1] == ' '))
			return false;
	return s.n > 0;
}

/* RFC 5322, 3.2.5: a phrase as atoms, as quoted string, or as encoded words. */
static void put_phrase(struct buf *out, const char *name, size_t column)
{
	struct slice s = slice_str(name);

	if (!ascii_only(s)) {
		(void)header_write_words(s, column, out);
		return;
	}
	if (are_atoms(s)) {
		(void)buf_add_slice(out, s);
		return;
	}
	(void)buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			(void)buf_add_char(out, '\\');
		(void)buf_add_char(out, s.p[i]);
	}
	(void)buf_add_char(out, '"');
}

static void put_named(struct list *l, const char *name, const char *address)
{
	const size_t n = strlen(name) + strlen(address) + 5; /* quotes, blank, brackets */
	/* Long names may be several words on several lines. */
	const bool one = ascii_only(slice_str(name)) && n < LINE_MAX_WANTED;
	const size_t column = l->any ? 1 : l->column;

	list_next(l, one ? n : ascii_only(slice_str(name)) ? strlen(name) : LINE_MAX_WANTED);
	put_phrase(l->out, name, column);
	(void)buf_addf(l->out, "%s <%s>", one && l->column <= LINE_MAX_WANTED ? "" : "\r\n", address);
	if (!one || l->column > LINE_MAX_WANTED)
		l->column = 3 + strlen(address);
}

static int put_mailbox(struct list *l, struct slice mailbox, bool *foreign)
{
	struct address_list found;
	size_t bad = 0;
	int r = -1;

	address_list_parse(mailbox, &found, &bad);
	/* A group is no mailbox, nor is a part of one. */
	bad += header_until(mailbox, ':') < mailbox.n || header_until(mailbox, ';') < mailbox.n;
	if (bad == 0 && found.n == 1 && found.all[0].local[0] != '\0' && found.all[0].domain[0] != '\0') {
		char *name = display_name(mailbox), *address = compose_address(&found.all[0], foreign);

		if (name[0] != '\0') {
			put_named(l, name, address);
		} else {
			list_next(l, strlen(address));
			(void)buf_add_str(l->out, address);
		}
		free(name);
		free(address);
		r = 0;
	}
	address_list_free(&found);
	return r;
}

int compose_mailboxes(struct buf *out, const char *name, struct slice list, bool *foreign)
{
	const size_t before = out->n;
	struct list l;
	size_t n = 0;
	int r = 0;

	list_begin(&l, out, name);
	while (r == 0 && list.n > 0) {
		const size_t end = header_until(list, ',');

		r = ++n <= MAILBOXES_MAX ? put_mailbox(&l, slice_trim(slice_of(list.p, end)), foreign) : -1;
		if (end < list.n && end + 1 == list.n)
			r = -1; /* nothing behind the last comma */
		list = slice_skip(list, end < list.n ? end + 1 : end);
	}
	if (r != 0 || n == 0) {
		buf_truncate(out, before);
		return -1;
	}
	(void)buf_add_str(out, "\r\n");
	return 0;
}

/* ---- bodies ---- */

/* The next line of *REST without its end, which may be CRLF, LF or CR. False at the end. */
static bool next_line(struct slice *rest, struct slice *line)
{
	size_t n = 0, end = 1;

	if (rest->n == 0)
		return false;
	while (n < rest->n && rest->p[n] != '\r' && rest->p[n] != '\n')
		n++;
	*line = slice_of(rest->p, n);
	if (n + 1 < rest->n && rest->p[n] == '\r' && rest->p[n + 1] == '\n')
		end = 2;
	*rest = slice_skip(*rest, n < rest->n ? n + end : n);
	return true;
}

/* May TEXT go as it is: ASCII without controls, in lines of a usual length that do not end in a blank? */
static bool is_plain(struct slice text)
{
	struct slice line;

	while (next_line(&text, &line)) {
		if (line.n > LINE_MAX_WANTED + 2 || (line.n > 0 && line.p[line.n - 1] == ' '))
			return false;
		/* Within a multipart it could be a delimiter. */
		if (line.n > 1 && line.p[0] == '-' && line.p[1] == '-')
			return false;
		for (size_t i = 0; i < line.n; i++)
			if ((unsigned char)line.p[i] >= 0x7f || ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t'))
				return false;
	}
	return true;
}

/* RFC 2045, 6.7: one line as quoted-printable, with soft breaks. */
static void put_quoted(struct buf *out, struct slice line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.n; i++) {
		const char c = line.p[i];
		const bool last = i + 1 == line.n;
		bool plain = (c > ' ' && c <= '~' && c != '=') || ((c == ' ' || c == '\t') && !last);
		size_t n = plain ? 1 : 3;

		if (column + n > (last ? LINE_MAX_WANTED : LINE_MAX_WANTED - 1)) {
			(void)buf_add_str(out, "=\r\n");
			column = 0;
		}
		/* No line looks like a delimiter. */
		if (c == '-' && column == 0) {
			plain = false;
			n = 3;
		}
		if (plain)
			(void)buf_add_char(out, c);
		else
			(void)buf_addf(out, "=%02X", (unsigned char)c);
		column += n;
	}
	(void)buf_add_str(out, "\r\n");
}

static void put_body(struct buf *out, struct slice text)
{
	const bool plain = is_plain(text), ascii = ascii_only(text);
	struct slice line;

	(void)buf_addf(out, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		       ascii ? "us-ascii" : "utf-8", plain ? "7bit" : "quoted-printable");
	while (next_line(&text, &line)) {
		if (plain) {
			(void)buf_add_slice(out, line);
			(void)buf_add_str(out, "\r\n");
		} else {
			put_quoted(out, line);
		}
	}
}

void compose_body(struct buf *out, struct slice text)
{
	struct buf sound;

	buf_init(&sound, COMPOSE_MAX);
	(void)charset_repair_utf8(text, &sound);
	put_body(out, buf_slice(&sound));
	buf_free(&sound);
}
