/*
 * What milters make of a message: another header block, another body, other people. What is changed is kept beside what
 * came until all have spoken; then the message is put together once. A large one is copied into a new file of the
 * spool's, a piece a turn of the event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake/derived.h"
#include "ipc/message.h"
#include "msg/received.h"
#include "msg/summary.h"

enum {
	COPY_PIECE = 256 * 1024, /* octets copied a turn */
	MEMORY_MAX = IPC_INLINE_MAX
};

static void ask_turn(struct intake *in)
{
	if (in->turn_asked || in->copying == NULL)
		return;
	in->turn_asked = true;
	in->ask_turn(in->turn_arg);
}

/* The body: in memory, or from AT on in FD. */
struct body {
	int fd;
	uint64_t at, size;
	struct slice memory;
};

struct intake_edit {
	struct buf header; /* empty: as it came */
	bool begun;	   /* there is another body: */
	struct buf body;   /* while it is small */
	int fd;		   /* then a file; -1 */
	uint64_t upload, opening;
	uint64_t size, written_back;

	/* The message written anew. */
	int to;
	uint64_t to_upload, to_opening;
	uint64_t copied; /* octets of the body */
	uint64_t done, done_back;
};

static struct intake_edit *edit_of(struct intake_message *m)
{
	if (m->edit == NULL) {
		m->edit = mem_alloc(sizeof *m->edit);
		m->edit->fd = m->edit->to = -1;
		buf_init(&m->edit->header, HEADER_MAX_BYTES + 2);
		buf_init(&m->edit->body, MEMORY_MAX + INTAKE_PIECE_MAX);
	}
	return m->edit;
}

static void drop(struct intake_message *m, int *fd, uint64_t *upload, uint64_t *opening)
{
	if (*opening != 0)
		m->in->functions->cancel(m->in->spool, *opening);
	file_close(fd);
	if (*upload != 0)
		m->in->functions->upload_drop(m->in->spool, *upload);
	*opening = *upload = 0;
}

static void body_drop(struct intake_message *m, struct intake_edit *e)
{
	drop(m, &e->fd, &e->upload, &e->opening);
	buf_free(&e->body);
	e->size = e->written_back = 0;
}

void intake_copying_add(struct intake_message *m)
{
	struct intake *in = m->in;

	if (m->prev_copying == NULL) {
		m->next_copying = in->copying;
		m->prev_copying = &in->copying;
		if (m->next_copying != NULL)
			m->next_copying->prev_copying = &m->next_copying;
		in->copying = m;
	}
	ask_turn(in);
}

void intake_copying_end(struct intake_message *m)
{
	if (m->prev_copying == NULL)
		return;
	*m->prev_copying = m->next_copying;
	if (m->next_copying != NULL)
		m->next_copying->prev_copying = m->prev_copying;
	m->prev_copying = NULL;
}

void intake_edit_free(struct intake_message *m)
{
	struct intake_edit *e = m->edit;

	intake_copying_end(m);
	if (e == NULL)
		return;
	body_drop(m, e);
	drop(m, &e->to, &e->to_upload, &e->to_opening);
	buf_free(&e->header);
	free(e);
	m->edit = NULL;
}

/* ---- looking ---- */

static size_t first_header(const struct intake_message *m)
{
	return m->header_done ? m->header_end : m->data.n;
}

struct slice intake_header(const struct intake_message *m)
{
	if (m->stage == INTAKE_DONE)
		return SLICE_NONE;
	if (m->edit != NULL && m->edit->header.n > 0)
		return buf_slice(&m->edit->header);
	return slice_of(m->data.p, first_header(m));
}

static struct body body_of(const struct intake_message *m)
{
	const size_t head = first_header(m);

	if (m->edit != NULL && m->edit->begun)
		return (struct body){ m->edit->fd, 0, m->edit->size, buf_slice(&m->edit->body) };
	return (struct body){ m->fd, head, m->size - head, slice_skip(buf_slice(&m->data), head) };
}

uint64_t intake_body_size(const struct intake_message *m)
{
	return body_of(m).size;
}

ssize_t intake_body_read(struct intake_message *m, uint64_t at, char *p, size_t n)
{
	const struct body b = body_of(m);
	ssize_t got;

	if (m->stage == INTAKE_DONE)
		return -1;
	if (at >= b.size)
		return 0;
	n = n < b.size - at ? n : (size_t)(b.size - at);
	if (b.fd < 0) {
		memcpy(p, b.memory.p + at, n);
		return (ssize_t)n;
	}
	do {
		got = pread(b.fd, p, n, (off_t)(b.at + at));
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	log_error("upload-failed", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
		  LOG_STR("error", got < 0 ? strerror(errno) : "it is shorter than what was written"));
	intake_refuse(m, INTAKE_FAILED);
	return -1;
}

/* ---- changing ---- */

/* A milter that adds a Message-ID does not make two identical alarms one. */
static void note_name(struct intake_message *m)
{
	struct summary sum;
	struct message msg;

	message_init(&msg, slice_of(m->data.p, first_header(m)), m->size, m->fd);
	summary_init(&sum, &msg.header);
	m->came = sum.message_id[0] == '\0' ? INTAKE_NAMELESS : INTAKE_NAMED;
	summary_free(&sum);
	message_free(&msg);
}

void intake_set_header(struct intake_message *m, struct buf *header)
{
	struct intake_edit *e = edit_of(m);

	if (m->came == INTAKE_NAME_AS_IS)
		note_name(m);
	if (header->n < 2 || memcmp(header->p + header->n - 2, "\r\n", 2) != 0 ||
	    (header->n > 2 && (header->n < 4 || memcmp(header->p + header->n - 4, "\r\n", 2) != 0)))
		(void)buf_add_str(header, "\r\n");
	buf_free(&e->header);
	e->header = *header;
	buf_init(header, header->max);
}

void intake_body_begin(struct intake_message *m)
{
	struct intake_edit *e = edit_of(m);

	body_drop(m, e);
	e->begun = true;
}

static void body_opened(void *arg, int fd, uint64_t upload, enum spool_answer answer)
{
	struct intake_message *m = arg;
	struct intake_edit *e = m->edit;
	uint64_t done = 0;

	e->opening = 0;
	if (fd < 0) {
		intake_refuse(m, answer == SPOOL_FULL ? INTAKE_FULL : INTAKE_FAILED);
	} else {
		e->fd = fd;
		e->upload = upload;
		if (intake_write(m, fd, buf_slice(&e->body), &done, &e->written_back) == 0)
			buf_free(&e->body);
	}
	m->events.resume(m->arg);
}

enum intake_flow intake_body_add(struct intake_message *m, struct slice piece)
{
	struct intake_edit *e = m->edit;

	if (m->stage == INTAKE_DONE)
		return INTAKE_STOP;
	if (e->fd >= 0)
		return intake_write(m, e->fd, piece, &e->size, &e->written_back) == 0 ? INTAKE_GO : INTAKE_STOP;
	if (buf_add_slice(&e->body, piece) != 0) {
		intake_refuse(m, INTAKE_FAILED);
		return INTAKE_STOP;
	}
	e->size += piece.n;
	if (e->size <= MEMORY_MAX)
		return INTAKE_GO;
	e->opening = m->in->functions->upload_open(m->in->spool, body_opened, m);
	return INTAKE_WAIT;
}

void intake_set_envelope(struct intake_message *m, const char *sender, struct intake_recipient *recipients, size_t n)
{
	if (m->first_sender == NULL)
		m->first_sender = mem_strdup(m->env.sender);
	m->env.sender = sender;
	m->env.recipients = recipients;
	m->env.nrecipients = n;
}

void intake_discard(struct intake_message *m, const char *why)
{
	free(m->discard);
	m->discard = mem_strdup(why);
}

void intake_hold(struct intake_message *m, const char *folder, const char *why)
{
	if (m->hold != NULL)
		return; /* the first milter's reason stands */
	m->hold = mem_strdup(folder);
	m->hold_note = mem_strdup(why);
}

/* ---- the message as it has become ---- */

/* The new message is there: HEAD is its front in memory, all of it where FD is -1. Submits it. */
static bool take(struct intake_message *m, struct buf *head, size_t header_end, uint64_t size)
{
	struct intake_edit *e = m->edit;
	const int fd = e->to;
	const uint64_t upload = e->to_upload;

	e->to = -1;
	e->to_upload = 0;
	intake_edit_free(m);
	file_close(&m->fd);
	if (m->upload != 0)
		m->in->functions->upload_drop(m->in->spool, m->upload);
	m->fd = fd;
	m->upload = upload;
	buf_free(&m->data);
	m->data = *head;
	m->header_end = header_end;
	m->header_done = true;
	m->size = size;
	return intake_submit(m);
}

static bool submit_small(struct intake_message *m, uint64_t size)
{
	const struct slice header = intake_header(m);
	struct buf all;
	uint64_t at = 0;
	ssize_t n = 1;

	buf_init(&all, (size_t)size + 1);
	(void)buf_add_slice(&all, header);
	while (n > 0 && at < size - header.n) {
		char *p = buf_reserve(&all, (size_t)(size - header.n - at));

		n = p == NULL ? -1 : intake_body_read(m, at, p, (size_t)(size - header.n - at));
		if (n > 0) {
			buf_commit(&all, (size_t)n);
			at += (uint64_t)n;
		}
	}
	if (n < 0 || buf_failed(&all)) {
		buf_free(&all);
		if (m->stage != INTAKE_DONE)
			intake_refuse(m, INTAKE_FAILED);
		return true;
	}
	return take(m, &all, header.n, size);
}

/* Copies a piece. 1: all is there, 0: there is more, -1: M is refused. */
static int copy_piece(struct intake_message *m)
{
	static char piece[COPY_PIECE];
	struct intake_edit *e = m->edit;
	const ssize_t n = intake_body_read(m, e->copied, piece, sizeof piece);

	if (n <= 0)
		return n < 0 ? -1 : 1;
	if (intake_write(m, e->to, slice_of(piece, (size_t)n), &e->done, &e->done_back) != 0)
		return -1;
	e->copied += (uint64_t)n;
	return e->copied < intake_body_size(m) ? 0 : 1;
}

/* Another turn for M. True: results are there. */
static bool copy_some(struct intake_message *m, bool whole)
{
	struct buf head;
	int r;

	do {
		r = copy_piece(m);
	} while (r == 0 && whole);
	if (r == 0) {
		intake_copying_add(m);
		return false;
	}
	if (r < 0)
		return true;
	intake_copying_end(m);
	buf_init(&head, HEADER_MAX_BYTES + 2);
	if (buf_add_slice(&head, intake_header(m)) != 0) {
		intake_refuse(m, INTAKE_FAILED);
		return true;
	}
	return take(m, &head, head.n, m->edit->done);
}

void intake_turn(struct intake *in)
{
	struct intake_message *m = in->copying, *next;
	bool over;

	in->turn_asked = false;
	if (m == NULL)
		return;
	/* One piece a turn, of each message in turn. */
	next = m->next_copying;
	if (next != NULL) {
		struct intake_message **end = &next->next_copying;

		intake_copying_end(m);
		while (*end != NULL)
			end = &(*end)->next_copying;
		m->next_copying = NULL;
		m->prev_copying = end;
		*end = m;
	}
	over = m->judging ? intake_judge_turn(m) : m->sending != NULL ? intake_derive_turn(m) : copy_some(m, false);
	ask_turn(in); /* for the others, too */
	if (over)
		m->events.done(m->arg);
}

static void copy_opened(void *arg, int fd, uint64_t upload, enum spool_answer answer)
{
	struct intake_message *m = arg;
	struct intake_edit *e = m->edit;
	bool over = true;

	e->to_opening = 0;
	if (fd < 0) {
		intake_refuse(m, answer == SPOOL_FULL ? INTAKE_FULL : INTAKE_FAILED);
	} else {
		e->to = fd;
		e->to_upload = upload;
		if (intake_write(m, fd, intake_header(m), &e->done, &e->done_back) == 0)
			over = copy_some(m, m->in->ask_turn == NULL);
	}
	if (over)
		m->events.done(m->arg);
}

bool intake_edit_submit(struct intake_message *m)
{
	const uint64_t size = intake_header(m).n + intake_body_size(m);

	if (size <= MEMORY_MAX || (m->in->functions->bundles != NULL && m->in->functions->bundles(m->in->spool, size)))
		return submit_small(m, size);
	m->edit->to_opening = m->in->functions->upload_open(m->in->spool, copy_opened, m);
	return false;
}

/* ---- what rules are not asked about ---- */

bool intake_edit_direct(const struct intake_message *m, const struct message *msg, size_t i, struct intake_verdict *v)
{
	const struct intake_recipient *r = &m->env.recipients[i];
	const struct address address = { .local = r->local, .domain = r->domain };

	if (m->discard != NULL) {
		v->text = mem_printf("discarded: %.400s", m->discard);
		return true;
	}
	/* What goes round would be held back anew at each pass. */
	if (m->hold == NULL || received_loop(&msg->header, &address) != RECEIVED_NO_LOOP)
		return false;
	v->folder = mem_strdup(m->hold);
	v->note = mem_strdup(m->hold_note);
	v->text = mem_printf("held back: %.400s", m->hold_note);
	return true;
}
