/* URLs of endpoints: https://HOST[:PORT]/PATH[?QUERY]; http only to this machine itself (127.0.0.0/8, ::1, localhost).
 */
#ifndef MAILFERRY_CONFIG_URL_H
#define MAILFERRY_CONFIG_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { URL_MAX = 1000, URL_HOST_SIZE = 256 };

struct url {
	bool tls;
	char host[URL_HOST_SIZE]; /* without the brackets of an IPv6 address */
	uint16_t port;
	struct slice path; /* "/tenant/oauth2/v2.0/token", with the query; "/" at least; points into the text */
};

/* 0, or -1 with HINT (VALUE_HINT_SIZE octets of config/value.h): what is wrong with it. No user, no fragment. */
int url_parse(const char *text, struct url *out, char *hint);

#endif
