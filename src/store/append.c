#include "store/append.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/step.h"
#include "imap/dialog.h"

enum {
	CHUNK = 64 * 1024,
	LITERAL_MINUS_MAX = 4096,	  /* RFC 7888, 5 */
	WITHOUT_ASKING_MAX = 1024 * 1024, /* a larger message first asks whether it is wanted */
	SLOWEST_RATE = 16 * 1024,	  /* octets a second; what is slower counts as silence */
	BUFFERED_MAX = 1024 * 1024,	  /* octets that may wait in sockets while an answer is due */
	OUTSTANDING_BYTES_MAX = 16 * 1024 * 1024
};

void append_habits_clear(struct append_habits *h)
{
	for (size_t i = 0; i < h->naccepted; i++)
		free(h->accepted[i]);
	*h = (struct append_habits){ .naccepted = 0 };
}

static bool flags_accepted(const struct append_habits *h, const char *flags)
{
	if (flags[0] == '\0')
		return true;
	for (size_t i = 0; i < h->naccepted; i++) {
		if (strcmp(h->accepted[i], flags) == 0)
			return true;
	}
	return false;
}

static void accept_flags(struct append_habits *h, const char *flags)
{
	if (!flags_accepted(h, flags) && h->naccepted < APPEND_FLAG_SETS_MAX)
		h->accepted[h->naccepted++] = mem_strdup(flags);
}

/* Which jobs have no answer: from OLDEST up to (not with) NEXT. */
struct progress {
	size_t oldest, next;
	uint64_t bytes;
};

static void deadline(struct append *a, uint64_t bytes)
{
	if (bytes > BUFFERED_MAX)
		bytes = BUFFERED_MAX;
	dialog_deadline(a->session, a->timeout + (int64_t)(bytes / SLOWEST_RATE) * 1000);
}

static void answer(struct append *a, struct job *j, const struct imap_reply *r)
{
	enum verdict v = classify_append(r, j->body_begun);

	if (v == VERDICT_DONE) {
		step("store: answered OK, not settled");
		accept_flags(a->habits, j->flags);
		a->habits->done++;
	} else {
		a->habits->refused++;
	}
	a->answered(a->arg, j, v, r);
}

/* The reply to the oldest: 1 when there was one, 0 when none has come (WAIT false), -1. */
static int take_reply(struct append *a, struct progress *p, bool wait, struct err *e)
{
	struct job *j = a->jobs[p->oldest];
	struct imap_reply r;
	int ret;

	if (wait) {
		deadline(a, p->bytes);
		if (dialog_flush(a->session, e) != 0) {
			/* Replies that came before the end still count. */
			if (dialog_reply(a->session, j->tag, false, &r, NULL) != 1)
				return -1;
			ret = 1;
		} else {
			ret = dialog_reply(a->session, j->tag, true, &r, e);
		}
	} else {
		ret = dialog_reply(a->session, j->tag, false, &r, e);
	}
	if (ret != 1)
		return ret;
	p->oldest++;
	p->bytes -= j->size;
	/* Whatever it means by that, the message is not in its hands. */
	if (r.status == IMAP_OK && !j->body_ended)
		return err_set(e, ERR_PROTOCOL, 0, "the store says that it has a message which was not sent to it yet");
	answer(a, j, &r);
	if (r.status == IMAP_BAD)
		return err_set(e, ERR_PROTOCOL, 0, "the store did not understand an APPEND: %s", r.text);
	return 1;
}

static int drain(struct append *a, struct progress *p, struct err *e)
{
	while (p->oldest < p->next) {
		if (take_reply(a, p, true, e) != 1)
			return -1;
	}
	return 0;
}

/* Takes what has come, without waiting. */
static int listen(struct append *a, struct progress *p, size_t end, struct err *e)
{
	int ret = 1;

	while (ret == 1 && p->oldest < end)
		ret = take_reply(a, p, false, e);
	return ret < 0 ? -1 : 0;
}

static bool may_stream(const struct append *a, const struct job *j)
{
	unsigned can = imap_can(a->session);

	if (!flags_accepted(a->habits, j->flags) || j->size > WITHOUT_ASKING_MAX)
		return false;
	return (can & IMAP_CAN_LITERAL_PLUS) != 0 ||
	       ((can & IMAP_CAN_LITERAL_MINUS) != 0 && j->size <= LITERAL_MINUS_MAX);
}

/* tag APPEND mailbox [(flags)] "date" {n} */
static int send_head(struct append *a, struct job *j, bool stream, struct err *e)
{
	char date[CLOCK_IMAP_SIZE];

	clock_imap((time_t)(j->work->internal_ms / 1000), date);
	j->tag = dialog_tag(a->session);
	if (dialog_putf(a->session, e, "%lu APPEND ", (unsigned long)j->tag) != 0 ||
	    dialog_put_quoted(a->session, j->mailbox, e) != 0)
		return -1;
	if (j->flags[0] != '\0' && dialog_putf(a->session, e, " (%s)", j->flags) != 0)
		return -1;
	return dialog_putf(a->session, e, " \"%s\" {%llu%s}\r\n", date, (unsigned long long)j->size, stream ? "+" : "");
}

/* An answer in the middle of a message: the rest would be read as commands. A NO may still say why. */
static int early_answer(struct append *a, struct progress *p, struct job *j, struct err *e)
{
	struct imap_reply r;
	int ret = dialog_reply(a->session, j->tag, false, &r, e);

	if (ret != 1)
		return ret;
	p->oldest++;
	p->bytes -= j->size;
	if (r.status == IMAP_NO)
		answer(a, j, &r);
	return err_set(e, ERR_PROTOCOL, 0, "the store answered before it had the whole message: %s", r.text);
}

static int send_body(struct append *a, struct progress *p, struct job *j, struct err *e)
{
	char chunk[CHUNK];
	uint64_t at = 0;

	j->state = JOB_SENT;
	j->body_begun = true;
	while (at < j->size) {
		ssize_t n = job_read(j, at, chunk, sizeof chunk, e);

		/* A spool that fails here leaves half a literal behind, which only the end of the connection takes
		 * back. */
		deadline(a, p->bytes);
		if (n <= 0 || dialog_put(a->session, slice_of(chunk, (size_t)n), e) != 0)
			return -1;
		if (at == 0)
			step("store: first bytes of a message written");
		at += (uint64_t)n;
		if (listen(a, p, p->next - 1, e) != 0)
			return -1;
		if (p->oldest == p->next - 1 && at < j->size && early_answer(a, p, j, e) < 0)
			return -1;
	}
	if (dialog_put(a->session, SLICE_LIT("\r\n"), e) != 0)
		return -1;
	j->body_ended = true;
	return 0;
}

static int send_one(struct append *a, struct progress *p, struct job *j, struct err *e)
{
	bool stream = may_stream(a, j);
	int ret;

	/* With all else answered, the continuation request can only be for this one. */
	if (!stream && drain(a, p, e) != 0)
		return -1;
	deadline(a, p->bytes + j->size);
	j->body_begun = j->body_ended = false;
	if (send_head(a, j, stream, e) != 0)
		return -1;
	p->next++;
	p->bytes += j->size;
	if (!stream) {
		ret = dialog_await_continue(a->session, e);
		if (ret < 0)
			return -1;
		if (ret == 0) {
			dialog_forget_continue(a->session);
			return take_reply(a, p, true, e) == 1 ? 0 : -1;
		}
	}
	ret = send_body(a, p, j, e);
	if (ret == 0)
		step("store: last byte of a message written");
	return ret;
}

int append_run(struct append *a, struct err *e)
{
	struct progress p = { 0, 0, 0 };
	struct err after;
	int ret = 0;

	while (ret == 0 && p.next < a->n) {
		struct job *j = a->jobs[p.next];

		while (ret == 0 && p.oldest < p.next &&
		       (p.next - p.oldest >= a->window || p.bytes + j->size > OUTSTANDING_BYTES_MAX))
			ret = take_reply(a, &p, true, e) == 1 ? 0 : -1;
		if (ret == 0)
			ret = a->load(a->arg, j, e);
		if (ret == 1) {
			memmove(a->jobs + p.next, a->jobs + p.next + 1, (--a->n - p.next) * sizeof *a->jobs);
			ret = 0;
			continue;
		}
		if (ret == 0)
			ret = send_one(a, &p, j, e);
		job_unload(j);
		if (ret == 0)
			ret = listen(a, &p, p.next, e);
	}
	if (ret == 0)
		ret = drain(a, &p, e);
	/* Whatever was answered before the connection broke counts; behind a BAD or garbage nothing does. */
	if (ret != 0 && e->class == ERR_TEMP)
		(void)listen(a, &p, p.next, &after);
	return ret;
}
