/* COMPRESS=DEFLATE (RFC 4978). */
#include "base/log.h"
#include "imap/dialog.h"
#include "imap/session_impl.h"

enum { WORTH_TELLING = 4096 }; /* octets; a connection that did less broke or had nothing to do */

static bool is_wanted(const struct imap *s)
{
	if (s->server->compress == CONFIG_COMPRESS_OFF || !imap_has(s, "COMPRESS=DEFLATE"))
		return false;
	/* A line of the office's own is faster than packing. */
	return s->server->compress == CONFIG_COMPRESS_ON || !s->lan;
}

int imap_compress(struct imap *s, struct err *e)
{
	struct imap_reply r;
	int ret;

	if (!is_wanted(s))
		return 0;
	/* What stands behind the tagged OK is compressed (RFC 4978, 3). */
	stream_set_careful(s->stream, true);
	ret = dialog_run(s, &r, e, "COMPRESS DEFLATE");
	stream_set_careful(s->stream, false);
	if (ret != 0)
		return -1;
	if (r.status == IMAP_OK)
		return stream_start_deflate(s->stream, e);
	/* It was only an offer to save octets. */
	log_warning("compress-refused", LOG_STR(config_field(s->server), s->server->name), LOG_STR("reason", r.text));
	return 0;
}

bool imap_compressed(const struct imap *s)
{
	struct deflate_count c;

	return stream_deflated(s->stream, &c);
}

void imap_log_compressed(const struct imap *s)
{
	struct deflate_count c;
	uint64_t plain, packed;

	if (!stream_deflated(s->stream, &c))
		return;
	plain = c.sent + c.got;
	packed = c.sent_packed + c.got_packed;
	LOG_EVENT(plain < WORTH_TELLING ? LOG_DEBUG : LOG_INFO, "compressed",
		  LOG_STR(config_field(s->server), s->server->name), LOG_NUM("sent", c.sent),
		  LOG_NUM("sent_packed", c.sent_packed), LOG_NUM("received", c.got),
		  LOG_NUM("received_packed", c.got_packed),
		  LOG_NUM("saved_percent", plain > packed ? (plain - packed) * 100 / plain : 0), { 0 });
}
