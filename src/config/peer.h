/* Where a milter listens: "inet:HOST:PORT", "inet:[ADDRESS]:PORT", "unix:/path". Postfix's spelling "inet6:" and
 * Sendmail's "local:" and "inet:PORT@HOST" are taken too. */
#ifndef MAILFERRY_CONFIG_PEER_H
#define MAILFERRY_CONFIG_PEER_H

#include <stdint.h>

#include "base/slice.h"

enum { CONFIG_PEER_HOST_SIZE = 256, CONFIG_PEER_PATH_MAX = 107 };

struct config_peer {
	char host[CONFIG_PEER_HOST_SIZE]; /* a name, or an IP address without brackets; "" for a UNIX socket */
	uint16_t port;
	struct slice path; /* of a UNIX socket; points into the text */
};

/* 0, or -1 with HINT (VALUE_HINT_SIZE octets of config/value.h): what is wrong with it. */
int config_peer_parse(struct slice text, struct config_peer *out, char *hint);

#endif
