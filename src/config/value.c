#include "config/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

struct unit {
	const char *name;
	int64_t times;
};

/* From small to large: the printers take the largest that divides. */
static const struct unit sizes[] = { { "B", 1 },
				     { "K", 1024 },
				     { "M", (int64_t)1024 * 1024 },
				     { "G", (int64_t)1024 * 1024 * 1024 },
				     { "T", (int64_t)1024 * 1024 * 1024 * 1024 } };
static const struct unit times[] = { { "ms", 1 },      { "s", 1000 },	  { "m", 60000 },
				     { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 } };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int unit_read(struct slice text, const struct unit *units, size_t n, int64_t *out)
{
	size_t digits = 0;
	uint64_t number;
	struct slice name;

	while (digits < text.n && ascii_is_digit(text.p[digits]))
		digits++;
	name = slice_of(text.p + digits, text.n - digits);
	while (name.n > 0 && name.p[0] == ' ')
		name = slice_of(name.p + 1, name.n - 1);
	for (size_t i = 0; i < n; i++) {
		if (!slice_eq_nocase(name, slice_str(units[i].name)))
			continue;
		if (slice_number(slice_of(text.p, digits), (uint64_t)(INT64_MAX / units[i].times), &number) != 0)
			return -1;
		*out = (int64_t)number * units[i].times;
		return 0;
	}
	return -1;
}

static bool all_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_is_digit(s.p[i]))
			return false;
	}
	return s.n > 0;
}

int value_size(struct slice text, int64_t *out, char *hint)
{
	hint[0] = '\0';
	if (unit_read(text, sizes, COUNT(sizes), out) == 0)
		return 0;
	if (all_digits(text))
		(void)snprintf(hint, VALUE_HINT_SIZE, "add a unit: B, K, M, G or T");
	else
		(void)snprintf(hint, VALUE_HINT_SIZE, "write a whole number and a unit: B, K, M, G or T");
	return -1;
}

int value_duration(struct slice text, int64_t *out, char *hint)
{
	hint[0] = '\0';
	if (unit_read(text, times, COUNT(times), out) == 0)
		return 0;
	if (all_digits(text))
		(void)snprintf(hint, VALUE_HINT_SIZE, "add a unit: ms, s, m, h, d or w");
	else
		(void)snprintf(hint, VALUE_HINT_SIZE, "write a whole number and a unit: ms, s, m, h, d or w");
	return -1;
}

static void unit_print(int64_t v, const struct unit *units, size_t n, struct buf *out)
{
	size_t i = n - 1;

	while (i > 0 && (v == 0 || v % units[i].times != 0))
		i--;
	(void)buf_addf(out, "%lld%s", (long long)(v / units[i].times), units[i].name);
}

void value_size_print(int64_t n, struct buf *out)
{
	unit_print(n, sizes, COUNT(sizes), out);
}

void value_duration_print(int64_t ms, struct buf *out)
{
	unit_print(ms, times, COUNT(times), out);
}

/* Copies TEXT to OUT of N octets with a NUL; -1 when it does not fit. */
static int text_copy(struct slice text, char *out, size_t n)
{
	if (text.n >= n || memchr(text.p == NULL ? "" : text.p, '\0', text.n) != NULL)
		return -1;
	if (text.n > 0)
		memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return 0;
}

int value_host(struct slice text, char *hint)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	size_t label = 0;

	hint[0] = '\0';
	if (slice_find(text, ':') < text.n) {
		if (text_copy(text, copy, sizeof(copy)) == 0 && inet_pton(AF_INET6, copy, bytes) == 1)
			return 0;
		(void)snprintf(hint, VALUE_HINT_SIZE, "write only the host; the port is a key of its own");
		return -1;
	}
	if (text.n == 0 || text.n > 253)
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' || label == 63) {
			if (c != '.' || label == 0 || text.p[i - 1] == '-')
				return -1;
			label = 0;
			continue;
		}
		if ((unsigned char)c >= 0x80)
			(void)snprintf(hint, VALUE_HINT_SIZE, "write the name in its ASCII form, xn--…");
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && (c != '-' || label == 0) && c != '_')
			return -1;
		label++;
	}
	return label == 0 || text.p[text.n - 1] == '-' ? -1 : 0;
}

/* Takes the next word of *REST; empty at its end. */
static struct slice word_take(struct slice *rest)
{
	struct slice word;
	size_t from = 0, to;

	while (from < rest->n && memchr(" \t\r", rest->p[from], 3) != NULL)
		from++;
	for (to = from; to < rest->n && memchr(" \t\r", rest->p[to], 3) == NULL;)
		to++;
	word = slice_of(rest->p + from, to - from);
	*rest = slice_of(rest->p + to, rest->n - to);
	return word;
}

char *value_full_name(struct slice text, const char *name)
{
	while (text.n > 0) {
		size_t n = slice_find(text, '\n');
		struct slice line = slice_of(text.p, n), whole = SLICE_NONE, word;

		text = n == text.n ? SLICE_NONE : slice_of(text.p + n + 1, text.n - n - 1);
		line.n = slice_find(line, '#');
		(void)word_take(&line); /* the address */
		while ((word = word_take(&line)).n > 0) {
			if (whole.n == 0 && slice_find(word, '.') < word.n)
				whole = word;
			if (whole.n > 0 && slice_eq_nocase(word, slice_str(name)))
				return slice_dup(whole);
		}
	}
	return NULL;
}

static int unix_read(struct slice path, char *hint)
{
	struct sockaddr_un un;

	if (path.n == 0) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "write the path behind `unix:'");
		return -1;
	}
	if (path.n >= sizeof(un.sun_path)) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "the path of a socket may have %zu octets at most",
			       sizeof(un.sun_path) - 1);
		return -1;
	}
	return 0;
}

int value_listener(struct slice text, char *hint)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	struct slice host = text, port;
	uint64_t number;
	size_t colon;

	hint[0] = '\0';
	if (slice_starts_nocase(text, SLICE_LIT("unix:")))
		return unix_read(slice_of(text.p + 5, text.n - 5), hint);
	for (colon = text.n; colon > 0 && text.p[colon - 1] != ':'; colon--)
		;
	if (colon <= 1) {
		(void)snprintf(hint, VALUE_HINT_SIZE,
			       "write address and port: \"0.0.0.0:25\" for all of IPv4, \"[::]:25\" for all of IPv6");
		return -1;
	}
	host = slice_of(text.p, colon - 1);
	port = slice_of(text.p + colon, text.n - colon);
	if (slice_number(port, UINT16_MAX, &number) != 0) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "the port behind the last colon must be a number up to 65535");
		return -1;
	}
	if (host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = slice_of(host.p + 1, host.n - 2);
		return text_copy(host, copy, sizeof(copy)) == 0 && inet_pton(AF_INET6, copy, bytes) == 1 ? 0 : -1;
	}
	if (text_copy(host, copy, sizeof(copy)) == 0 && inet_pton(AF_INET, copy, bytes) == 1)
		return 0;
	if (slice_find(host, ':') < host.n)
		(void)snprintf(hint, VALUE_HINT_SIZE, "an IPv6 address stands in brackets: \"[2001:db8::1]:25\"");
	else
		(void)snprintf(
		    hint, VALUE_HINT_SIZE,
		    "write an IP address, not a name: \"0.0.0.0:25\" for all of IPv4, \"[::]:25\" for all of IPv6");
	return -1;
}

/* Clears the bits behind the prefix; true when one of them was set. */
static bool bits_clear(struct config_network *n)
{
	unsigned all = n->ipv6 ? 128 : 32;
	bool any = false;

	for (unsigned i = n->bits; i < all; i++) {
		unsigned char bit = (unsigned char)(0x80 >> (i % 8));

		any = any || (n->bytes[i / 8] & bit) != 0;
		n->bytes[i / 8] = (unsigned char)(n->bytes[i / 8] & ~bit);
	}
	return any;
}

/* What is written as ::ffff:192.0.2.0/120 is 192.0.2.0/24 (RFC 4291, 2.5.5.2). */
static void unmap(struct config_network *n)
{
	struct in6_addr six;

	memcpy(&six, n->bytes, sizeof six);
	if (!n->ipv6 || n->bits < 96 || !IN6_IS_ADDR_V4MAPPED(&six))
		return;
	*n = (struct config_network){ .bits = n->bits - 96 };
	memcpy(n->bytes, &six.s6_addr[12], 4);
}

int value_network(struct slice text, struct config_network *out, char *hint)
{
	char copy[INET6_ADDRSTRLEN];
	size_t slash = slice_find(text, '/');
	struct slice host = slice_of(text.p, slash);
	uint64_t bits;
	struct buf good;

	hint[0] = '\0';
	*out = (struct config_network){ .ipv6 = slice_find(host, ':') < host.n };
	bits = out->ipv6 ? 128 : 32;
	if (text_copy(host, copy, sizeof(copy)) != 0 ||
	    inet_pton(out->ipv6 ? AF_INET6 : AF_INET, copy, out->bytes) != 1)
		return -1;
	if (slash < text.n && slice_number(slice_of(text.p + slash + 1, text.n - slash - 1), bits, &bits) != 0) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "the prefix behind `/' is a number up to %d",
			       out->ipv6 ? 128 : 32);
		return -1;
	}
	out->bits = (unsigned)bits;
	unmap(out);
	if (!bits_clear(out))
		return 0;
	buf_init(&good, 100);
	value_network_print(out, &good);
	(void)snprintf(hint, VALUE_HINT_SIZE, "the address has bits behind the prefix; write \"%s\" for the network",
		       buf_str(&good));
	buf_free(&good);
	return -1;
}

void value_network_print(const struct config_network *n, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	if (n->local)
		(void)buf_add_str(out, "unix");
	else if (inet_ntop(n->ipv6 ? AF_INET6 : AF_INET, n->bytes, text, sizeof(text)) != NULL)
		(void)buf_addf(out, "%s/%u", text, n->bits);
}
