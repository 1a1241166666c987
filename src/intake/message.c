/* Collecting a message: memory first, then a file of the spool's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/step.h"
#include "intake/derived.h"
#include "ipc/message.h"

enum {
	DATA_MAX = HEADER_MAX_BYTES + SPOOL_BUNDLED_MAX + 2 * INTAKE_PIECE_MAX,
	HELD_MAX = 24 * 1024 * 1024, /* octets of all messages between IPC_INLINE_MAX and SPOOL_BUNDLED_MAX */
	WRITE_BACK = 1024 * 1024 /* octets after which the kernel is asked to start writing */
};

struct intake_message *intake_begin(struct intake *in, const struct intake_envelope *env,
				    const struct intake_events *events, void *arg)
{
	struct intake_message *m = mem_alloc(sizeof *m);

	m->in = in;
	m->env = *env;
	m->events = *events;
	m->arg = arg;
	m->fd = -1;
	if (env->id != NULL)
		memcpy(m->id, env->id, sizeof m->id);
	else
		timed_id(m->id);
	buf_init(&m->data, DATA_MAX);
	m->hash = EVP_MD_CTX_new();
	if (m->hash == NULL || EVP_DigestInit_ex(m->hash, in->sha256, NULL) != 1)
		abort(); /* a small allocation failed */
	return m;
}

void intake_set_results(struct intake_message *m, enum intake_result result, bool keep_refused)
{
	for (size_t i = 0; i < m->env.nrecipients; i++) {
		struct intake_recipient *r = &m->env.recipients[i];

		if (keep_refused && r->result != INTAKE_ACCEPTED)
			continue;
		r->result = result;
	}
	m->outcome = result;
}

static bool fetched(const struct intake_message *m)
{
	return m->env.fetched != NULL;
}

static void drop_upload(struct intake_message *m)
{
	if (m->opening != 0)
		m->in->functions->cancel(m->in->spool, m->opening);
	m->opening = 0;
	file_close(&m->fd);
	if (m->upload != 0)
		m->in->functions->upload_drop(m->in->spool, m->upload);
	m->upload = 0;
}

static void unhold(struct intake_message *m)
{
	m->in->held -= m->held;
	m->held = 0;
}

void intake_release(struct intake_message *m)
{
	unhold(m);
	drop_upload(m);
	intake_edit_free(m);
	if (m->sending != NULL) {
		intake_deliveries_free(&m->sending->deliveries);
		intake_derivation_free(&m->sending->further, m);
	}
	free(m->sending);
	m->sending = NULL;
	intake_recall_free(m);
	if (m->verdicts != NULL)
		for (size_t i = 0; i < m->env.nrecipients; i++)
			intake_verdict_free(&m->verdicts[i]);
	free(m->verdicts);
	m->verdicts = NULL;
	EVP_MD_CTX_free(m->hash);
	m->hash = NULL;
	buf_free(&m->data);
}

void intake_refuse(struct intake_message *m, enum intake_result result)
{
	/* Rules refuse it for good already, whatever becomes of what they tell others. */
	if (m->told[0] != '\0') {
		intake_not_told(m, result == INTAKE_FULL ? "full" : "failed");
		m->outcome = m->env.recipients[0].result;
	} else {
		intake_set_results(m, result, false);
	}
	intake_release(m);
	m->stage = INTAKE_DONE;
	if (fetched(m))
		intake_fetched_explain(m);
}

int intake_write(struct intake_message *m, int fd, struct slice s, uint64_t *done, uint64_t *back)
{
	struct err e;

	if (file_write_all(fd, s.p, s.n, &e) != 0) {
		log_error("upload-failed", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			  LOG_STR("error", e.text));
		intake_refuse(m, e.code == ENOSPC || e.code == EDQUOT || e.code == EFBIG ? INTAKE_FULL : INTAKE_FAILED);
		return -1;
	}
	/* Written back while it streams, the sync before the 250 has little left to do. */
	*done += s.n;
	if (*done - *back >= WRITE_BACK) {
		(void)sync_file_range(fd, (off_t)*back, (off_t)(*done - *back), SYNC_FILE_RANGE_WRITE);
		*back = *done;
	}
	return 0;
}

static int write_file(struct intake_message *m, struct slice s)
{
	return intake_write(m, m->fd, s, &m->written, &m->written_back);
}

/* Once the body is in a file only the header block is wanted in memory. */
static void trim_data(struct intake_message *m)
{
	struct buf head;

	if (!m->header_done || m->data.n == m->header_end)
		return;
	buf_init(&head, DATA_MAX);
	if (buf_add(&head, m->data.p, m->header_end) != 0)
		return; /* no memory for a copy: keep what there is */
	buf_free(&m->data);
	m->data = head;
}

static void upload_opened(void *arg, int fd, uint64_t upload, enum spool_answer answer)
{
	struct intake_message *m = arg;

	m->opening = 0;
	if (fd < 0) {
		intake_refuse(m, answer == SPOOL_FULL ? INTAKE_FULL : INTAKE_FAILED);
	} else {
		m->fd = fd;
		m->upload = upload;
		if (write_file(m, buf_slice(&m->data)) == 0)
			trim_data(m);
	}
	unhold(m);
	if (!m->finishing)
		m->events.resume(m->arg);
	else if (m->stage == INTAKE_DONE || (m->sending != NULL ? intake_go_on(m, INTAKE_SEND) : intake_submit(m)))
		m->events.done(m->arg);
}

/* Notes where the header block ends. -1 when it is too long. */
static int find_header_end(struct intake_message *m, size_t before)
{
	size_t from = before < 3 ? 0 : before - 3;
	const char *end;

	if (m->header_done)
		return 0;
	if (m->data.n >= 2 && memcmp(m->data.p, "\r\n", 2) == 0) {
		m->header_end = 2;
		m->header_done = true;
	} else if ((end = memmem(m->data.p + from, m->data.n - from, "\r\n\r\n", 4)) != NULL) {
		m->header_end = (size_t)(end - m->data.p) + 4;
		m->header_done = true;
	}
	if (m->header_done && m->fd < 0 && !fetched(m)) {
		intake_strip(m->in, &m->env, &m->data, &m->header_end, &m->size);
		m->stripped = true;
	}
	if ((m->header_done ? m->header_end : m->data.n) <= HEADER_MAX_BYTES)
		return 0;
	if (!fetched(m))
		return -1;
	/* Nobody can be told: the front of it is what rules see. */
	m->header_end = HEADER_MAX_BYTES;
	m->header_done = true;
	m->cut = true;
	return 0;
}

/* A message of middle size stays in memory while not too many do: it then shares a file with others. */
static bool hold(struct intake_message *m)
{
	if (m->in->functions->bundles == NULL || m->size > SPOOL_BUNDLED_MAX ||
	    m->in->held - m->held + m->size > HELD_MAX)
		return false;
	m->in->held += m->size - m->held;
	m->held = (size_t)m->size;
	return true;
}

static void open_upload(struct intake_message *m)
{
	m->opening = m->in->functions->upload_open(m->in->spool, upload_opened, m);
}

static enum intake_flow add(struct intake_message *m, struct slice piece)
{
	const size_t before = m->data.n;

	(void)EVP_DigestUpdate(m->hash, piece.p, piece.n);
	m->size += piece.n;
	if (m->fd < 0 || !m->header_done) {
		if (buf_add_slice(&m->data, piece) != 0) {
			intake_refuse(m, m->header_done ? INTAKE_FAILED : INTAKE_HEADER);
			return INTAKE_STOP;
		}
		if (find_header_end(m, before) != 0) {
			intake_refuse(m, INTAKE_HEADER);
			return INTAKE_STOP;
		}
	}
	if (m->fd >= 0) {
		if (write_file(m, piece) != 0)
			return INTAKE_STOP;
		trim_data(m);
	} else if (fetched(m) && m->env.fetched->head_only) {
		if (m->header_done)
			buf_truncate(&m->data, m->header_end);
	} else if (m->size > IPC_INLINE_MAX && !hold(m)) {
		open_upload(m);
		return INTAKE_WAIT;
	}
	return INTAKE_GO;
}

enum intake_flow intake_add(struct intake_message *m, struct slice piece)
{
	enum intake_flow flow;
	char *copy = NULL;

	if (m->stage == INTAKE_DONE)
		return INTAKE_STOP;
	if (fetched(m))
		piece = intake_fetched_clean(m, piece, &copy);
	flow = add(m, piece);
	free(copy);
	return flow;
}

/* A header that is partly in the file, or has no end. */
static void strip_late(struct intake_message *m)
{
	const struct slice before = intake_header(m);
	struct buf header;
	size_t end = before.n;
	uint64_t size = before.n;

	buf_init(&header, DATA_MAX);
	if (buf_add_slice(&header, before) == 0)
		intake_strip(m->in, &m->env, &header, &end, &size);
	if (header.n < before.n && !buf_failed(&header))
		intake_set_header(m, &header);
	buf_free(&header);
}

bool intake_seal(struct intake_message *m)
{
	if (m->stage == INTAKE_DONE)
		return false;
	if (m->sealed)
		return true;
	if (EVP_DigestFinal_ex(m->hash, m->digest, NULL) != 1)
		abort(); /* a context that was fed without a fault can't fail here */
	m->sealed = true;
	if (!m->stripped && !fetched(m))
		strip_late(m);
	return true;
}

bool intake_make_room(struct intake_message *m)
{
	const struct intake_spool *f = m->in->functions;

	if (fetched(m) && m->env.fetched->head_only)
		return true;
	if (m->fd >= 0 || m->data.n <= IPC_INLINE_MAX || (f->bundles != NULL && f->bundles(m->in->spool, m->data.n)))
		return true;
	m->finishing = true;
	open_upload(m);
	return false;
}

static bool finish(struct intake_message *m)
{
	if (!intake_seal(m))
		return true;
	step("intake: the message is complete");
	if (m->edit != NULL && !m->refused)
		return intake_edit_submit(m);
	return intake_make_room(m) && intake_submit(m);
}

bool intake_finish(struct intake_message *m)
{
	return finish(m);
}

bool intake_finish_refused(struct intake_message *m)
{
	m->refused = true;
	return finish(m);
}

enum intake_result intake_outcome(const struct intake_message *m, const char **why)
{
	*why = m->why;
	return m->outcome;
}

const char *intake_id(const struct intake_message *m)
{
	return m->id;
}

int64_t intake_ticket(const struct intake_message *m)
{
	return m->ticket;
}

void intake_unanswered(struct intake_message *m)
{
	if (!m->named)
		m->in->functions->unanswered(m->in->spool, m->id);
}

bool intake_is_named(const struct intake_message *m)
{
	return m->named;
}

void intake_end(struct intake_message **m)
{
	if (*m == NULL)
		return;
	if ((*m)->asked != 0)
		(*m)->in->functions->cancel((*m)->in->spool, (*m)->asked);
	intake_release(*m);
	intake_fetched_free(*m);
	free((*m)->first_sender);
	free((*m)->discard);
	free((*m)->hold);
	free((*m)->hold_note);
	free(*m);
	*m = NULL;
}
