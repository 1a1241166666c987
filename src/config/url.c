#include "config/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

static bool is_local(const char *host)
{
	unsigned char bytes[4];

	/* "127.example.net" is a name like any other. */
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (inet_pton(AF_INET, host, bytes) == 1 && bytes[0] == 127);
}

/* Takes "//HOST[:PORT]" off REST. */
static int authority_take(struct slice *rest, struct url *out, char *hint)
{
	size_t n = 0, host;
	struct slice text, port = SLICE_NONE;
	uint64_t number;

	while (n < rest->n && rest->p[n] != '/' && rest->p[n] != '?')
		n++;
	text = slice_of(rest->p, n);
	*rest = slice_of(rest->p + n, rest->n - n);
	if (slice_find(text, '@') < text.n) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "no user stands in it");
		return -1;
	}
	if (text.n > 0 && text.p[0] == '[') {
		host = slice_find(text, ']');
		if (host == text.n)
			return -1;
		if (host + 1 < text.n)
			port = slice_of(text.p + host + 1, text.n - host - 1);
		text = slice_of(text.p + 1, host - 1);
	} else {
		host = slice_find(text, ':');
		port = slice_of(text.p + host, text.n - host);
		text.n = host;
	}
	if (port.n > 0) {
		if (port.p[0] != ':' || slice_number(slice_of(port.p + 1, port.n - 1), UINT16_MAX, &number) != 0 ||
		    number == 0) {
			(void)snprintf(hint, VALUE_HINT_SIZE, "the port behind the host is a number up to 65535");
			return -1;
		}
		out->port = (uint16_t)number;
	}
	if (text.n >= sizeof out->host || value_host(text, hint) != 0)
		return -1;
	memset(out->host, 0, sizeof out->host);
	memcpy(out->host, text.p, text.n);
	return 0;
}

int url_parse(const char *text, struct url *out, char *hint)
{
	static const struct slice https = SLICE_LIT("https://"), http = SLICE_LIT("http://");
	struct slice rest = slice_str(text);

	hint[0] = '\0';
	*out = (struct url){ .port = 443, .tls = true };
	if (rest.n > URL_MAX)
		return -1;
	for (size_t i = 0; i < rest.n; i++) {
		/* It goes into a request line: nothing may end that. */
		if (rest.p[i] <= ' ' || rest.p[i] >= 0x7f || strchr("\"<>\\^`#", rest.p[i]) != NULL) {
			(void)snprintf(hint, VALUE_HINT_SIZE, "octet %zu can't stand in a URL here", i + 1);
			return -1;
		}
	}
	if (slice_starts_nocase(rest, https)) {
		rest = slice_skip(rest, https.n);
	} else if (slice_starts_nocase(rest, http)) {
		rest = slice_skip(rest, http.n);
		out->tls = false;
		out->port = 80;
	} else {
		(void)snprintf(hint, VALUE_HINT_SIZE, "it begins with https://");
		return -1;
	}
	if (authority_take(&rest, out, hint) != 0)
		return -1;
	if (!out->tls && !is_local(out->host)) {
		(void)snprintf(hint, VALUE_HINT_SIZE, "http:// is for this machine only: secrets would go unencrypted");
		return -1;
	}
	if (rest.n > 0 && rest.p[0] != '/') {
		(void)snprintf(hint, VALUE_HINT_SIZE, "a path stands between host and `?'");
		return -1;
	}
	out->path = rest.n == 0 ? SLICE_LIT("/") : rest;
	return 0;
}
