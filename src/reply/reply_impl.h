/* Between the files of this folder. */
#ifndef MAILFERRY_REPLY_REPLY_IMPL_H
#define MAILFERRY_REPLY_REPLY_IMPL_H

#include "base/buf.h"
#include "msg/address.h"
#include "reply/reply.h"

#define REPLY_MARK "X-Mailferry-Redirected"

/* Pieces. TEXT is taken over (buf_take), if it is not empty. */
void reply_add_text(struct reply *r, struct buf *text);
void reply_add_range(struct reply *r, uint64_t at, uint64_t n);
void reply_add_content(struct reply *r, const struct plan_content *c, const struct message *whole);

/* Adds a recipient; *FOREIGN of R is set where it must be. 0, or -1 and E when there are too many. */
int reply_add_to(struct reply *r, const struct address *a, struct err *e);

/* Writes From: the frame's address. Sets R->from. WANTED (a mailbox-list, may be empty) takes its place where the frame
 * names none and it is valid; otherwise it becomes Reply-To. */
int reply_from(const struct reply_frame *f, struct slice wanted, struct buf *out, struct reply *r, struct err *e);

/* Date, Message-ID (also for the records), MIME-Version. */
void reply_common(const struct reply_frame *f, struct buf *out, struct reply *r);

/* A value of a field of the message, as SEEN has it where that knows another, decoded, as one line. From mem_alloc;
 * NULL when it has no such field. */
char *reply_field(const struct reply_frame *f, struct slice name, size_t max);

/* Writes Subject, and keeps it for the records. */
void reply_subject(struct buf *out, struct reply *r, struct slice subject);

/* PREFIX and the message's own subject. */
void reply_subject_of(const struct reply_frame *f, struct buf *out, struct reply *r, const char *prefix, const char *otherwise);

/* An address of an envelope, which the caller knows to be one. 0, or -1 and E. */
int reply_address(struct slice text, struct address *a, struct err *e);

/* The address for From and the like: the frame's FROM, or the recipient. */
int reply_own(const struct reply_frame *f, struct address *a, struct err *e);

/* When nothing failed: 0. Else -1 and E, and R is freed. */
int reply_finish(struct reply *r, struct buf *text, int failed, struct err *e);

#endif
