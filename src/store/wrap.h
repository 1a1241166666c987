/*
 * A message that a store refused for how it is written, as the attachment of a
 * short message that says so: multipart/mixed (RFC 2046, 5.1.3), the original
 * octet by octet in base64 as application/octet-stream (message/rfc822 may not
 * be encoded so, RFC 2046, 5.2.1). All of it is ASCII, with lines that no store
 * can mind. The original is read as it is needed.
 */
#ifndef MAILFERRY_STORE_WRAP_H
#define MAILFERRY_STORE_WRAP_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/slice.h"

enum { WRAP_FRONT_MAX = 64 * 1024 }; /* of the original that is looked at for its subject and so on */

struct wrap;

/* WHY: the store's words. FRONT: the first octets of the original, which has SIZE. ID: of the delivery, a word of ASCII
 * letters and digits. DATE stands in for one that is missing. */
struct wrap *wrap_new(const char *why, struct slice front, uint64_t size, const char *id, time_t date);
void wrap_free(struct wrap **w);

uint64_t wrap_size(const struct wrap *w); /* octets */

/* N octets of the original from AT on into P: all of them, or -1 and E. */
typedef int wrap_read_fn(void *arg, uint64_t at, char *p, size_t n, struct err *e);

/* Octets from AT on, at most SIZE, into P: how many (0 at the end), or -1 and E. */
ssize_t wrap_read(const struct wrap *w, uint64_t at, char *p, size_t size, wrap_read_fn *fn, void *arg, struct err *e);

#endif
