#include "smtp_fake.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"
#include "smtp/gate.h"

static int64_t fake_now = 1000000;

static int64_t now(void)
{
	return fake_now;
}

static void kept_free(struct fake_message *m)
{
	free(m->text);
	free(m->further);
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

static void read_upload(struct fake *f, uint64_t upload, struct buf *out, bool keep)
{
	int *fd = &f->upload_fds[upload - 1];
	char piece[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(*fd, piece, sizeof piece, at)) > 0) {
		(void)buf_add(out, piece, (size_t)n);
		at += n;
	}
	if (keep)
		return;
	file_close(fd);
	f->uploads_open--;
}

/* ---- what is remembered ---- */

static bool remembers(const struct fake *f, const struct spool_memory *k)
{
	for (size_t i = 0; i < f->nmemory; i++)
		if (strcmp(f->memory[i].account, k->account) == 0 &&
		    memcmp(f->memory[i].key, k->key, SPOOL_KEY_SIZE) == 0)
			return true;
	return false;
}

static void remember(struct fake *f, const struct spool_memory *k)
{
	struct fake_memory *to;

	if (remembers(f, k))
		return;
	if (f->nmemory == FAKE_MEMORY_MAX)
		abort();
	to = &f->memory[f->nmemory++];
	(void)snprintf(to->account, sizeof to->account, "%s", k->account);
	memcpy(to->key, k->key, SPOOL_KEY_SIZE);
}

/* As the commit would: true when it is to be judged anew. */
static bool take_memory(struct fake *f, const struct spool_message *m)
{
	for (size_t i = 0; i < m->nmemory; i++)
		if (m->memory[i].once && f->races > 0) {
			f->races--;
			remember(f, &m->memory[i]);
			return true;
		}
	for (size_t i = 0; i < m->nmemory; i++)
		if (m->memory[i].once && remembers(f, &m->memory[i]))
			return true;
	for (size_t i = 0; i < m->nmemory; i++)
		if (f->answer == SPOOL_ACCEPTED)
			remember(f, &m->memory[i]);
	return false;
}

static uint64_t spool_fake_recall(void *spool, const struct spool_memory *keys, size_t n, spool_known_fn *fn, void *arg)
{
	struct fake *f = spool;

	if (n > FAKE_MEMORY_MAX)
		abort();
	f->recalls++;
	f->recalling = true;
	for (size_t i = 0; i < n; i++)
		f->recall[i] = remembers(f, &keys[i]) ? 1 : 0;
	f->pending_known = fn;
	f->pending_arg = arg;
	f->nknown = n;
	f->cancelled = false;
	return 4;
}

/* ---- messages ---- */

static char *describe_further(struct fake *f, const struct spool_message *m)
{
	struct buf b, body;
	char *text;

	f->further_to = m->nfurther > 0 && m->further[0].ndeliveries > 0 ? m->further[0].deliveries[0].to.n / 2 : 0;
	f->further_of = f->further_to == 0 ? -1 : m->further[0].deliveries[0].to.p[1];
	buf_init(&b, 1 << 20);
	buf_init(&body, 256 << 20);
	for (size_t i = 0; i < m->nfurther; i++) {
		const struct spool_message *one = &m->further[i];

		text = describe(one);
		buf_clear(&body);
		(void)buf_add_slice(&body, one->body);
		if (one->upload != 0) {
			read_upload(f, one->upload, &body, false);
			(void)buf_add_str(&b, " (file)");
		}
		if (body.n != one->size && !f->heads)
			abort();
		(void)buf_addf(&b, " + %s%s%s body=%.*s", one->apart ? "apart " : "",
			       one->refused ? "refused " : "", text,
			       (int)(body.n < 100 ? body.n : 100), body.p);
		free(text);
	}
	text = slice_dup(buf_slice(&b));
	buf_free(&b);
	buf_free(&body);
	return text;
}

static uint64_t spool_fake_accept(void *spool, const struct spool_message *m, spool_answer_fn *fn, void *arg)
{
	struct fake *f = spool;

	kept_free(&f->asked);
	f->raced = take_memory(f, m);
	f->asked.text = describe(m);
	f->asked.further = describe_further(f, m);
	f->asked.ndeliveries = m->ndeliveries;
	f->asked.internal_ms = m->internal_ms;
	memcpy(f->asked.fingerprint, m->recipients[0].fingerprint, 32);
	buf_init(&f->asked.body, 256 << 20);
	buf_init(&f->asked.prefix, 1 << 20);
	(void)buf_add_slice(&f->asked.body, m->body);
	if (m->ndeliveries > 0)
		(void)buf_add_slice(&f->asked.prefix, m->deliveries[0].prefix);
	if (m->upload != 0) {
		read_upload(f, m->upload, &f->asked.body, f->raced);
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

	file_close(&f->upload_fds[upload - 1]);
	f->uploads_open--;
	f->uploads_dropped++;
}

static uint64_t spool_fake_known(void *spool, const struct spool_message *m, spool_known_fn *fn, void *arg)
{
	struct fake *f = spool;

	f->pending_known = fn;
	f->pending_arg = arg;
	f->nknown = m->nrecipients;
	f->cancelled = false;
	return 3;
}

static void spool_fake_confirm(void *spool, int64_t ticket, enum spool_reply what)
{
	struct fake *f = spool;

	if (ticket < 1 || ticket > (int64_t)f->nmessages || what < SPOOL_READ || what > SPOOL_UNSURE)
		abort(); /* a message that was never accepted */
	f->told[what]++;
	f->confirmed += what == SPOOL_READ;
	f->last_confirmed = ticket;
}

static void spool_fake_unanswered(void *spool, const char *id)
{
	struct fake *f = spool;

	if (strlen(id) != 16)
		abort();
	f->told[SPOOL_UNREAD]++;
}

static const struct intake_spool functions = {
	.accept = spool_fake_accept,
	.cancel = spool_fake_cancel,
	.upload_open = spool_fake_upload_open,
	.upload_drop = spool_fake_upload_drop,
	.known = spool_fake_known,
	.confirm = spool_fake_confirm,
	.unanswered = spool_fake_unanswered,
	.recall = spool_fake_recall,
};

static bool spool_fake_bundles(void *spool, uint64_t size)
{
	struct fake *f = spool;

	if (size > SPOOL_BUNDLED_MAX || f->rooms == 0)
		return false;
	f->rooms--;
	return true;
}

static void open_with(struct fake *f, const char *config, const char *rules, const struct intake_spool *spool)
{
	struct buf errors;

	log_open("test", getenv("FAKE_LOG") != NULL ? LOG_DEBUG : LOG_ERROR);
	*f = (struct fake){ .upload_fds = { -1, -1, -1, -1 }, .eager = true };
	buf_init(&errors, 10000);
	f->config = config_check("test", slice_str(config), &errors);
	if (f->config == NULL) {
		fprintf(stderr, "%s", buf_str(&errors));
		abort();
	}
	f->intake = intake_new(f->config, spool, f);
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

void fake_open(struct fake *f, const char *config, const char *rules)
{
	open_with(f, config, rules, &functions);
}

void fake_open_sharing(struct fake *f, const char *config, const char *rules)
{
	static struct intake_spool sharing;

	sharing = functions;
	sharing.bundles = spool_fake_bundles;
	open_with(f, config, rules, &sharing);
}

void fake_forget(struct fake *f)
{
	for (size_t i = 0; i < f->nmessages && i < FAKE_MESSAGES_MAX; i++)
		kept_free(&f->messages[i]);
	f->nmessages = 0;
}

void fake_close(struct fake *f)
{
	fake_disconnect(f);
	intake_free(&f->intake);
	config_free(&f->config);
	fake_forget(f);
	kept_free(&f->asked);
	buf_free(&f->in);
	buf_free(&f->out);
	for (size_t i = 0; i < sizeof f->upload_fds / sizeof f->upload_fds[0]; i++)
		file_close(&f->upload_fds[i]);
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
			smtp_session_saying(f->session);
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
	struct smtp_client known;
	struct sockaddr_in sa = { .sin_family = AF_INET };

	sa.sin_addr.s_addr = htonl(f->from == 0 ? 0xc0000207 : f->from);
	gate_know(f->config, (struct sockaddr *)&sa, &known);
	fake_disconnect(f);
	f->closed = false;
	buf_clear(&f->in);
	buf_clear(&f->out);
	f->session = smtp_session_new(&f->service,
				      &(struct smtp_origin){ .listener = &f->config->listeners[n],
							     .client = "192.0.2.7:1234",
							     .ip = "192.0.2.7",
							     .source = &f->source,
							     .known = known },
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
	spool_known_fn *known = f->pending_known;

	f->pending = NULL;
	f->pending_upload = NULL;
	f->pending_known = NULL;
	if (upload != NULL) {
		int fd = -1;
		uint64_t number = 0;

		if (f->cancelled)
			return true;
		if (f->upload_answer == SPOOL_ACCEPTED) {
			while (f->upload_fds[number] >= 0)
				number++;
			f->upload_fds[number] = f->upload_path == NULL ? memfd_create("upload", MFD_CLOEXEC)
								       : open(f->upload_path, O_RDWR | O_CLOEXEC);
			fd = dup(f->upload_fds[number]);
			f->uploads_open++;
		}
		upload(f->pending_arg, fd, number + 1, f->upload_answer);
		return true;
	}
	if (known != NULL) {
		char *all = mem_alloc(f->nknown);

		memset(all, f->known, f->nknown);
		for (size_t i = 0; f->known_each != NULL && !f->recalling && i < f->nknown; i++)
			all[i] = f->known_each[i] == '1';
		for (size_t i = 0; f->recalling && i < f->nknown; i++)
			all[i] = f->recall[i];
		f->recalling = false;
		if (!f->cancelled)
			known(f->pending_arg, SPOOL_ACCEPTED, slice_of(all, f->nknown));
		free(all);
		return true;
	}
	if (fn == NULL)
		return false;
	if (f->raced) {
		f->raced = false;
		f->anew++;
		if (!f->cancelled)
			fn(f->pending_arg, SPOOL_ANEW, NULL);
		return true;
	}
	if (f->answer == SPOOL_ACCEPTED || f->answer == SPOOL_DUPLICATE) {
		if (f->nmessages < FAKE_MESSAGES_MAX) {
			f->messages[f->nmessages] = f->asked;
			f->asked = (struct fake_message){ 0 };
		}
		f->nmessages++;
	}
	if (!f->cancelled)
		fn(f->pending_arg, f->answer,
		   &(const struct spool_taken){ (int64_t)f->nmessages, (int64_t)f->nmessages,
						f->answer == SPOOL_DUPLICATE ? "first00000000000" : NULL });
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
