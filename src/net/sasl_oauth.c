/*
 * Access tokens: OAUTHBEARER (RFC 7628, 3) and XOAUTH2, its forerunner, as Google
 * and Microsoft publish it. A server that refuses a token says why in JSON within
 * the exchange, and fails it only after one more answer of ours.
 */
#include <jansson.h>
#include <string.h>

#include "net/sasl_impl.h"

/* ^A parts the fields: nothing that we put in may hold one, nor any other control character. */
static bool plain_text(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
		if (*c < ' ' || *c == 0x7f)
			return false;
	}
	return text[0] != '\0';
}

static int check(const struct sasl *s, struct err *e)
{
	for (const char *c = s->setup->token; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~')
			return err_set(
			    e, ERR_CONFIG, 0,
			    "the access token holds characters that no token has (RFC 6750, 2.1); check where it "
			    "comes from");
	}
	if (s->setup->token[0] == '\0' || !plain_text(s->setup->user) || !plain_text(sasl_login_name(s->setup)))
		return err_set(e, ERR_CONFIG, 0, "user or access token are empty or no plain text");
	return 0;
}

/* {"status":"invalid_token", …} or {"status":"401", …}; a reply that is no such thing still means no. */
static void read_error(struct sasl *s, struct slice in)
{
	json_t *root = in.n == 0 ? NULL : json_loadb(in.p, in.n, JSON_REJECT_DUPLICATES, NULL);
	const char *status = json_string_value(json_object_get(root, "status"));

	sasl_complain(s, SASL_DENIED, slice_str(status == NULL ? "no status" : status));
	if (status != NULL && status[0] == '5' && strlen(status) == 3) /* HTTP's: trouble of the server */
		s->verdict = SASL_LATER;
	json_decref(root);
}

int sasl_bearer_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	if (s->round > 0) {
		s->complete = true;
		read_error(s, in);
		return buf_add_char(out, '\1');
	}
	if (check(s, e) != 0)
		return -1;
	s->committed = true;
	(void)buf_add_str(out, "n,a=");
	scram_add_name(out, s->setup->user);
	(void)buf_addf(out, ",\1host=%s\1port=%u\1auth=Bearer ", s->setup->host, s->setup->port);
	(void)buf_add_str(out, s->setup->token);
	(void)buf_add_str(out, "\1\1");
	return 0;
}

int sasl_xoauth2_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	if (s->round > 0) {
		s->complete = true;
		read_error(s, in);
		return 0;
	}
	if (check(s, e) != 0)
		return -1;
	s->committed = true;
	(void)buf_addf(out, "user=%s\1auth=Bearer ", s->setup->user);
	(void)buf_add_str(out, s->setup->token);
	(void)buf_add_str(out, "\1\1");
	return 0;
}

/* Jansson seeds its tables from /dev/urandom when the first is made. */
void sasl_start(void)
{
	json_object_seed(0);
}
