#include "config/peer.h"

#include <stdio.h>
#include <string.h>

#include "config/value.h"

static int wrong(char *hint, const char *why)
{
	(void)snprintf(hint, VALUE_HINT_SIZE, "%s", why);
	return -1;
}

static int path_parse(struct slice text, struct config_peer *out, char *hint)
{
	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL)
		return wrong(hint, "the path of the socket is missing");
	if (text.n > CONFIG_PEER_PATH_MAX)
		return wrong(hint, "the path is too long for a socket, which takes 107 octets");
	out->path = text;
	return 0;
}

/* HOST may stand in brackets. */
static int host_parse(struct slice host, struct config_peer *out, char *hint)
{
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	else if (slice_find(host, ':') < host.n)
		return wrong(hint, "an IPv6 address stands in brackets: \"inet:[2001:db8::1]:11332\"");
	if (host.n == 0 || host.n >= CONFIG_PEER_HOST_SIZE || value_host(host, hint) != 0)
		return hint[0] != '\0' ? -1 : wrong(hint, "the host is missing");
	memcpy(out->host, host.p, host.n);
	return 0;
}

static int inet_parse(struct slice text, struct config_peer *out, char *hint)
{
	size_t at = slice_find(text, '@'), colon = text.n;
	struct slice host, port;
	uint64_t number;

	if (at < text.n) {
		port = slice_of(text.p, at);
		host = slice_skip(text, at + 1);
	} else {
		while (colon > 0 && text.p[colon - 1] != ':')
			colon--;
		if (colon == 0)
			return wrong(hint, "write host and port: \"inet:127.0.0.1:11332\"");
		host = slice_of(text.p, colon - 1);
		port = slice_skip(text, colon);
	}
	if (slice_number(port, UINT16_MAX, &number) != 0 || number == 0)
		return wrong(hint, "the port must be a number from 1 to 65535");
	out->port = (uint16_t)number;
	return host_parse(host, out, hint);
}

int config_peer_parse(struct slice text, struct config_peer *out, char *hint)
{
	static const struct {
		struct slice scheme;
		int (*parse)(struct slice text, struct config_peer *out, char *hint);
	} schemes[] = {
		{ { "inet:", 5 }, inet_parse },
		{ { "inet6:", 6 }, inet_parse },
		{ { "unix:", 5 }, path_parse },
		{ { "local:", 6 }, path_parse },
	};

	*out = (struct config_peer){ 0 };
	hint[0] = '\0';
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (slice_starts_nocase(text, schemes[i].scheme))
			return schemes[i].parse(slice_skip(text, schemes[i].scheme.n), out, hint);
	return wrong(hint, "begin with inet: or unix:");
}
