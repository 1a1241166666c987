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
#include "intake/internal.h"
#include "ipc/message.h"

enum {
	DATA_MAX = HEADER_MAX_BYTES + IPC_INLINE_MAX + 2 * INTAKE_PIECE_MAX,
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
	random_id(m->id);
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

void intake_release(struct intake_message *m)
{
	drop_upload(m);
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
	intake_set_results(m, result, false);
	intake_release(m);
	m->stage = INTAKE_DONE;
	if (fetched(m))
		intake_fetched_explain(m);
}

static int write_file(struct intake_message *m, struct slice s)
{
	struct err e;

	if (file_write_all(m->fd, s.p, s.n, &e) != 0) {
		log_error("upload-failed", LOG_STR("session", m->env.session), LOG_STR("message", m->id),
			  LOG_STR("error", e.text));
		intake_refuse(m, e.code == ENOSPC || e.code == EDQUOT || e.code == EFBIG ? INTAKE_FULL : INTAKE_FAILED);
		return -1;
	}
	/* Written back while it streams, the sync before the 250 has little left to do. */
	if (m->size - m->written_back >= WRITE_BACK) {
		(void)sync_file_range(m->fd, (off_t)m->written_back, (off_t)(m->size - m->written_back),
				      SYNC_FILE_RANGE_WRITE);
		m->written_back = m->size;
	}
	return 0;
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
	m->events.resume(m->arg);
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
	} else if (m->size > IPC_INLINE_MAX) {
		m->opening = m->in->functions->upload_open(m->in->spool, upload_opened, m);
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

bool intake_finish(struct intake_message *m)
{
	if (m->stage == INTAKE_DONE)
		return true;
	step("intake: the message is complete");
	if (EVP_DigestFinal_ex(m->hash, m->digest, NULL) != 1)
		abort(); /* a context that was fed without a fault can't fail here */
	return intake_submit(m);
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

int64_t intake_number(const struct intake_message *m)
{
	return m->number;
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
	free(*m);
	*m = NULL;
}
