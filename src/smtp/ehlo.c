/* What EHLO and LHLO offer: one row for each extension. */
#include "smtp/internal.h"

enum { OFFER_MAX = 500 }; /* octets of a line (RFC 5321, 4.5.3.1.5: 512 with code and line end) */

struct offer {
	/* Adds keyword and parameters. False: not offered in this session as it stands. */
	bool (*say)(const struct smtp_session *s, struct buf *line);
};

/* RFC 2920 */
static bool pipelining(const struct smtp_session *s, struct buf *line)
{
	(void)s;
	return buf_add_str(line, "PIPELINING") == 0;
}

/* RFC 1870 */
static bool size(const struct smtp_session *s, struct buf *line)
{
	return buf_addf(line, "SIZE %llu", (unsigned long long)intake_size_offer(s->service->intake)) == 0;
}

/* RFC 6152 */
static bool eightbit(const struct smtp_session *s, struct buf *line)
{
	(void)s;
	return buf_add_str(line, "8BITMIME") == 0;
}

/* RFC 2034 */
static bool enhanced(const struct smtp_session *s, struct buf *line)
{
	(void)s;
	return buf_add_str(line, "ENHANCEDSTATUSCODES") == 0;
}

/* RFC 3207 */
static bool starttls(const struct smtp_session *s, struct buf *line)
{
	return smtp_offers_tls(s) && buf_add_str(line, "STARTTLS") == 0;
}

/* RFC 3030. BINARYMIME is not: IMAP takes no NULs but by an extension that few stores have. */
static bool chunking(const struct smtp_session *s, struct buf *line)
{
	return s->listener->chunking && buf_add_str(line, "CHUNKING") == 0;
}

/* RFC 6531 */
static bool smtputf8(const struct smtp_session *s, struct buf *line)
{
	return smtp_utf8_offered(s) && buf_add_str(line, "SMTPUTF8") == 0;
}

/* RFC 9422. Domains are not counted, so RCPTDOMAINMAX says nothing. */
static bool limits(const struct smtp_session *s, struct buf *line)
{
	const struct config *c = s->service->config;
	const unsigned most = c->limits.recipients < SPOOL_RECIPIENTS_MAX ? c->limits.recipients : SPOOL_RECIPIENTS_MAX;

	return buf_addf(line, "LIMITS MAILMAX=%u RCPTMAX=%u", c->limits.messages, most) == 0;
}

/* RFC 4954 */
static bool auth(const struct smtp_session *s, struct buf *line)
{
	return buf_add_str(line, "AUTH ") == 0 && smtp_auth_list(s, line);
}

/* Devices from before RFC 2554 look for this; nobody else should see it. */
static bool auth_old(const struct smtp_session *s, struct buf *line)
{
	return s->listener->auth_plaintext && buf_add_str(line, "AUTH=") == 0 && smtp_auth_list(s, line);
}

static const struct offer offers[] = { { pipelining }, { size }, { eightbit }, { enhanced }, { starttls },
					{ chunking }, { smtputf8 }, { limits }, { auth }, { auth_old } };

void smtp_offer(struct smtp_session *s)
{
	struct buf line;
	const char *name = s->service->config->hostname;
	bool more;

	/* Each line is out once the next is known, as the last one is marked (RFC 5321, 4.2.1). */
	buf_init(&line, OFFER_MAX);
	(void)buf_add_str(&line, name);
	for (size_t i = 0; i <= sizeof offers / sizeof offers[0]; i++) {
		struct buf next;

		buf_init(&next, OFFER_MAX);
		more = i < sizeof offers / sizeof offers[0];
		if (!more || offers[i].say(s, &next)) {
			(void)buf_addf(&s->out, "250%c%s\r\n", more ? '-' : ' ', buf_str(&line));
			buf_free(&line);
			line = next;
		} else {
			buf_free(&next);
		}
	}
	buf_free(&line);
}
