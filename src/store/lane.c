#include "store/lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/step.h"
#include "imap/dialog.h"

enum {
	CHUNK = 64 * 1024,
	OUT_MAX = CHUNK * 4,
	LITERAL_MINUS_MAX = 4096,	      /* RFC 7888, 5 */
	WITHOUT_ASKING_MAX = 8 * 1024 * 1024, /* a larger message first asks whether it is wanted */
	SLOWEST_RATE = 16 * 1024,	      /* octets a second; what is slower counts as silence */
	BUFFERED_MAX = 1024 * 1024	      /* octets that may wait in sockets while an answer is due */
};

/* ---- life ---- */

void lane_open(struct lane *l, struct imap *session, int64_t since)
{
	*l = (struct lane){ .session = session, .since = since };
	buf_init(&l->out, OUT_MAX);
}

static void release(struct lane *l)
{
	for (size_t i = 0; i < l->naccepted; i++)
		free(l->accepted[i]);
	free(l->jobs);
	free(l->commands);
	buf_free(&l->out);
	*l = (struct lane){ .session = NULL };
}

void lane_close(struct lane *l)
{
	imap_close(&l->session);
	release(l);
}

void lane_abort(struct lane *l)
{
	imap_abort(&l->session);
	release(l);
}

void lane_start(struct lane *l, const struct lane_user *u)
{
	l->user = u;
	l->blocked = false;
}

bool lane_busy(const struct lane *l)
{
	return l->ncommands > 0;
}

/* ---- what may go how ---- */

static bool flags_accepted(const struct lane *l, const char *flags)
{
	if (flags[0] == '\0')
		return true;
	for (size_t i = 0; i < l->naccepted; i++) {
		if (strcmp(l->accepted[i], flags) == 0)
			return true;
	}
	return false;
}

static void accept_flags(struct lane *l, const char *flags)
{
	if (!flags_accepted(l, flags) && l->naccepted < LANE_FLAG_SETS_MAX)
		l->accepted[l->naccepted++] = mem_strdup(flags);
}

bool lane_may_stream(const struct lane *l, const struct job *j)
{
	unsigned can = imap_can(l->session);

	if (!flags_accepted(l, j->flags) || j->size > WITHOUT_ASKING_MAX)
		return false;
	return (can & IMAP_CAN_LITERAL_PLUS) != 0 ||
	       ((can & IMAP_CAN_LITERAL_MINUS) != 0 && j->size <= LITERAL_MINUS_MAX);
}

bool lane_may_batch(const struct lane *l, const struct job *j)
{
	return (imap_can(l->session) & IMAP_CAN_MULTIAPPEND) != 0 && lane_may_stream(l, j);
}

const char *lane_path(const struct lane *l)
{
	unsigned can = imap_can(l->session);

	if ((can & (IMAP_CAN_LITERAL_PLUS | IMAP_CAN_LITERAL_MINUS)) == 0)
		return "synchronising literals";
	if ((can & IMAP_CAN_MULTIAPPEND) != 0)
		return "MULTIAPPEND";
	return (can & IMAP_CAN_LITERAL_PLUS) != 0 ? "LITERAL+" : "LITERAL-";
}

/* ---- lists ---- */

static void add_job(struct lane *l, struct job *j)
{
	if (l->njobs == l->jobs_room)
		l->jobs = mem_resize(l->jobs, l->jobs_room = l->jobs_room * 2 + 16, sizeof(struct job *));
	l->jobs[l->njobs++] = j;
}

static struct lane_command *add_command(struct lane *l)
{
	if (l->ncommands == l->commands_room)
		l->commands =
		    mem_resize(l->commands, l->commands_room = l->commands_room * 2 + 16, sizeof *l->commands);
	l->commands[l->ncommands] = (struct lane_command){ .tag = 0 };
	return &l->commands[l->ncommands++];
}

/* The command on its way out. */
static struct lane_command *newest(struct lane *l)
{
	return &l->commands[l->ncommands - 1];
}

/* Takes the job at I out; it belongs to the newest command. */
static void drop_job(struct lane *l, size_t i)
{
	newest(l)->n--;
	newest(l)->octets -= l->jobs[i]->size;
	l->octets -= l->jobs[i]->size;
	memmove(l->jobs + i, l->jobs + i + 1, (--l->njobs - i) * sizeof *l->jobs);
}

/* Takes the oldest command and its jobs out. */
static void drop_oldest(struct lane *l)
{
	struct lane_command *c = &l->commands[0];

	l->octets -= c->octets;
	l->njobs -= c->n;
	memmove(l->jobs, l->jobs + c->n, l->njobs * sizeof *l->jobs);
	if (l->place != LANE_BETWEEN)
		l->current -= c->n;
	memmove(l->commands, l->commands + 1, --l->ncommands * sizeof *l->commands);
}

/* ---- answers ---- */

/* The store has moved: it may take its time again. */
static void touch(struct lane *l)
{
	uint64_t bytes = l->octets < BUFFERED_MAX ? l->octets : BUFFERED_MAX;

	dialog_deadline(l->session, l->user->timeout + (int64_t)(bytes / SLOWEST_RATE) * 1000);
	l->touched = l->written;
}

static void answer(struct lane *l, struct job *j, const struct imap_reply *r)
{
	enum verdict v = classify_append(r, j->body_begun);

	if (v == VERDICT_DONE) {
		step("store: answered OK, not settled");
		accept_flags(l, j->flags);
	}
	l->user->answered(l->user->arg, j, v, r);
}

static void answer_all(struct lane *l, const struct lane_command *c, const struct imap_reply *r)
{
	uint32_t uids[LANE_BATCH_MAX], validity = 0;
	bool told = imap_reply_appenduids(r, &validity, uids, c->n);

	for (size_t i = 0; i < c->n; i++) {
		struct job *j = l->jobs[i];

		j->stored_validity = validity;
		j->stored_uid = told ? uids[i] : 0;
		answer(l, j, r);
	}
}

/* The reply to the oldest command, which is whole. */
static int whole_answered(struct lane *l, const struct imap_reply *r, struct err *e)
{
	const struct lane_command *c = &l->commands[0];

	if (r->status == IMAP_BAD && (c->n > 1 || classify_append(r, true) == VERDICT_DOUBT)) {
		l->batch_bad = c->n > 1;
		/* What it did with a command of many is anyone's guess: they stay sent, and are looked for. */
		if (c->n == 1)
			answer(l, l->jobs[0], r);
		return err_set(e, ERR_PROTOCOL, 0, "the store did not understand an APPEND: %s", r->text);
	}
	if (r->status == IMAP_OK || c->n == 1)
		answer_all(l, c, r);
	else
		l->user->refused(l->user->arg, l->jobs, c->n, r);
	drop_oldest(l);
	return 0;
}

/* Refused instead of given leave: no octet of it was sent. */
static int leave_refused(struct lane *l, const struct imap_reply *r, struct err *e)
{
	struct job *j = l->jobs[0];

	if (r->status == IMAP_OK)
		return err_set(e, ERR_PROTOCOL, 0, "the store says that it has a message which was not sent to it yet");
	dialog_forget_continue(l->session);
	job_unload(j);
	answer(l, j, r);
	l->place = LANE_BETWEEN;
	drop_oldest(l);
	return r->status == IMAP_BAD
		   ? err_set(e, ERR_PROTOCOL, 0, "the store did not understand an APPEND: %s", r->text)
		   : 0;
}

/* An answer in the middle of a command: the rest would be read as commands. A NO may still say why. */
static int answered_early(struct lane *l, const struct imap_reply *r, struct err *e)
{
	if (r->status == IMAP_OK)
		return err_set(e, ERR_PROTOCOL, 0, "the store says that it has a message which was not sent to it yet");
	if (r->status == IMAP_NO && l->commands[0].n == 1)
		answer(l, l->jobs[0], r);
	return err_set(e, ERR_PROTOCOL, 0, "the store answered before it had the whole message: %s", r->text);
}

/* 1 when there was one, 0 when none has come, -1. */
static int take_reply(struct lane *l, struct err *e)
{
	const struct lane_command *c = &l->commands[0];
	struct imap_reply r;
	int ret = dialog_reply(l->session, c->tag, false, &r, e);

	if (ret != 1)
		return ret;
	touch(l);
	if (c->end != 0 && l->written >= c->end)
		ret = whole_answered(l, &r, e);
	else if (l->ncommands == 1 && l->place == LANE_ASKED && l->out_at == l->out.n)
		ret = leave_refused(l, &r, e);
	else
		ret = answered_early(l, &r, e);
	return ret == 0 ? 1 : -1;
}

void lane_last_words(struct lane *l)
{
	struct err e;

	while (l->ncommands > 0 && take_reply(l, &e) == 1)
		;
}

/* ---- sending ---- */

/* [tag APPEND mailbox] [SP (flags)] SP "date" SP {n}: the part of RFC 3502's append-message before its octets. A header
 * with 8-bit octets goes as UTF8 (~{n} … ), where that was agreed (RFC 6855, 4). */
static int put_head(struct lane *l, struct job *j, bool first, bool stream, struct err *e)
{
	char date[CLOCK_IMAP_SIZE];
	size_t before = l->out.n;

	clock_imap((time_t)(j->work->internal_ms / 1000), date);
	if (first) {
		(void)buf_addf(&l->out, "%lu APPEND ", (unsigned long)newest(l)->tag);
		(void)dialog_quote_mailbox(l->session, &l->out, j->mailbox);
	}
	if (j->flags[0] != '\0')
		(void)buf_addf(&l->out, " (%s)", j->flags);
	j->utf8 = imap_utf8(l->session) && job_has_raw_header(j);
	if (buf_addf(&l->out, " \"%s\" %s{%llu%s}\r\n", date, j->utf8 ? "UTF8 (~" : "", (unsigned long long)j->size,
		     stream ? "+" : "") != 0)
		return err_set(e, ERR_LIMIT, 0, "a command is too long");
	l->put += l->out.n - before;
	return 0;
}

/* Begins the first job from CURRENT on that can be loaded. 1; 0 when the command has none left; -1. */
static int begin_job(struct lane *l, bool first, struct err *e)
{
	while (l->current < l->njobs) {
		struct job *j = l->jobs[l->current];
		int ret = l->user->load(l->user->arg, j, e);
		bool stream;

		if (ret < 0)
			return -1;
		if (ret > 0) {
			drop_job(l, l->current);
			continue;
		}
		j->body_begun = j->body_ended = j->denied = false;
		l->at = 0;
		stream = lane_may_stream(l, j);
		if (put_head(l, j, first, stream, e) != 0)
			return -1;
		if (!stream)
			dialog_expect_continue(l->session);
		l->place = stream ? LANE_BODY : LANE_ASKED;
		return 1;
	}
	return 0;
}

/* The next command: 1, 0 when there is none, -1. */
static int begin_command(struct lane *l, struct err *e)
{
	struct job *some[LANE_BATCH_MAX];
	int n = l->user->next(l->user->arg, l, some, e), ret;
	struct lane_command *c;

	if (n <= 0)
		return n;
	if (l->ncommands == 0)
		touch(l);
	c = add_command(l);
	c->tag = dialog_tag(l->session);
	l->current = l->njobs;
	for (int i = 0; i < n; i++) {
		add_job(l, some[i]);
		c->octets += some[i]->size;
	}
	c->n = (size_t)n;
	l->octets += c->octets;
	ret = begin_job(l, true, e);
	if (ret == 0) {
		/* None of them can be sent: nothing was written. */
		l->ncommands--;
		ret = 1;
	}
	return ret;
}

static int end_job(struct lane *l, struct err *e)
{
	struct job *j = l->jobs[l->current];
	int ret;

	j->body_ended = true;
	if (j->utf8) {
		(void)buf_add_char(&l->out, ')');
		l->put++;
	}
	job_unload(j);
	l->current++;
	ret = begin_job(l, false, e);
	if (ret != 0)
		return ret < 0 ? -1 : 0;
	if (buf_add_str(&l->out, "\r\n") != 0)
		return err_set(e, ERR_LIMIT, 0, "a command is too long");
	l->put += 2;
	newest(l)->end = l->put;
	l->place = LANE_BETWEEN;
	return 0;
}

/* Some octets of the current message. */
static int put_body(struct lane *l, struct err *e)
{
	struct job *j = l->jobs[l->current];
	char *room = buf_reserve(&l->out, CHUNK);
	ssize_t n;

	if (room == NULL)
		return err_set(e, ERR_LIMIT, 0, "no memory for a part of a message");
	j->state = JOB_SENT;
	j->body_begun = true;
	/* A spool that fails here leaves half a literal behind, which only the end of the connection takes back. */
	n = job_read(j, l->at, room, CHUNK, e);
	if (n < 0)
		return -1;
	buf_commit(&l->out, (size_t)n);
	l->put += (uint64_t)n;
	l->at += (uint64_t)n;
	return l->at == j->size ? end_job(l, e) : 0;
}

/* Puts more into OUT: 1, 0 when there is nothing to put now, -1. */
static int fill(struct lane *l, struct err *e)
{
	int ret;

	switch (l->place) {
	case LANE_BETWEEN:
		return begin_command(l, e);
	case LANE_ASKED:
		if (l->out_at < l->out.n)
			return 0;
		ret = dialog_continued(l->session, e);
		if (ret == 1) {
			touch(l);
			l->place = LANE_BODY;
		}
		return ret;
	case LANE_BODY:
		break;
	}
	return put_body(l, e) == 0 ? 1 : -1;
}

/* Writes what stands in OUT. 1 when some went, 0 when none did. */
static int flush(struct lane *l, struct err *e)
{
	ssize_t n;

	l->blocked = false;
	if (l->out_at == l->out.n)
		return 0;
	n = dialog_write_some(l->session, slice_of(l->out.p + l->out_at, l->out.n - l->out_at), e);
	if (n < 0)
		return -1;
	l->blocked = n == 0;
	l->out_at += (size_t)n;
	l->written += (uint64_t)n;
	if (n > 0)
		step("store: octets of messages written");
	if (l->out_at == l->out.n) {
		buf_clear(&l->out);
		l->out_at = 0;
	} else if (l->out_at >= CHUNK) {
		buf_consume(&l->out, l->out_at);
		l->out_at = 0;
	}
	if (l->out.n == 0 || l->written - l->touched >= CHUNK)
		touch(l);
	return n > 0;
}

int lane_step(struct lane *l, struct err *e)
{
	bool moved = false;
	int ret = 1;

	while (ret == 1 && l->ncommands > 0) {
		ret = take_reply(l, e);
		moved = moved || ret == 1;
	}
	if (ret < 0)
		return -1;
	ret = 1;
	while (ret == 1 && l->out.n - l->out_at < CHUNK) {
		ret = fill(l, e);
		moved = moved || ret == 1;
	}
	if (ret < 0)
		return -1;
	ret = flush(l, e);
	return ret < 0 ? -1 : moved || ret == 1;
}
