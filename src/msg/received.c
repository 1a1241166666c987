#include "msg/received.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/utf8.h"
#include "msg/date.h"
#include "msg/header.h"

/* ---- writing ---- */

static bool is_name_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr(".-_:[]+/=", c) != NULL);
}

static bool is_visible(char c)
{
	return c > ' ' && c <= '~';
}

static bool is_text(char c)
{
	return c >= ' ' && c <= '~';
}

/* S, at most MAX octets of it, with '?' for what OK does not pass; a whole UTF-8 character passes if UTF8. */
static void add_clean(struct buf *out, struct slice s, size_t max, bool (*ok)(char), bool utf8)
{
	for (size_t i = 0, n; i < s.n && i < max; i += n) {
		n = 1;
		if ((unsigned char)s.p[i] >= 0x80) {
			size_t k = address_foreign_len(slice_skip(s, i));

			if (utf8 && k > 0 && i + k <= max) {
				n = k;
				(void)buf_add(out, s.p + i, n);
				continue;
			}
			n = k > 0 ? k : 1;
		}
		(void)buf_add_char(out, n == 1 && ok(s.p[i]) ? s.p[i] : '?');
	}
}

static void add_name(struct buf *out, struct slice s, bool utf8)
{
	if (s.n == 0)
		(void)buf_add_str(out, "unknown");
	else
		add_clean(out, s, RECEIVED_WORD_MAX, is_name_char, utf8);
}

/* An address may hold blanks only inside quotes, where they are text; outside they would end it. */
static void add_address(struct buf *out, struct slice s, bool utf8)
{
	bool quoted = s.n > 0 && s.p[0] == '"';

	(void)buf_add_char(out, '<');
	add_clean(out, s, RECEIVED_ADDRESS_MAX, quoted ? is_text : is_visible, utf8);
	(void)buf_add_char(out, '>');
}

static void add_client(struct buf *out, const struct received_info *info)
{
	if (info->client.n == 0 && info->ip.n == 0)
		return;
	(void)buf_add_str(out, " (");
	if (info->client.n > 0)
		add_clean(out, info->client, RECEIVED_WORD_MAX, is_name_char, info->utf8);
	if (info->ip.n > 0) {
		(void)buf_add_str(out, info->client.n > 0 ? " [" : "[");
		if (slice_find(info->ip, ':') < info->ip.n)
			(void)buf_add_str(out, "IPv6:");
		add_clean(out, info->ip, RECEIVED_WORD_MAX, is_name_char, false);
		(void)buf_add_char(out, ']');
	}
	(void)buf_add_char(out, ')');
}

/* RFC 8314, 4.3: the clause has the cipher alone, the rest is a comment. */
static void add_tls(struct buf *out, const struct received_info *info)
{
	if (info->tls_cipher.n == 0)
		return;
	(void)buf_add_str(out, "\r\n\ttls ");
	add_clean(out, info->tls_cipher, RECEIVED_WORD_MAX, is_name_char, false);
	(void)buf_add_str(out, " (");
	add_clean(out, info->tls_version, RECEIVED_WORD_MAX, is_name_char, false);
	(void)buf_addf(out, ", %u bits)", info->tls_bits);
}

int received_lines(const struct received_info *info, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];

	if (!info->without_path) {
		(void)buf_add_str(out, "Return-Path: ");
		add_address(out, info->sender, info->utf8);
		(void)buf_add_str(out, "\r\n");
	}
	for (size_t i = 0; i < info->nto && !info->without_delivered; i++) {
		(void)buf_add_str(out, "Delivered-To: ");
		add_clean(out, info->to[i], RECEIVED_ADDRESS_MAX, is_text, info->utf8);
		(void)buf_add_str(out, "\r\n");
	}
	(void)buf_add_str(out, "Received: ");
	if (!info->without_client) {
		(void)buf_add_str(out, "from ");
		add_name(out, info->helo, info->utf8);
		add_client(out, info);
		(void)buf_add_str(out, "\r\n\t");
	}
	(void)buf_add_str(out, "by ");
	add_name(out, info->hostname, info->utf8);
	(void)buf_add_str(out, " with ");
	add_name(out, info->protocol, false);
	(void)buf_add_str(out, " id ");
	add_name(out, info->id, false);
	if (info->nto == 1) {
		(void)buf_add_str(out, "\r\n\tfor ");
		add_address(out, info->to[0], info->utf8);
	}
	add_tls(out, info);
	clock_rfc5322(info->time, date);
	(void)buf_addf(out, ";\r\n\t%s\r\n", date);
	return buf_failed(out) ? -1 : 0;
}

/* ---- reading ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word of a Received value; comments and blanks are passed over. False at the end and at the date's semicolon.
 */
static bool word_next(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	while (rest->n > 0 && (is_blank(rest->p[0]) || rest->p[0] == '(')) {
		n = rest->p[0] == '(' ? header_enclosed(*rest, ')') : 1;
		*rest = slice_skip(*rest, n);
	}
	n = 0;
	while (n < rest->n && !is_blank(rest->p[n]) && rest->p[n] != '(' && rest->p[n] != ';') {
		struct slice s = slice_skip(*rest, n);

		n += s.p[0] == '"' ? header_enclosed(s, '"') : s.p[0] == '<' ? header_enclosed(s, '>') : 1;
	}
	*word = slice_of(rest->p, n);
	*rest = slice_skip(*rest, n);
	return n > 0;
}

/* RFC 5321, 4.4: pairs of a keyword and its value. The first of each keyword counts. */
static bool read_clauses(struct slice value, struct slice *by, struct slice *id)
{
	struct slice key, word;
	bool have_by = false, have_id = false;

	while (!(have_by && have_id) && word_next(&value, &key) && word_next(&value, &word)) {
		if (!have_by && slice_eq_nocase(key, SLICE_LIT("by"))) {
			*by = word;
			have_by = true;
		} else if (!have_id && slice_eq_nocase(key, SLICE_LIT("id"))) {
			*id = word;
			have_id = true;
		}
	}
	return have_by && have_id;
}

bool received_ids_next(struct slice *rest, struct slice hostname, struct slice *id)
{
	struct header_field f;
	struct slice by;

	while (header_next(rest, &f))
		if (slice_eq_nocase(f.name, SLICE_LIT("Received")) && read_clauses(f.value, &by, id) &&
		    (hostname.n == 0 || slice_eq_nocase(by, hostname)))
			return true;
	return false;
}

bool received_id_find(struct slice block, struct slice hostname, struct slice id)
{
	struct slice found;

	while (received_ids_next(&block, hostname, &found))
		if (slice_eq(found, id))
			return true;
	return false;
}

static struct slice without_brackets(struct slice word)
{
	if (word.n >= 2 && word.p[0] == '<' && word.p[word.n - 1] == '>')
		return slice_of(word.p + 1, word.n - 2);
	return word;
}

/* Many write more clauses than RFC 5321 has, so that pairs are no guide; a host name has no at sign. */
struct slice received_for(struct slice value)
{
	struct slice word;
	bool next = false;

	while (word_next(&value, &word)) {
		if (next && slice_find(word, '@') < word.n)
			return without_brackets(word);
		next = slice_eq_nocase(word, SLICE_LIT("for"));
	}
	return SLICE_NONE;
}

/* A comment behind the date may hold a semicolon too; of what stands in front of it little is tried. */
time_t received_time(struct slice value)
{
	unsigned tries = 3;
	time_t t = -1;

	for (size_t i = value.n; i > 0 && t == -1 && tries > 0; i--)
		if (value.p[i - 1] == ';') {
			t = date_parse(slice_skip(value, i));
			tries--;
		}
	return t;
}

static bool same_address(struct slice value, const struct address *recipient)
{
	struct address a = { 0 };
	struct buf text;
	bool same;

	buf_init(&text, HEADER_MAX_BYTES);
	same = header_unfold(value, &text) == 0 && address_parse(buf_slice(&text), true, &a) == ADDRESS_OK &&
	       slice_eq_nocase(slice_str(a.local), slice_str(recipient->local)) &&
	       slice_eq_nocase(slice_str(a.domain), slice_str(recipient->domain));
	address_free(&a);
	buf_free(&text);
	return same;
}

bool received_delivered_to(const struct header *h, const struct address *recipient)
{
	const struct header_field *f;
	size_t at = 0;

	while ((f = header_find(h, SLICE_LIT("Delivered-To"), &at)) != NULL)
		if (same_address(f->value, recipient))
			return true;
	return false;
}

/* Did the delivery that wrote field AT of H, a Received field, go to RECIPIENT? */
static bool filed_for(const struct header *h, size_t at, const struct address *recipient)
{
	struct slice to = received_for(h->fields[at].value);

	if (to.n > 0 && same_address(to, recipient))
		return true;
	for (; at > 0 && slice_eq_nocase(h->fields[at - 1].name, SLICE_LIT("Delivered-To")); at--)
		if (same_address(h->fields[at - 1].value, recipient))
			return true;
	return false;
}

size_t received_before(const struct header *h, struct slice hostname, const struct address *recipient)
{
	struct slice by, id;
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (slice_eq_nocase(h->fields[i].name, SLICE_LIT("Received")) &&
		    read_clauses(h->fields[i].value, &by, &id) && slice_eq_nocase(by, hostname) && random_id_like(id) &&
		    filed_for(h, i, recipient))
			n++;
	return n;
}

enum received_loop received_loop(const struct header *h, const struct address *recipient)
{
	if (header_count(h, SLICE_LIT("Received")) > RECEIVED_HOPS_MAX)
		return RECEIVED_TOO_MANY_HOPS;
	return recipient != NULL && received_delivered_to(h, recipient) ? RECEIVED_DELIVERED_BEFORE : RECEIVED_NO_LOOP;
}
