/* Mechanisms of one or two answers: EXTERNAL (RFC 4422, A), PLAIN (RFC 4616), LOGIN (never standardised), CRAM-MD5
 * (RFC 2195). */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "net/sasl_impl.h"

/* With the mailbox named, so that a certificate of another user does not open another mailbox. */
int sasl_external_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	(void)in;
	(void)e;
	s->committed = s->complete = true;
	(void)buf_add_str(out, s->setup->user);
	return 0;
}

int sasl_plain_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	(void)in;
	(void)e;
	s->committed = s->complete = true;
	(void)buf_add_str(out, sasl_other_user(s->setup));
	(void)buf_add_char(out, '\0');
	(void)buf_add_str(out, sasl_login_name(s->setup));
	(void)buf_add_char(out, '\0');
	(void)buf_add_str(out, s->setup->password);
	return 0;
}

/* The prompts are words for people ("Username:", "User Name"), in this order everywhere. */
int sasl_login_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	(void)in;
	(void)e;
	if (s->round == 0) {
		(void)buf_add_str(out, sasl_login_name(s->setup));
		return 0;
	}
	s->committed = s->complete = true;
	(void)buf_add_str(out, s->setup->password);
	return 0;
}

int sasl_cram_step(struct sasl *s, struct slice in, struct buf *out, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (in.n == 0)
		return err_set(e, ERR_PROTOCOL, 0, "%s sends an empty challenge of CRAM-MD5", s->setup->host);
	if (HMAC(EVP_md5(), s->setup->password, (int)strlen(s->setup->password), (const unsigned char *)in.p, in.n,
		 digest, &n) == NULL)
		return err_set(e, ERR_CONFIG, 0,
			       "OpenSSL does not give MD5 here, which CRAM-MD5 needs; set auth to another "
			       "mechanism");
	s->committed = s->complete = true;
	(void)buf_add_str(out, sasl_login_name(s->setup));
	(void)buf_add_char(out, ' ');
	(void)hex_encode(slice_of((const char *)digest, n), out);
	mem_wipe(digest, sizeof digest);
	return 0;
}
