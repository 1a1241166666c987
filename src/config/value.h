/*
 * Values that stand in the file as text. Readers return 0, or -1 and may fill
 * HINT (VALUE_HINT_SIZE octets, "" when there is nothing to add).
 */
#ifndef MAILFERRY_CONFIG_VALUE_H
#define MAILFERRY_CONFIG_VALUE_H

#include "base/buf.h"
#include "base/slice.h"
#include "config/config.h"

enum { VALUE_HINT_SIZE = 160 };

/* "50M": octets. Units B, K, M, G, T (powers of 1024) in either case. */
int value_size(struct slice text, int64_t *out, char *hint);

/* "10m": milliseconds. Units ms, s, m, h, d, w. */
int value_duration(struct slice text, int64_t *out, char *hint);

/* The shortest text that the readers above take for N. */
void value_size_print(int64_t n, struct buf *out);
void value_duration_print(int64_t ms, struct buf *out);

/* A host name (RFC 1123, 2.1; ASCII) or an IP address. */
int value_host(struct slice text, char *hint);

/* The first name with a domain in the line of TEXT that has NAME, as in hosts(5); free() it. NULL: none. */
char *value_full_name(struct slice text, const char *name);

/* "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path". */
int value_listener(struct slice text, char *hint);

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1". */
int value_network(struct slice text, struct config_network *out, char *hint);
void value_network_print(const struct config_network *n, struct buf *out);

#endif
