#include "sasl_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/encode.h"

unsigned exchange_offered(const char *names)
{
	struct slice all = slice_str(names);
	unsigned bits = 0;

	while (all.n > 0) {
		size_t n = slice_find(all, ' ');

		bits |= sasl_offered(slice_of(all.p, n));
		all = slice_skip(all, n < all.n ? n + 1 : n);
	}
	return bits;
}

int exchange_step(struct sasl *s, const char *in, struct buf *out, struct err *e)
{
	struct buf challenge, response;
	int ret;

	buf_init(&challenge, 64 * 1024);
	buf_init(&response, SASL_LINE_MAX);
	buf_clear(out);
	assert_int_equal(base64_encode(slice_str(in), &challenge), 0);
	ret = sasl_step(s, buf_slice(&challenge), &response, e);
	if (ret == 0)
		assert_int_equal(base64_decode(buf_slice(&response), out), 0);
	buf_free(&challenge);
	buf_wipe(&response);
	return ret;
}

#define SCRAM_1_FIRST "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"

#define SCRAM_1_FINAL "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="

const struct exchange exchanges[] = {
	{ "RFC 5802, 5",
	  "SCRAM-SHA-1",
	  "user",
	  NULL,
	  "pencil",
	  NULL,
	  NONCE_1,
	  { { "", SLICE_LIT(SCRAM_1_FIRST) },
	    { SCRAM_1_SERVER, SLICE_LIT(SCRAM_1_FINAL) },
	    { SCRAM_1_PROOF, SLICE_LIT("") } } },
	{ "RFC 7677, 3",
	  "SCRAM-SHA-256",
	  "user",
	  NULL,
	  "pencil",
	  NULL,
	  "rOprNGfwEbeRWgbNEkqO",
	  { { "", SLICE_LIT("n,,n=user,r=rOprNGfwEbeRWgbNEkqO") },
	    { "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	      SLICE_LIT("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
			"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") },
	    { "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", SLICE_LIT("") } } },
	{ "RFC 2195, 2",
	  "CRAM-MD5",
	  "tim",
	  NULL,
	  "tanstaaftanstaaf",
	  NULL,
	  NULL,
	  { { "<1896.697170952@postoffice.reston.mci.net>", SLICE_LIT("tim b913a602c7eda7a495b4e6e7334d3890") } } },
	{ "RFC 4616, 4",
	  "PLAIN",
	  "tim",
	  NULL,
	  "tanstaaftanstaaf",
	  NULL,
	  NULL,
	  { { "", SLICE_LIT("\0tim\0tanstaaftanstaaf") } } },
	{ "RFC 4616, 4: for another",
	  "PLAIN",
	  "Ursel",
	  "Kurt",
	  "xipj3plmq",
	  NULL,
	  NULL,
	  { { "", SLICE_LIT("Ursel\0Kurt\0xipj3plmq") } } },
	{ "login_as that is user", "PLAIN", "tim", "tim", "x", NULL, NULL, { { "", SLICE_LIT("\0tim\0x") } } },
	{ "LOGIN",
	  "LOGIN",
	  "tim",
	  NULL,
	  "tanstaaf",
	  NULL,
	  NULL,
	  { { "Username:", SLICE_LIT("tim") }, { "Password:", SLICE_LIT("tanstaaf") } } },
	{ "RFC 7628, 4.1",
	  "OAUTHBEARER",
	  "user@example.com",
	  NULL,
	  NULL,
	  "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
	  NULL,
	  { { "", SLICE_LIT("n,a=user@example.com,\1host=server.example.com\1port=143\1"
			    "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1") } } },
	{ "XOAUTH2",
	  "XOAUTH2",
	  "someuser@example.com",
	  NULL,
	  NULL,
	  "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	  NULL,
	  { { "", SLICE_LIT("user=someuser@example.com\1"
			    "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\1\1") } } },
	{ "a shared mailbox",
	  "XOAUTH2",
	  "scans@example.org",
	  "tim@example.org",
	  NULL,
	  "t",
	  NULL,
	  { { "", SLICE_LIT("user=scans@example.org\1auth=Bearer t\1\1") } } },
	{ "names with , and =",
	  "SCRAM-SHA-1",
	  "a,b=c",
	  "d=,",
	  "pencil",
	  NULL,
	  "abc",
	  { { "", SLICE_LIT("n,a=a=2Cb=3Dc,n=d=3D=2C,r=abc") } } },
	{ "names with , and =",
	  "OAUTHBEARER",
	  "a,b=c",
	  NULL,
	  NULL,
	  "t",
	  NULL,
	  { { "", SLICE_LIT("n,a=a=2Cb=3Dc,\1host=server.example.com\1port=143\1auth=Bearer t\1\1") } } },
	{ "RFC 4013, 3: a soft hyphen goes",
	  "SCRAM-SHA-1",
	  "I\xc2\xadX",
	  NULL,
	  "pencil",
	  NULL,
	  "abc",
	  { { "", SLICE_LIT("n,,n=IX,r=abc") } } },
};

const size_t exchanges_n = COUNT(exchanges);

struct sasl_setup exchange_setup(const struct exchange *x)
{
	return (struct sasl_setup){ .host = "server.example.com",
				    .port = 143,
				    .user = x->user,
				    .login_as = x->login_as,
				    .password = x->password,
				    .token = x->token,
				    .nonce = x->nonce,
				    .only = x->mechanism,
				    .offered = exchange_offered(x->mechanism) };
}
