/* Parts of messages, and the parameters of their types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "msg/mime.h"
#include "msg/mime_param.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define MULTI(b) "Content-Type: multipart/mixed; boundary=" b "\r\n\r\n"

static void types_are_read(void **state)
{
	static const struct {
		const char *value, *type, *subtype;
		bool ok;
	} rows[] = {
		{ " text/html", "text", "html", true },
		{ "Text/HTML; charset=x", "Text", "HTML", true },
		{ "(a (b)) text (c) / (d) html (e)", "text", "html", true },
		{ "\r\n application/x-y+z.1;", "application", "x-y+z.1", true },
		{ "", "text", "plain", false },
		{ "text", "text", "plain", false },
		{ "text/", "text", "plain", false },
		{ "/html", "text", "plain", false },
		{ "html", "text", "plain", false },
		{ "(text/html", "text", "plain", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice type, subtype;

		assert_int_equal(mime_type_parse(slice_str(rows[i].value), &type, &subtype), rows[i].ok);
		assert_true(slice_eq(type, slice_str(rows[i].type)));
		assert_true(slice_eq(subtype, slice_str(rows[i].subtype)));
	}
}

static void parameters_are_read(void **state)
{
	static const struct {
		const char *value, *name, *found; /* NULL: not there */
	} rows[] = {
		{ "text/plain; charset=us-ascii (Plain text)", "charset", "us-ascii" },
		{ "text/plain; charset=\"us-ascii\"", "CharSet", "us-ascii" },
		{ "text/plain;charset=a;charset=b", "charset", "a" },
		{ "text/plain; (x;y=z) a = b ; c=d", "a", "b" },
		{ "text/plain; a=b;; c=d;", "c", "d" },
		{ "text/plain; a; =x; c=d", "c", "d" },
		{ "text/plain; a=\"x;c=no\"; c=d", "c", "d" },
		{ "text/plain \"; c=no\"; c=d", "c", "d" },
		{ "text/plain; a=\"x\" junk \";c=no\" ; c=d", "c", "d" },
		{ "text/plain; c=\"a\\\"b\\\\c\"", "c", "a\"b\\c" },
		{ "text/plain; c=\"a\r\n b\"", "c", "a b" },
		{ "text/plain; c=\"a", "c", "a" },
		{ "text/plain; c=\"a\\", "c", "a\\" },
		{ "text/plain; c=my file (1).pdf; d=e", "c", "my file" },
		{ "text/plain; c=file(1).pdf", "c", "file(1).pdf" },
		{ "text/plain; c=", "c", "" },
		{ "text/plain; c=\"\"", "c", "" },
		{ "text/plain; cc=d", "c", NULL },
		{ "text/plain", "c", NULL },
		{ "", "c", NULL },
		{ "text/plain (; c=d", "c", NULL },
		{ "text/plain; c=\"=?utf-8?q?=C3=A9?=.pdf\"", "c", "\xc3\xa9.pdf" },
		{ "text/plain; c==?utf-8?q?a?=", "c", "a" },
		{ "text/plain; c=\"\xff\"", "c", "\xef\xbf\xbd" },
		/* RFC 2231, 3 and 4. */
		{ "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n "
		  "URL*1=\"ftp.example.com/pub/x.tar\"",
		  "url", "ftp://ftp.example.com/pub/x.tar" },
		{ "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title",
		  "This is ***fun***" },
		{ "application/x-stuff\r\n title*0*=us-ascii'en'This%20is%20even%20more%20\r\n"
		  " title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n title*2=\"isn't it!\"",
		  "title", NULL }, /* the semicolons are missing, as in the RFC before its errata */
		{ "application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
		  " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"",
		  "title", "This is even more ***fun*** isn't it!" },
		{ "a/b; c*1=y; c*0=x; c*3=no", "c", "xy" },
		{ "a/b; c*1=y", "c", NULL },
		{ "a/b; c*00=x; c*01=y", "c", "xy" },
		{ "a/b; c*100=x; c*-1=y; c*x=z; c*99999999999999999999=x", "c", NULL },
		{ "a/b; c*=utf-8''%C3%A9%zz%4", "c", "\xc3\xa9%zz%4" },
		{ "a/b; c*=iso-8859-1''%e9", "c", "\xc3\xa9" },
		{ "a/b; c*=x-unknown''%e9", "c", "\xef\xbf\xbd" },
		{ "a/b; c*=''%41", "c", "A" },
		{ "a/b; c*=%41", "c", "A" },
		{ "a/b; c*=a'b", "c", "a'b" },
		{ "a/b; c*0*=utf-8''%C3; c*1*=%A9", "c", "\xc3\xa9" },
		{ "a/b; c*0*=utf-8''a; c*1=%41", "c", "a%41" },
		{ "a/b; c=plain; c*0=x; c*=utf-8''whole", "c", "whole" },
		{ "a/b; c=plain; c*0=x", "c", "x" },
		{ "a/b; *=x; c=y", "c", "y" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;
		int r;

		buf_init(&b, 1000);
		r = mime_param(slice_str(rows[i].value), slice_str(rows[i].name), &b);
		if (r != (rows[i].found != NULL) || (r == 1 && strcmp(buf_str(&b), rows[i].found) != 0))
			fail_msg("%s: %d, %s", rows[i].value, r, buf_str(&b));
		buf_free(&b);
		if (rows[i].found != NULL && strlen(rows[i].found) > 1) {
			buf_init(&b, strlen(rows[i].found) - 1);
			assert_int_equal(mime_param(slice_str(rows[i].value), slice_str(rows[i].name), &b), -1);
			buf_free(&b);
		}
	}
}

/* Notes the value; one that is "stop" ends it. */
static int note_value(void *arg, struct slice value)
{
	struct buf *all = arg;

	assert_int_equal(buf_add_slice(all, value), 0);
	assert_int_equal(buf_add_char(all, '|'), 0);
	return slice_eq(value, SLICE_LIT("stop")) ? 7 : 0;
}

static void a_parameter_given_twice_has_two_values(void **state)
{
	static const struct {
		const char *value, *all;
		int got;
	} rows[] = {
		{ "a/b", "", 0 },
		{ "a/b; c=1", "1|", 0 },
		{ "a/b; c=1; d=x; C=\"2\"; c=", "1|2||", 0 },
		{ "a/b; c=1; c=stop; c=3", "1|stop|", 7 },
		{ "a/b; c=plain; c*=utf-8''%C3%A9; c*=''B", "\xc3\xa9|B|plain|", 0 },
		{ "a/b; c*0=x; c*1=y; c*0=z; c=plain", "xy|plain|", 0 },
		{ "a/b; c=1; c*1=b; c*=''2; c=3; c*0=a", "2|ab|1|3|", 0 },
		{ "a/b; c*=''1; c*=''2; c*=''3; c*=''4; c*=''5; c*=''6; c*=''7; c*=''8; c*0=s; c=a; c=b; c=c; c=d; "
		  "c=e; c=f; c=g; c=h; c*=''9; c=i",
		  "1|2|3|4|5|6|7|8|s|a|b|c|d|e|f|g|h|", 0 },
		{ "a/b; c=1; c=2; c=3; c=4; c=5; c=6; c=7; c=8; c=9", "1|2|3|4|5|6|7|8|", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf room, all;
		int got;

		buf_init(&room, 16);
		buf_init(&all, 1000);
		got = mime_param_each(slice_str(rows[i].value), SLICE_LIT("c"), &room, note_value, &all);
		if (got != rows[i].got || strcmp(buf_str(&all), rows[i].all) != 0)
			fail_msg("%s: %d, %s", rows[i].value, got, buf_str(&all));
		buf_free(&room);
		buf_free(&all);
	}
}

/* "parent:type/subtype[body]" of each part, with '!' behind a message's root; "CUT" at the end. */
static char *tree(const struct mime *m)
{
	struct buf b;

	buf_init(&b, 100000);
	for (size_t i = 0; i < m->n; i++) {
		const struct mime_part *p = &m->parts[i];

		if (p->parent != MIME_NONE)
			assert_int_equal(buf_addf(&b, "%zu", p->parent), 0);
		assert_int_equal(buf_add_char(&b, ':'), 0);
		assert_int_equal(buf_add_slice(&b, p->subtype), 0);
		assert_int_equal(buf_add_str(&b, p->message ? "!" : ""), 0);
		if (!p->multipart && !(i + 1 < m->n && m->parts[i + 1].parent == i))
			assert_int_equal(buf_addf(&b, "[%.*s]", (int)p->body.n, p->body.p), 0);
		assert_int_equal(buf_add_char(&b, ' '), 0);
	}
	if (m->cut)
		assert_int_equal(buf_add_str(&b, "CUT"), 0);
	return buf_take(&b, NULL);
}

static void parts_are_found(void **state)
{
	static const struct {
		const char *message, *tree;
	} rows[] = {
		{ "", ":plain![] " },
		{ "Subject: x\r\n\r\nbody\r\n", ":plain![body\r\n] " },
		{ "Content-Type: text/html\n\nbody", ":html![body] " },
		{ "Content-Type: text/html", ":html![] " },
		{ "no header at all", ":plain![] " },
		/* RFC 2046, 5.1.1. */
		{ "MIME-Version: 1.0\r\nContent-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n"
		  "preamble\r\n--simple boundary\r\n\r\nimplicit\r\n--simple boundary\r\nContent-type: "
		  "text/html\r\n\r\n"
		  "explicit\r\n\r\n--simple boundary--\r\n\r\nepilogue",
		  ":mixed! 0:plain[implicit] 0:html[explicit\r\n] " },
		{ MULTI("b") "--b\n\none\n--b\n\ntwo\n--b--\n", ":mixed! 0:plain[one] 0:plain[two] " },
		{ MULTI("b") "--b  \t\r\n\r\none\r\n--b--  \r\nx", ":mixed! 0:plain[one] " },
		/* Nested, each closed or not. */
		{ MULTI("a") "--a\r\n" MULTI("b") "--b\r\n\r\n1\r\n--b--\r\nepi\r\n--a\r\n\r\n2\r\n--a--\r\n",
		  ":mixed! 0:mixed 1:plain[1] 0:plain[2] " },
		{ MULTI("a") "--a\r\n" MULTI("b") "--b\r\n\r\n1\r\n--a\r\n\r\n2",
		  ":mixed! 0:mixed 1:plain[1] 0:plain[2] " },
		{ MULTI("a") "--a\r\n" MULTI("a") "--a\r\n\r\n1\r\n--a--\r\n--a\r\n\r\n2\r\n--a--\r\n",
		  ":mixed! 0:mixed 1:plain[1] 0:plain[2] " },
		/* Boundaries that begin like each other, or look like an end. */
		{ MULTI("x") "--x\r\n" MULTI("xx") "--xx\r\n\r\n1\r\n--x\r\n\r\n--xx\r\n2\r\n--x--\r\n",
		  ":mixed! 0:mixed 1:plain[1] 0:plain[--xx\r\n2] " },
		{ MULTI("xx") "--xx\r\n" MULTI("x") "--x\r\n\r\n1\r\n--xx\r\n\r\n--x\r\n2\r\n--xx--\r\n",
		  ":mixed! 0:mixed 1:plain[1] 0:plain[--x\r\n2] " },
		{ MULTI("x") "--x\r\n" MULTI(
		      "x--") "--x--\r\n\r\n1\r\n--x--\r\n\r\n2\r\n--x----\r\n--x\r\n\r\n3\r\n--x--\r\n",
		  ":mixed! 0:mixed 1:plain[1] 1:plain[2] 0:plain[3] " },
		{ MULTI("b") "--bb\r\n--b x\r\n --b\r\n--\r\n-b\r\n--b\r\n\r\n1\r\n--b--x\r\n",
		  ":mixed! 0:plain[1\r\n--b--x\r\n] " },
		{ MULTI("\"a b \"") "--a b\r\n\r\n1\r\n--a b --\r\n--a b--\r\n", ":mixed! 0:plain[1\r\n--a b --] " },
		/* Nothing to look for. */
		{ MULTI("\"\"") "--\r\n\r\n1\r\n----\r\n", ":mixed![--\r\n\r\n1\r\n----\r\n] " },
		{ "Content-Type: multipart/mixed\r\n\r\n--\r\n", ":mixed![--\r\n] " },
		{ "Content-Type: text/plain; boundary=b\r\n\r\n--b\r\n", ":plain![--b\r\n] " },
		/* Empty parts, and headers that a delimiter ends. */
		{ MULTI("b") "--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b\r\n\r\n\r\n\r\n--b--",
		  ":mixed! 0:plain[] 0:plain[] 0:plain[] 0:plain[\r\n] " },
		{ MULTI("b") "--b\r\nContent-Type: text/html\r\n--b\r\nContent-Type: text/css",
		  ":mixed! 0:html[] 0:css[] " },
		{ MULTI("b") "--b", ":mixed! 0:plain[] " },
		{ MULTI("b") "--b--", ":mixed! " },
		{ MULTI("b"), ":mixed! " },
		{ MULTI("b") "--b\r\nContent-Type: message/rfc822\r\n--b--", ":mixed! 0:rfc822 1:plain![] " },
		{ MULTI("b") "--b\r\n"
			     "Content-Type: multipart/mixed; boundary=c\r\n--b\r\n\r\n--c\r\n1\r\n--b--",
		  ":mixed! 0:mixed 0:plain[--c\r\n1] " },
		/* Messages in messages. */
		{ "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nbody", ":rfc822! 0:plain![body] " },
		{ "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdA==",
		  ":rfc822![U3ViamVjdA==] " },
		{ MULTI("b") "--b\r\nContent-Type: message/rfc822\r\n\r\n" MULTI(
		      "c") "--c\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n",
		  ":mixed! 0:rfc822 1:mixed! 2:plain[1] 0:plain[2] " },
		{ "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\n1\r\n"
		  "--b\r\nContent-Type: text/plain\r\n\r\n2\r\n--b--\r\n",
		  ":digest! 0:rfc822 1:plain![1] 0:plain[2] " },
		/* A fold in the type; a type given twice; one that is broken. */
		{ "Content-Type: multipart/mixed;\r\n boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--", ":mixed! 0:plain[1] " },
		{ "Content-Type: text/html\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1",
		  ":html![--b\r\n\r\n1] " },
		{ "no colon\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--",
		  ":mixed! 0:plain[1] " },
		{ "Content-Type: multipart\r\n\r\n--b\r\n", ":plain![--b\r\n] " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mime m;
		char *got;

		mime_parse(&m, slice_str(rows[i].message));
		got = tree(&m);
		if (strcmp(got, rows[i].tree) != 0)
			fail_msg("%s\n=> %s", rows[i].message, got);
		free(got);
		mime_free(&m);
	}
}

static void parts_tell_of_themselves(void **state)
{
	static const char text[] = MULTI("b") "--b\r\nContent-Type: text/plain; charset=ISO-8859-1; name=other\r\n"
					      "Content-Transfer-Encoding: quoted-printable\r\nX: 1\r\nx: 2\r\n"
					      "Content-Disposition: attachment; filename*=utf-8''%C3%A9.txt\r\n\r\n"
					      "a=3D=\r\nb\r\n--b\r\nContent-Transfer-Encoding: base64\r\n"
					      "Content-Type: image/png; name=\"x.png\"\r\n\r\nAAEC\r\n--b--\r\n";
	struct mime m;
	struct buf b;

	(void)state;
	mime_parse(&m, slice_str(text));
	assert_int_equal(m.n, 3);
	buf_init(&b, 100);
	assert_int_equal(mime_part_param(&m.parts[1], SLICE_LIT("charset"), &b), 1);
	assert_string_equal(buf_str(&b), "ISO-8859-1");
	assert_true(slice_eq(mime_part_field(&m.parts[1], SLICE_LIT("X")), SLICE_LIT(" 1")));
	assert_int_equal(mime_part_field(&m.parts[1], SLICE_LIT("Subject")).n, 0);
	assert_int_equal(mime_part_field(&m.parts[1], SLICE_LIT("")).n, 0);
	buf_clear(&b);
	assert_int_equal(mime_part_filename(&m.parts[1], &b), 1);
	assert_string_equal(buf_str(&b), "\xc3\xa9.txt");
	buf_clear(&b);
	assert_int_equal(mime_part_filename(&m.parts[2], &b), 1);
	assert_string_equal(buf_str(&b), "x.png");
	assert_int_equal(mime_part_filename(&m.parts[0], &b), 0);
	buf_clear(&b);
	assert_int_equal(mime_part_decode(&m.parts[1], &b), 0);
	assert_string_equal(buf_str(&b), "a=b");
	buf_clear(&b);
	assert_int_equal(mime_part_decode(&m.parts[2], &b), 0);
	assert_true(slice_eq(buf_slice(&b), SLICE_LIT("\0\1\2")));
	buf_free(&b);
	buf_init(&b, 2);
	assert_int_equal(mime_part_decode(&m.parts[2], &b), -1);
	buf_free(&b);
	mime_free(&m);
}

/* Whatever is piled up, depth and number of parts stay within their bounds and nothing is looked at twice. */
static void bounds_hold(void **state)
{
	struct mime m;
	struct buf b;

	(void)state;
	buf_init(&b, 20000000);

	/* 100,000 multiparts within each other, all boundaries alike but for a number. */
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_addf(&b,
					  "Content-Type: multipart/mixed; boundary=xxxxxxxxxxxxxxxxxxxx%d\r\n\r\n"
					  "--xxxxxxxxxxxxxxxxxxxx%d\r\n",
					  i, i),
				 0);
	mime_parse(&m, buf_slice(&b));
	assert_true(m.cut);
	assert_int_equal(m.n, MIME_DEPTH_MAX + 1);
	assert_int_equal(m.parts[m.n - 1].depth, MIME_DEPTH_MAX);
	mime_free(&m);

	/* 100,000 messages within each other. */
	buf_clear(&b);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_str(&b, "Content-Type: message/rfc822\r\n\r\n"), 0);
	mime_parse(&m, buf_slice(&b));
	assert_true(m.cut);
	assert_int_equal(m.n, MIME_DEPTH_MAX + 1);
	mime_free(&m);

	/* 100,000 parts side by side; what follows them still ends in its place. */
	buf_clear(&b);
	assert_int_equal(buf_add_str(&b, MULTI("a") "--a\n" MULTI("b")), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_str(&b, "--b\n\n"), 0);
	assert_int_equal(buf_add_str(&b, "--a\n\nlast\n--a--\n"), 0);
	mime_parse(&m, buf_slice(&b));
	assert_true(m.cut);
	assert_int_equal(m.n, MIME_PARTS_MAX);
	assert_true(m.parts[1].body.p + m.parts[1].body.n + strlen("\n--a\n\nlast\n--a--\n") == b.p + b.n);
	mime_free(&m);

	/* A boundary of the longest kind, and one beyond. */
	for (size_t n = MIME_BOUNDARY_MAX; n <= MIME_BOUNDARY_MAX + 1; n++) {
		char name[MIME_BOUNDARY_MAX + 2];

		memset(name, 'b', n);
		name[n] = '\0';
		buf_clear(&b);
		assert_int_equal(
		    buf_addf(&b, "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n\n1\n--%s--\n", name, name, name),
		    0);
		mime_parse(&m, buf_slice(&b));
		assert_int_equal(m.n, n == MIME_BOUNDARY_MAX ? 2 : 1);
		mime_free(&m);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_read),
		cmocka_unit_test(a_parameter_given_twice_has_two_values), cmocka_unit_test(parameters_are_read),
		cmocka_unit_test(parts_are_found), cmocka_unit_test(parts_tell_of_themselves),
		cmocka_unit_test(bounds_hold),
	};

	return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
