/* mailto URIs (RFC 6068): what they name, and what of them is no use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "msg/mailto.h"

static const struct {
	const char *uri;
	const char *to, *cc; /* joined by blanks; NULL: the URI is not valid */
	const char *subject, *body, *fields;
} rows[] = {
	{ "mailto:chris@example.com", "chris@example.com", "", NULL, NULL, "" },
	{ "MAILTO:chris@example.com", "chris@example.com", "", NULL, NULL, "" },
	{ "mailto:a@example.com,b@example.com", "a@example.com b@example.com", "", NULL, NULL, "" },
	{ "mailto:a@example.com?to=b@example.com&cc=c@example.com", "a@example.com b@example.com", "c@example.com", NULL,
	  NULL, "" },
	{ "mailto:?to=joe@example.com&subject=a%20b", "joe@example.com", "", "a b", NULL, "" },
	{ "mailto:?cc=joe@example.com", "", "joe@example.com", NULL, NULL, "" },
	{ "mailto:a@example.com?subject=caf%C3%A9&subject=two", "a@example.com", "", "caf\xc3\xa9", NULL, "" },
	{ "mailto:a@example.com?body=one%0D%0Atwo", "a@example.com", "", NULL, "one\r\ntwo", "" },
	{ "mailto:a@example.com?body=one&body=two", "a@example.com", "", NULL, "one\r\ntwo", "" },
	{ "mailto:a@example.com?In-Reply-To=%3C1@example.com%3E", "a@example.com", "", NULL, NULL,
	  "In-Reply-To=<1@example.com>;" },
	{ "mailto:gorby%25kremvax@example.com", "gorby%kremvax@example.com", "", NULL, NULL, "" },
	{ "mailto:a%2Cb@example.com", "", NULL, NULL, NULL, NULL },
	{ "mailto:%22a%2Cb%22@example.com", "\"a,b\"@example.com", "", NULL, NULL, "" },
	{ "mailto:a@example.com?subject=x/y?z=1", "a@example.com", "", "x/y?z=1", NULL, "" },
	{ "mailto:a@example.com?&subject=x", "", NULL, NULL, NULL, NULL },
	{ "mailto:user@%E4%BE%8B.example", "user@\xe4\xbe\x8b.example", "", NULL, NULL, "" },
	/* RFC 5436, 2.7, RFC 6068, 4: not for a URI. */
	{ "mailto:a@example.com?from=x@example.net&From=y@example.net&auto-submitted=no&received=x&date=x&message-id=x&"
	  "Content-Type=text/html&mime-version=2&resent-from=x&bcc=z@example.net&X-Mailferry-Redirected=a@b.example&"
	  "sender=q&x-note=1",
	  "a@example.com", "", NULL, NULL, "x-note=1;" },
	/* Not valid. */
	{ "", "", NULL, NULL, NULL, NULL },
	{ "http://example.com/", "", NULL, NULL, NULL, NULL },
	{ "mailto:", "", NULL, NULL, NULL, NULL },
	{ "mailto:?subject=x", "", NULL, NULL, NULL, NULL },
	{ "mailto:a", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com,", "", NULL, NULL, NULL, NULL },
	{ "mailto:,a@example.com", "", NULL, NULL, NULL, NULL },
	{ "mailto:a b@example.com", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?subject", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?=x", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?sub%3Aject=x", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?subject=%4", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?subject=%zz", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?subject=%FF", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?subject=one%0D%0ABcc:%20x@example.net", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?x-note=one%0Atwo", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?x%0Ay=1", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?body=%00", "", NULL, NULL, NULL, NULL },
	{ "mailto:a%0D@example.com", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?to=nobody", "", NULL, NULL, NULL, NULL },
	{ "mailto:a@example.com?cc=b@example.com,", "a@example.com", "b@example.com", NULL, NULL, "" },
	{ "mailto:a@example.com#x", "", NULL, NULL, NULL, NULL },
};

static char *addresses(const struct address *all, size_t n)
{
	struct buf out;

	buf_init(&out, 8192);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)buf_add_char(&out, ' ');
		assert_int_equal(address_format(&all[i], &out), 0);
	}
	(void)buf_str(&out);
	return out.p == NULL ? mem_strdup("") : buf_take(&out, NULL);
}

static void same(const char *uri, const char *what, const char *got, const char *want)
{
	if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
		fail_msg("%s: %s is \"%s\", expected \"%s\"", uri, what, got == NULL ? "(none)" : got,
			 want == NULL ? "(none)" : want);
}

static void uris_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mailto m;
		struct err e = { 0 };
		const int r = mailto_parse(slice_str(rows[i].uri), &m, &e);
		char *to = addresses(m.to, m.nto), *cc = addresses(m.cc, m.ncc);
		struct buf fields;

		if ((r == 0) != (rows[i].cc != NULL))
			fail_msg("%s: %s", rows[i].uri, r == 0 ? "is taken" : e.text);
		if (r != 0)
			assert_true(e.text[0] != '\0');
		buf_init(&fields, 1000);
		for (size_t k = 0; k < m.nfields; k++)
			(void)buf_addf(&fields, "%s=%s;", m.fields[k].name, m.fields[k].value);
		if (r == 0) {
			same(rows[i].uri, "to", to, rows[i].to);
			same(rows[i].uri, "cc", cc, rows[i].cc);
			same(rows[i].uri, "subject", m.subject, rows[i].subject);
			same(rows[i].uri, "body", m.body, rows[i].body);
			same(rows[i].uri, "fields", buf_str(&fields), rows[i].fields);
		}
		buf_free(&fields);
		free(to);
		free(cc);
		mailto_free(&m);
	}
}

static void bounds_hold(void **state)
{
	struct buf uri;
	struct mailto m;
	struct err e;

	(void)state;
	buf_init(&uri, 1 << 20);
	(void)buf_add_str(&uri, "mailto:a@example.com");
	for (int i = 0; i < MAILTO_ADDRESSES_MAX; i++)
		(void)buf_addf(&uri, ",a%d@example.com", i);
	assert_int_equal(mailto_parse(buf_slice(&uri), &m, &e), -1);
	mailto_free(&m);
	buf_clear(&uri);
	(void)buf_add_str(&uri, "mailto:a@example.com?x=1");
	for (int i = 0; i < MAILTO_FIELDS_MAX; i++)
		(void)buf_addf(&uri, "&x%d=1", i);
	assert_int_equal(mailto_parse(buf_slice(&uri), &m, &e), -1);
	mailto_free(&m);
	while (uri.n <= MAILTO_MAX)
		(void)buf_add_str(&uri, "&subject=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	assert_int_equal(mailto_parse(buf_slice(&uri), &m, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	mailto_free(&m);
	buf_free(&uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_are_read),
		cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
