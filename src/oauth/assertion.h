/*
 * Signed JWTs (RFC 7515, 7519, 7523): as proof who the client is, made with its
 * certificate, and as a Google service account's request for a user's mailbox.
 */
#ifndef MAILFERRY_OAUTH_ASSERTION_H
#define MAILFERRY_OAUTH_ASSERTION_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { ASSERTION_MS = 5 * 60 * 1000 }; /* how long one is valid */

/* Appends a client assertion: PS256, header x5t#S256 (Microsoft asks for both), iss and sub CLIENT_ID, aud AUDIENCE.
 * CERTIFICATE and KEY are PEM texts of an RSA pair. -1 with ERR_CONFIG. */
int assertion_client(const char *certificate, const char *key, const char *client_id, const char *audience,
		     int64_t now_ms, struct buf *out, struct err *e);

/* Appends the request of a service account: RS256, iss client_email of the JSON key file SERVICE_ACCOUNT, sub USER. */
int assertion_service(const char *service_account, const char *user, const char *scope, const char *audience,
		      int64_t now_ms, struct buf *out, struct err *e);

/* Can they be used, and do they belong together? When the certificate expires (wall clock) goes to *EXPIRES. */
int assertion_check(const char *certificate, const char *key, int64_t now_ms, int64_t *expires, struct err *e);
int assertion_service_check(const char *service_account, struct err *e);

int base64url_encode(struct slice in, struct buf *out); /* RFC 4648, 5, without padding */

#endif
