/*
 * One POST of a form over a connection that is there already (HTTP/1.1, RFC 9112),
 * and its reply: bounded head, bounded body, one absolute deadline; no redirect
 * is followed, no cookie kept, no second request sent.
 */
#ifndef MAILFERRY_OAUTH_HTTP_H
#define MAILFERRY_OAUTH_HTTP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "config/url.h"
#include "net/tls.h"

enum { HTTP_HEAD_MAX = 32 * 1024, HTTP_BODY_MAX = 256 * 1024, HTTP_RETRY_MAX_MS = 24 * 3600 * 1000 };

struct http_reply {
	int status;	     /* 100…599 */
	int64_t retry_after; /* milliseconds from now (RFC 9110, 10.2.3), HTTP_RETRY_MAX_MS at most; 0: not said */
	struct buf body;     /* may hold a secret: http_reply_free wipes it */
};

void http_reply_init(struct http_reply *r);
void http_reply_free(struct http_reply *r);

/* Takes FD and closes it. TLS may be NULL only for an http URL. 0 when a whole reply came, whatever its status; or -1:
 * ERR_TEMP (network, deadline), ERR_CONFIG (certificate), ERR_PROTOCOL (no reply that HTTP knows). BY is clock_mono_ms.
 */
int http_post(int fd, const struct url *url, struct tls_client *tls, struct slice form, int64_t by,
	      struct http_reply *out, struct err *e);

/* ---- http_parse.c: the reply's parser, which can be re-entered at any byte ---- */
struct http_parser;
struct http_parser *http_parser_new(struct http_reply *out); /* OUT must outlive it */
void http_parser_free(struct http_parser **p);

/* 1: the reply is whole (bytes behind it are ignored); 0: more; -1 and E (ERR_PROTOCOL, ERR_LIMIT). EOF: no more will
 * come: 1 or -1 then. */
int http_parser_feed(struct http_parser *p, struct slice bytes, bool eof, struct err *e);

/* ---- form.c: application/x-www-form-urlencoded ---- */
/* Appends "&NAME=VALUE" ("NAME=VALUE" at the start), each octet but the unreserved ones as %XX. */
void form_add(struct buf *form, const char *name, const char *value);
/* The value of NAME in QUERY ("a=1&b=2"), decoded, from mem_alloc; NULL when it is not there or malformed. */
char *form_get(struct slice query, const char *name);

#endif
