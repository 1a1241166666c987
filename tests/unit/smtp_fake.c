#include "smtp_fake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"

static int64_t fake_now = 1000000;

static int64_t now(void)
{
	return fake_now;
}

static void kept_free(struct fake_message *m)
{
	free(m->text);
	buf_free(&m->body);
	buf_free(&m->prefix);
	*m = (struct fake_message){ 0 };
}

static char *describe(const struct spool_message *m)
{
	struct buf b;
	char *text;

	buf_init(&b, 1 << 20);
	(void)buf_addf(&b, "%s from=<%s> to=", m->protocol, m->sender);
	for (size_t i = 0; i < m->nrecipients; i++)
		(void)buf_addf(&b, "%s%s:%s{%s}", i == 0 ? "" : ",", m->recipients[i].account, m->recipients[i].address,
			       m->recipients[i].verdict);
	for (size_t i = 0; i < m->ndeliveries; i++) {
		const struct spool_delivery *d = &m->deliveries[i];

		(void)buf_addf(&b, " [%s/%s flags=%s rule=%s%s%s%s]", d->account, d->folder, d->flags, d->rule,
			       d->create ? " create" : "",
			       d->note == NULL ? "" : " note=", d->note == NULL ? "" : d->note);
	}
	text = slice_dup(buf_slice(&b));
	buf_free(&b);
	return text;
}

static void read_upload(struct fake *f, struct buf *out)
{
	char piece[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(f->upload_fd, piece, sizeof piece, at)) > 0) {
		(void)buf_add(out, piece, (size_t)n);
		at += n;
	}
	file_close(&f->upload_fd);
}

static uint64_t spool_fake_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct fake *f = spool;

	kept_free(&f->asked);
	f->asked.text = describe(m);
	f->asked.ndeliveries = m->ndeliveries;
	f->asked.internal_ms = m->internal_ms;
	memcpy(f->asked.fingerprint, m->recipients[0].fingerprint, 32);
	buf_init(&f->asked.body, 256 << 20);
	buf_init(&f->asked.prefix, 1 << 20);
	(void)buf_add_slice(&f->asked.body, m->body);
	if (m->ndeliveries > 0)
		(void)buf_add_slice(&f->asked.prefix, m->deliveries[0].prefix);
	if (m->upload != 0) {
		read_upload(f, &f->asked.body);
		f->uploads_open--;
	}
	if (m->ndeliveries > 0 && !f->heads && f->asked.body.n != m->size)
		abort();
	f->pending = fn;
	f->pending_arg = arg;
	f->cancelled = false;
	return 1;
}

static void spool_fake_cancel(void *spool, uint64_t handle)
{
	struct fake *f = spool;

	(void)handle;
	f->cancelled = true;
}

static uint64_t spool_fake_upload_open(void *spool, spool_upload_fn *fn, void *arg)
{
	struct fake *f = spool;

	f->pending_upload = fn;
	f->pending_arg = arg;
	f->cancelled = false;
	return 2;
}

static void spool_fake_upload_drop(void *spool, uint64_t upload)
{
	struct fake *f = spool;

	(void)upload;
	file_close(&f->upload_fd);
	f->uploads_open--;
	f->uploads_dropped++;
}

static void spool_fake_confirm(void *spool, int64_t number)
{
	struct fake *f = spool;

	if (number < 1 || number > (int64_t)f->nmessages)
		abort(); /* a message that was never accepted */
	f->confirmed++;
	f->last_confirmed = number;
}

static const struct intake_spool functions = {
	.accept = spool_fake_accept,
	.cancel = spool_fake_cancel,
	.upload_open = spool_fake_upload_open,
	.upload_drop = spool_fake_upload_drop,
	.confirm = spool_fake_confirm,
};

void fake_open(struct fake *f, const char *config, const char *rules)
{
	struct buf errors;

	log_open("test", getenv("FAKE_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	*f = (struct fake){ .upload_fd = -1, .eager = true };
	buf_init(&errors, 10000);
	f->config = config_check("test", slice_str(config), &errors);
	if (f->config == NULL) {
		fprintf(stderr, "%s", buf_str(&errors));
		abort();
	}
	f->intake = intake_new(f->config, &functions, f);
	for (size_t i = 0; rules != NULL && i < f->config->naccounts; i++) {
		struct sieve_program *p;

		if (f->config->accounts[i].rules == NULL)
			continue;
		p = sieve_compile("test.sieve", slice_str(rules), &errors);
		if (p == NULL) {
			fprintf(stderr, "%s", buf_str(&errors));
			abort();
		}
		intake_add_rules(f->intake, f->config->accounts[i].rules, &p);
	}
	buf_free(&errors);
	f->service = (struct smtp_service){ .config = f->config, .intake = f->intake, .now = now };
	buf_init(&f->in, 256 << 20);
	buf_init(&f->out, 16 << 20);
}

void fake_forget(struct fake *f)
{
	for (size_t i = 0; i < f->nmessages && i < FAKE_MESSAGES_MAX; i++)
		kept_free(&f->messages[i]);
	f->nmessages = 0;
	later_free(&f->service.later);
}

void fake_close(struct fake *f)
{
	fake_disconnect(f);
	later_free(&f->service.later);
	intake_free(&f->intake);
	config_free(&f->config);
	fake_forget(f);
	kept_free(&f->asked);
	buf_free(&f->in);
	buf_free(&f->out);
	file_close(&f->upload_fd);
}

/* As a connection does it: sends what there is to send, and feeds what was left. */
static void go_on(struct fake *f)
{
	for (;;) {
		struct buf *out = smtp_session_output(f->session);
		size_t used = 0;

		if (buf_failed(out) || out->n > SMTP_OUTPUT_MAX)
			abort(); /* replies must stay bounded */
		if (!smtp_session_held(f->session) && out->n > 0 && f->eager) {
			(void)buf_add_slice(&f->out, buf_slice(out));
			buf_clear(out);
			smtp_session_sent(f->session, f->in.n);
		}
		if (f->in.n > 0 && smtp_session_want(f->session) == SMTP_READ) {
			used = smtp_session_input(f->session, buf_slice(&f->in));
			buf_consume(&f->in, used);
		}
		if (used == 0 && (out->n == 0 || !f->eager || smtp_session_held(f->session)))
			break;
	}
	if (smtp_session_want(f->session) == SMTP_CLOSE)
		f->closed = true;
}

static void wake(void *arg)
{
	go_on(arg);
}

void fake_connect(struct fake *f, size_t n)
{
	fake_disconnect(f);
	f->closed = false;
	buf_clear(&f->in);
	buf_clear(&f->out);
	f->session = smtp_session_new(&f->service,
				      &(struct smtp_origin){ .listener = &f->config->listeners[n],
							     .client = "192.0.2.7:1234",
							     .ip = "192.0.2.7",
							     .source = &f->source },
				      wake, f);
	smtp_session_greet(f->session, false);
	go_on(f);
}

void fake_disconnect(struct fake *f)
{
	smtp_session_free(&f->session);
	if (f->service.unaccepted != 0 || f->source.unaccepted != 0)
		abort(); /* the counters must come back to nothing */
}

void fake_send_only(struct fake *f, struct slice s)
{
	if (f->closed)
		return;
	(void)buf_add_slice(&f->in, s);
	go_on(f);
}

bool fake_answer(struct fake *f)
{
	spool_answer_fn *fn = f->pending;
	spool_upload_fn *upload = f->pending_upload;

	f->pending = NULL;
	f->pending_upload = NULL;
	if (upload != NULL) {
		int fd = -1;

		if (f->cancelled)
			return true;
		if (f->upload_answer == SPOOL_ACCEPTED) {
			f->upload_fd = f->upload_path == NULL ? memfd_create("upload", MFD_CLOEXEC)
							      : open(f->upload_path, O_RDWR | O_CLOEXEC);
			fd = dup(f->upload_fd);
			f->uploads_open++;
		}
		upload(f->pending_arg, fd, 7, f->upload_answer);
		return true;
	}
	if (fn == NULL)
		return false;
	if (f->answer == SPOOL_ACCEPTED || f->answer == SPOOL_DUPLICATE) {
		if (f->nmessages < FAKE_MESSAGES_MAX) {
			f->messages[f->nmessages] = f->asked;
			f->asked = (struct fake_message){ 0 };
		}
		f->nmessages++;
	}
	if (!f->cancelled)
		fn(f->pending_arg, f->answer, (int64_t)f->nmessages);
	return true;
}

void fake_send(struct fake *f, struct slice s)
{
	fake_send_only(f, s);
	while (fake_answer(f))
		;
}

void fake_wait(struct fake *f, int64_t ms)
{
	fake_now += ms;
	later_run(&f->service.later, f->intake, fake_now, false);
	if (!f->closed && fake_now >= smtp_session_deadline(f->session)) {
		smtp_session_timeout(f->session);
		go_on(f);
	}
}

const char *fake_told(struct fake *f)
{
	static struct buf told = { .max = 16 << 20 };

	buf_clear(&told);
	(void)buf_add_slice(&told, buf_slice(&f->out));
	buf_clear(&f->out);
	return buf_str(&told);
}
