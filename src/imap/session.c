#include "imap/session.h"

#include <libetpan/mailimap.h>
#include <libetpan/mailimap_extension.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "imap/session_impl.h"
#include "imap/dialog.h"
#include "net/lan.h"

enum { LOGOUT_MS = 2000 };

/* ---- what libetpan does not know ---- */

static int skip_response(int parser, mailstream *ms, MMAPString *buffer, struct mailimap_parser_context *context,
			 size_t *at, struct mailimap_extension_data **result, size_t rate, progress_function *progress);

static void free_nothing(struct mailimap_extension_data *data)
{
	free(data);
}

static struct mailimap_extension_api anything = {
	.ext_name = "anything",
	.ext_id = -1,
	.ext_parser = skip_response,
	.ext_free = free_nothing,
};

/* Untagged data up to its line end; without this one unknown line puts the parser out of step. */
static int skip_response(int parser, mailstream *ms, MMAPString *buffer, struct mailimap_parser_context *context,
			 size_t *at, struct mailimap_extension_data **result, size_t rate, progress_function *progress)
{
	size_t end = *at;

	(void)ms;
	(void)context;
	(void)rate;
	(void)progress;
	if (parser != MAILIMAP_EXTENDED_PARSER_RESPONSE_DATA)
		return MAILIMAP_ERROR_PARSE;
	while (end < buffer->len && buffer->str[end] != '\r' && buffer->str[end] != '\n')
		end++;
	*result = mailimap_extension_data_new(&anything, 0, NULL);
	if (*result == NULL)
		return MAILIMAP_ERROR_MEMORY;
	*at = end;
	return MAILIMAP_NO_ERROR;
}

void imap_start(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (mailimap_extension_register(&anything) != MAILIMAP_NO_ERROR)
		abort();
}

/* ---- life ---- */

static void release(struct imap **sp, bool reset)
{
	struct imap *s = *sp;

	if (s == NULL)
		return;
	imap_log_compressed(s);
	/* With a stream mailimap_free would log out, and wait for the answer. */
	s->mi->imap_stream = NULL;
	mailimap_free(s->mi);
	if (reset)
		stream_abort(&s->stream);
	else
		stream_close(&s->stream);
	imap_filter_free(&s->filter);
	catalog_clear(&s->catalog);
	free(s->kept);
	free(s);
	*sp = NULL;
}

void imap_abort(struct imap **s)
{
	release(s, true);
}

void imap_close(struct imap **sp)
{
	struct imap *s = *sp;
	struct imap_reply r;
	uint32_t tag;

	if (s == NULL)
		return;
	tag = dialog_tag(s);
	dialog_deadline(s, LOGOUT_MS);
	if (dialog_putf(s, NULL, "%lu LOGOUT", (unsigned long)tag) == 0)
		(void)dialog_finish(s, tag, &r, NULL);
	release(sp, false);
}

static int greet(struct imap *s, struct err *e)
{
	int ret;

	dialog_deadline(s, s->server->timeout);
	ret = mailimap_connect(s->mi, stream_mailstream(s->stream));
	if (ret == MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
		return 0;
	if (ret == MAILIMAP_NO_ERROR_AUTHENTICATED)
		/* Somebody else's login, or bait to skip STARTTLS (RFC 9051, 7.1.4). */
		return err_set(e, ERR_PROTOCOL, 0,
			       "%s says that we are logged in already (PREAUTH); that is not accepted",
			       s->server->host);
	if (stream_failure(s->stream)->class != ERR_NONE) {
		*e = *stream_failure(s->stream);
		return -1;
	}
	return err_set(e, ERR_PROTOCOL, 0, "%s port %u did not greet as an IMAP server does; check host, port and tls",
		       s->server->host, s->server->port);
}

static int start_tls(struct imap *s, struct tls_client *tls, struct err *e)
{
	struct imap_reply r;

	if ((s->can & IMAP_CAN_STARTTLS) == 0)
		return err_set(e, ERR_CONFIG, 0,
			       "%s port %u does not offer STARTTLS; set tls = \"implicit\" and its port (993), or ask "
			       "the provider",
			       s->server->host, s->server->port);
	if (dialog_run(s, &r, e, "STARTTLS") != 0)
		return -1;
	if (r.status != IMAP_OK)
		return err_set(e, ERR_TEMP, 0, "%s refuses STARTTLS: %s", s->server->host, r.text);
	dialog_deadline(s, s->server->timeout);
	if (stream_start_tls(s->stream, tls, e) != 0)
		return -1;
	/* What was learned before TLS may be forged (RFC 9051, 11.1). */
	return imap_ask_capability(s, e);
}

static void reached(const struct imap_login *login, const struct imap *s, enum imap_stage stage)
{
	if (login->reached != NULL)
		login->reached(login->reached_arg, s, stage);
}

struct imap *imap_open(int fd, const struct imap_login *login, struct err *e)
{
	struct imap *s = mem_alloc(sizeof *s);
	const struct config_server *a = login->server;
	uint32_t start;

	s->server = a;
	s->hurry = login->deadline > 0 ? login->deadline : INT64_MAX;
	s->lan = lan_peer(fd);
	s->stream = stream_new(fd, a->host);
	s->filter = imap_filter_new();
	s->mi = mailimap_new(0, NULL);
	if (s->mi == NULL)
		abort();
	stream_set_tap(s->stream, imap_filter_feed, s->filter);
	stream_set_wake(s->stream, login->wake_fd, login->wake, login->wake_arg);
	random_bytes(&start, sizeof start);
	s->tag = 100000000 + start % 1900000000; /* nine or ten digits, and room to count on */

	dialog_deadline(s, a->timeout);
	if (a->tls == CONFIG_TLS_IMPLICIT && stream_start_tls(s->stream, login->tls, e) != 0)
		goto fail;
	if (a->tls == CONFIG_TLS_IMPLICIT)
		reached(login, s, IMAP_STAGE_ENCRYPTED);
	if (greet(s, e) != 0 || imap_ask_capability(s, e) != 0)
		goto fail;
	reached(login, s, IMAP_STAGE_GREETED);
	if (a->tls == CONFIG_TLS_STARTTLS && start_tls(s, login->tls, e) != 0)
		goto fail;
	if (a->tls == CONFIG_TLS_STARTTLS)
		reached(login, s, IMAP_STAGE_ENCRYPTED);
	if (imap_authenticate(s, login, e) != 0)
		goto fail;
	reached(login, s, IMAP_STAGE_LOGGED_IN);
	if (imap_compress(s, e) != 0 || imap_ask_style(s, e) != 0)
		goto fail;
	return s;
fail:
	imap_abort(&s);
	return NULL;
}

unsigned imap_can(const struct imap *s)
{
	return s->can;
}

uint64_t imap_append_limit(const struct imap *s)
{
	return s->append_limit;
}

const struct folder_style *imap_style(const struct imap *s)
{
	return &s->style;
}

bool imap_tls_facts(const struct imap *s, struct tls_facts *out)
{
	return stream_tls_facts(s->stream, out);
}

const char *imap_mechanism(const struct imap *s)
{
	return s->mechanism;
}

bool imap_utf8(const struct imap *s)
{
	return s->utf8;
}

void imap_hurry(struct imap *s, int64_t mono_ms)
{
	s->hurry = mono_ms;
	if (stream_deadline(s->stream) > mono_ms)
		stream_set_deadline(s->stream, mono_ms);
}

unsigned imap_errors(const struct imap *s)
{
	return s->errors;
}

const char *imap_bye(const struct imap *s)
{
	return imap_filter_bye(s->filter);
}

int imap_noop(struct imap *s, struct err *e)
{
	struct imap_reply r;

	return dialog_run(s, &r, e, "NOOP");
}
