/* Inside imap/ and for the APPEND path of store/: commands written by hand, replies read through libetpan. */
#ifndef MAILFERRY_IMAP_DIALOG_H
#define MAILFERRY_IMAP_DIALOG_H

#include <sys/types.h>

#include "imap/session.h"

struct mailimap_response_info;
struct mailimap_selection_info;

enum {
	DIALOG_LITERAL_MAX = 256 * 1024, /* in answers that may hold literals */
	DIALOG_TOTAL_MAX = 8 * 1024 * 1024
};

/* Writes bytes; they may wait in a buffer until dialog_flush. */
int dialog_put(struct imap *s, struct slice bytes, struct err *e);
int dialog_putf(struct imap *s, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int dialog_flush(struct imap *s, struct err *e);

/* The same text into OUT. 0, or -1 when OUT is full. */
int dialog_quote(struct buf *out, const char *text);

/* "\"…\"", with what must be quoted quoted. TEXT holds no CR, LF or NUL, and no 8-bit byte unless UTF-8 was agreed. */
int dialog_put_quoted(struct imap *s, const char *text, struct err *e);

/* A folder's name (modified UTF-7) as this session writes it, quoted. The first as dialog_quote. */
int dialog_quote_mailbox(const struct imap *s, struct buf *out, const char *mailbox);
int dialog_put_mailbox(struct imap *s, const char *mailbox, struct err *e);

/* The tag for the next command. Tags begin at a random number, so that no message can hold one (see store/append.h). */
uint32_t dialog_tag(struct imap *s);

/* Everything until the next call must be done in MS milliseconds. */
void dialog_deadline(struct imap *s, int64_t ms);

/* Waits for the continuation request of the command TAG, everything written: 1 when it came, 0 when a tagged reply came
 * first, -1. */
int dialog_await_continue(struct imap *s, struct err *e);

void dialog_forget_continue(struct imap *s); /* the command was answered instead */

/* ---- for a session whose data the caller reads itself, as it arrives ---- */

/* From now on; see imap/filter.h. What libetpan gathers is not to be asked for any more. SINK is copied. */
void dialog_divert(struct imap *s, const struct filter_sink *sink);

/* As dialog_deadline, with what may come until the next call: LITERAL octets in one literal, TOTAL in all. */
void dialog_allow(struct imap *s, int64_t ms, uint64_t literal, uint64_t total);

/* Only the deadline: MONO_MS (clock_mono_ms). */
void dialog_until(struct imap *s, int64_t mono_ms);

/* Everything written; waits until something came (1), until MONO_MS or a wake (0), or -1. The deadline may be far. */
int dialog_wait_until(struct imap *s, int64_t mono_ms, struct err *e);

/* ---- for several sessions at once: nothing here waits, but for dialog_wait_any ---- */

/* Writes from the front of BYTES what the connection takes now: octets, or -1. Nothing may wait in dialog_put's buffer. */
ssize_t dialog_write_some(struct imap *s, struct slice bytes, struct err *e);

/* A command with a synchronising literal is about to be written: one continuation request is to come. */
void dialog_expect_continue(struct imap *s);
/* Has it come? 1, 0, or -1. A tagged reply may have come instead: ask dialog_reply. */
int dialog_continued(struct imap *s, struct err *e);

struct dialog_watch {
	struct imap *session;
	bool write; /* dialog_write_some took nothing */
};
/* Until one of N (at most STREAM_WATCH_MAX) can go on, or a deadline passes (its session fails then). */
void dialog_wait_any(const struct dialog_watch *w, size_t n);

/* The reply to the oldest outstanding command TAG: 1 and R, or 0 when WAIT is false and it has not come whole, or -1:
 * also for any other tag (then the server answers out of order, or a forged line came). */
int dialog_reply(struct imap *s, uint32_t tag, bool wait, struct imap_reply *r, struct err *e);

/* One whole command line (without tag and line end) and its reply. */
int dialog_run(struct imap *s, struct imap_reply *r, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int dialog_finish(struct imap *s, uint32_t tag, struct imap_reply *r, struct err *e); /* behind the arguments */

/* What libetpan gathered from the untagged data of the last reply; valid until the next. */
struct mailimap_response_info *dialog_info(struct imap *s);
struct mailimap_selection_info *dialog_selection(struct imap *s, bool fresh);

/* What the filter kept of it, for untagged_next; the same. *CUT (may be NULL): there was more. */
struct slice dialog_kept(const struct imap *s, bool *cut);

/* A command is about to be sent whose answer may be as large as that. */
void dialog_expect(struct imap *s, uint64_t octets);

#endif
