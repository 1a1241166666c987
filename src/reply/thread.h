/* How an answer refers to what it answers (RFC 5322, 3.6.4). */
#ifndef MAILFERRY_REPLY_THREAD_H
#define MAILFERRY_REPLY_THREAD_H

#include "base/buf.h"
#include "msg/header.h"

enum { THREAD_IDS_MAX = 100 }; /* of References: the first, and the last ones */

/* Appends In-Reply-To (if IN_REPLY) and References as an answer to a message with H has them; nothing where it has no
 * Message-ID. */
void thread_fields(struct buf *out, const struct header *h, bool in_reply);

/* The Message-ID of H with its brackets, a view; SLICE_NONE where it has none. */
struct slice thread_id(const struct header *h);

#endif
