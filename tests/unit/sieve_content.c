/* What a script makes of a message (RFC 5293, RFC 5703), as the plan tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "msg/newline.h"
#include "sieve_tools.h"

#define CHECK(rows) check(rows, sizeof rows / sizeof rows[0])

enum { TEXT_MAX = 8 * 1024 * 1024 };

struct row {
	const char *script, *message; /* lines end in LF */
	const char *plan; /* "ACTION TARGET\n" or "error …\n", each with the message behind it, where it was changed */
};

static void add_message(struct buf *out, const struct plan *p, size_t content, struct slice original)
{
	struct buf whole;

	if (content == 0)
		return;
	assert_true(content <= p->ncontents);
	buf_init(&whole, TEXT_MAX);
	for (size_t i = 0; i < p->contents[content - 1].n; i++) {
		const struct plan_piece *piece = &p->contents[content - 1].pieces[i];

		assert_true(piece->n > 0);
		if (piece->text == NULL)
			assert_true(piece->at + piece->n <= original.n);
		assert_int_equal(buf_add(&whole, piece->text != NULL ? piece->text : original.p + piece->at, piece->n),
				 0);
	}
	assert_int_equal(whole.n, p->contents[content - 1].size);
	for (size_t i = 0; i < whole.n; i++)
		if (whole.p[i] != '\r')
			(void)buf_add_char(out, whole.p[i]);
	buf_free(&whole);
}

static void add_plan(struct buf *out, const struct plan *p, struct slice original)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_action *a = &p->actions[i];

		(void)buf_addf(out, "%s%s%s\n", plan_kind_name(a->kind),
			       a->mailbox != NULL || a->address != NULL ? " " : "",
			       a->mailbox != NULL   ? a->mailbox
			       : a->address != NULL ? a->address
						    : "");
		add_message(out, p, a->content, original);
	}
	if (p->error != NULL)
		(void)buf_addf(out, "%s\n", p->error);
	if (p->implicit_keep)
		(void)buf_add_str(out, "implicit\n");
	if (p->implicit_keep)
		add_message(out, p, p->keep_content, original);
}

/* The message in memory, or only its header there and all of it in a file. */
static void run_one(const struct sieve_program *program, const char *text, bool file, struct buf *out)
{
	static char *const add[] = { "X-No-Add", "Subject", "X-Some-*" }, *const delete[] = { "subject", "X-NO-DELETE" };
	struct newline lines = { 0 };
	struct message m, whole;
	struct sieve_input in = { .message = &m,
				  .from = SLICE_LIT("sender@example.org"),
				  .to = SLICE_LIT("me@office.example"),
				  .now_ms = 1000000000000,
				  .forbid_add = { add, 3 },
				  .forbid_delete = { delete, 2 } };
	struct plan plan;
	struct buf crlf;
	FILE *f = tmpfile();
	struct slice head;
	int ret;

	assert_non_null(f);
	buf_init(&crlf, TEXT_MAX);
	assert_int_equal(newline_feed(&lines, slice_str(text), &crlf), 0);
	assert_int_equal(newline_finish(&lines, false, &crlf), 0);
	head = buf_slice(&crlf);
	if (file) {
		assert_true(crlf.n == 0 || fwrite(crlf.p, 1, crlf.n, f) == crlf.n);
		assert_int_equal(fflush(f), 0);
		message_init(&whole, head, head.n, -1);
		head.n = whole.header.body_at;
		message_free(&whole);
	}
	message_init(&m, head, crlf.n, file ? fileno(f) : -1);
	ret = sieve_run(program, &in, &plan);
	assert_int_equal(ret == 0, plan.error == NULL);
	add_plan(out, &plan, buf_slice(&crlf));
	plan_free(&plan);
	message_free(&m);
	buf_free(&crlf);
	(void)fclose(f);
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < 2 * n; i++) {
		const struct row *row = &rows[i / 2];
		struct sieve_program *program;
		struct buf out;

		buf_init(&out, TEXT_MAX);
		program = sieve_compile("t", slice_str(row->script), &out);
		if (program != NULL)
			run_one(program, row->message, i % 2 == 1, &out);
		sieve_program_free(&program);
		if (strcmp(buf_str(&out), row->plan) != 0)
			fail_msg("row %zu: %s\n--- gave:\n%s\n--- expected:\n%s", i / 2, row->script, buf_str(&out),
				 row->plan);
		buf_free(&out);
	}
}

#define M "A: 1\nB: 2\nA: 3\nA:  4 \n\nbody\n"

static void fields_are_added(void **state)
{
#define R "require [\"editheader\", \"fileinto\", \"reject\", \"variables\"]; "
	static const struct row rows[] = {
		{ R "addheader \"X\" \"y\";", M, "implicit\nX: y\n" M },
		{ R "addheader :last \"X\" \"y\";", M, "implicit\nA: 1\nB: 2\nA: 3\nA:  4 \nX: y\n\nbody\n" },
		/* RFC 5293, 7: actions have the header of their moment; the implicit keep that of the end. */
		{ R "fileinto \"a\"; addheader \"X\" \"1\"; fileinto \"b\"; addheader \"X\" \"2\"; keep;", M,
		  "fileinto a\nfileinto b\nX: 1\n" M "keep\nX: 2\nX: 1\n" M },
		{ R "keep; addheader \"X\" \"vanilla\"; keep;", M, "keep\n" },
		{ R "redirect \"a@b.example\"; addheader \"X\" \"1\"; redirect \"c@d.example\";", M,
		  "redirect a@b.example\nredirect c@d.example\nX: 1\n" M },
		{ R "addheader \"X\" \"1\"; reject \"no\";", M, "reject\n" },
		{ R "addheader \"X-Hello\" \"World\"; deleteheader :index 1 \"X-Hello\";", M, "implicit\n" },
		{ R "addheader \"X-Hello\" \"World\"; if header :contains \"x-hello\" \"World\" { discard; }", M,
		  "discard\n" },
		/* 2.10.6 of RFC 5228: after an error the message is kept as it came. */
		{ R "addheader \"X\" \"1\"; fileinto \"a\"; reject \"no\";", M,
		  "t:1:93: error: \"reject\" after \"fileinto\" in line 1: a message can't be both refused and "
		  "delivered\nimplicit\n" },
		/* One version is told once. */
		{ R "addheader \"X\" \"1\"; fileinto \"a\"; addheader \"Y\" \"1\"; deleteheader \"Y\"; fileinto \"b\";",
		  M, "fileinto a\nX: 1\n" M "fileinto b\nX: 1\n" M },
		/* What is no ASCII is encoded, what is long is folded, no line end gets through. */
		{ R "addheader \"Subject\" \"Gr\xc3\xbc\xc3\x9f"
		    "e\";",
		  M, "implicit\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\n" M },
		{ R "addheader \"X\" \"a\r\nEvil: yes\";", M, "implicit\nX: a Evil: yes\n" M },
		{ R "addheader \"X\" \"a\r\n\r\nbody\";", M, "implicit\nX: a body\n" M },
		{ R "addheader \"X\" \"a\r\n b\";", M, "implicit\nX: a b\n" M },
		{ R "addheader \"X\" \"\";", M, "implicit\nX:\n" M },
		{ R "set \"n\" \"X-${unset}Y\"; addheader \"${n}\" \"1\";", M, "implicit\nX-Y: 1\n" M },
		{ R
		  "addheader \"X\" \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
		  "ccc\";",
		  M,
		  "implicit\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
		  "ccc\n" M },
		/* A name that is none. */
		{ R "addheader \"X Y\" \"1\";", M,
		  "t:1:70: error: \"X Y\" can't be the name of a header field: expected printable ASCII without "
		  "\":\"\n" },
		{ R "set \"n\" \"\"; addheader \"${n}\" \"1\";", M,
		  "t:1:72: error: \"\" can't be the name of a header field: expected printable ASCII without "
		  "\":\"\nimplicit\n" },
		/* Policy. */
		{ R "addheader \"x-no-add\" \"1\"; addheader \"x-some-a\" \"1\"; addheader \"X-No-Delete\" \"2\";", M,
		  "implicit\nX-No-Delete: 2\n" M },
		{ R "addheader \"Received\" \"1\"; addheader \"subject\" \"2\";", M,
		  "implicit\nsubject: 2\nReceived: 1\n" M },
		/* Messages without an end of their header. */
		{ R "addheader :last \"X\" \"y\";", "A: 1", "implicit\nA: 1\nX: y\n" },
		{ R "addheader :last \"X\" \"y\";", "", "implicit\nX: y\n" },
		{ R "addheader :last \"X\" \"y\"; addheader \"Z\" \"y\";", "\nbody\n",
		  "implicit\nZ: y\nX: y\n\nbody\n" },
		{ R "addheader :last \"X\" \"y\";", "A: 1\nnonsense\n", "implicit\nA: 1\nnonsense\nX: y\n" },
	};

	(void)state;
	CHECK(rows);
#undef R
}

static void fields_are_deleted(void **state)
{
#define R "require [\"editheader\", \"fileinto\", \"variables\"]; "
	static const struct row rows[] = {
		{ R "deleteheader \"a\";", M, "implicit\nB: 2\n\nbody\n" },
		{ R "deleteheader \"nothing\";", M, "implicit\n" },
		{ R "deleteheader :index 1 \"A\";", M, "implicit\nB: 2\nA: 3\nA:  4 \n\nbody\n" },
		{ R "deleteheader :index 1 :last \"A\";", M, "implicit\nA: 1\nB: 2\nA: 3\n\nbody\n" },
		{ R "deleteheader :index 3 :last \"A\";", M, "implicit\nB: 2\nA: 3\nA:  4 \n\nbody\n" },
		{ R "deleteheader :index 4 \"A\";", M, "implicit\n" },
		{ R "deleteheader :index 4 :last \"A\";", M, "implicit\n" },
		/* RFC 5293, 7: the first and third of them. */
		{ R "deleteheader :index 1 \"A\"; deleteheader :index 2 \"A\";", M, "implicit\nB: 2\nA: 3\n\nbody\n" },
		/* 5: blanks at both ends do not count; counting comes before matching. */
		{ R "deleteheader \"A\" \"4\";", M, "implicit\nA: 1\nB: 2\nA: 3\n\nbody\n" },
		{ R "deleteheader \"A\" [\"1\", \"3\"];", M, "implicit\nB: 2\nA:  4 \n\nbody\n" },
		{ R "deleteheader :index 1 :contains \"A\" \"3\";", M, "implicit\n" },
		{ R "deleteheader :matches \"A\" \"?\";", M, "implicit\nB: 2\n\nbody\n" },
		{ R "deleteheader :contains \"A\";", M, "implicit\nB: 2\n\nbody\n" },
		{ R "deleteheader \"A\"; deleteheader \"B\";", M, "implicit\n\nbody\n" },
		{ R "deleteheader \"A\";", "A: x\n folded\n\tagain\nB: y\n\nbody\n", "implicit\nB: y\n\nbody\n" },
		{ R "deleteheader \"B\";", "A: x\nB: folded\n at the end\n\nbody\n", "implicit\nA: x\n\nbody\n" },
		/* No match variables come of it. */
		{ R "deleteheader :matches \"A\" \"*\"; fileinto \"x${1}\";", M, "fileinto x1\nB: 2\n\nbody\n" },
		/* 6: without a word. */
		{ R "deleteheader \"received\"; deleteheader \"Auto-Submitted\"; deleteheader \"X-No-Delete\";"
		    "deleteheader \"Subject\";",
		  "Received: x\nAuto-Submitted: no\nX-No-Delete: 1\nSubject: s\n\n",
		  "implicit\nReceived: x\nAuto-Submitted: no\nX-No-Delete: 1\n\n" },
		{ R "deleteheader :index 0 \"A\";", M, "t:1:50: error: \":index\" counts from 1\n" },
		{ R "deleteheader :last \"A\";", M,
		  "t:1:50: error: \":last\" of \"deleteheader\" counts for \":index\": expected that, too\n" },
		{ R "deleteheader \"A:\";", M,
		  "t:1:63: error: \"A:\" can't be the name of a header field: expected printable ASCII without "
		  "\":\"\n" },
	};

	(void)state;
	CHECK(rows);
#undef R
}

#define TWO                                                                                                            \
	"From: a@b.example\nSubject: Files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nX: y\n\n"    \
	"prologue\n"                                                                                                   \
	"--b\nContent-Type: text/plain\n\none\n"                                                                       \
	"--b\nContent-Type: application/pdf; name=a.exe\nContent-Disposition: attachment\n\ntwo\n"                     \
	"--b--\nepilogue\n"
#define HEAD_OF_TWO                                                                                                    \
	"From: a@b.example\nSubject: Files\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nX: y\n\n"    \
	"prologue\n"
#define TEXT_HEAD "Content-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n"

static void parts_are_replaced(void **state)
{
#define R                                                                                                              \
	"require [\"replace\", \"foreverypart\", \"mime\", \"fileinto\", \"variables\", \"editheader\", "              \
	"\"extracttext\"]; "
	static const struct row rows[] = {
		/* RFC 5703, 9.1. */
		{ R "foreverypart { if anyof (header :mime :contenttype :is \"Content-Type\" \"application/exe\", "
		    "header :mime :param \"name\" :matches [\"Content-Type\", \"Content-Disposition\"] \"*.exe\") "
		    "{ replace \"Executable attachment removed by user filter\"; } }",
		  TWO,
		  "implicit\n" HEAD_OF_TWO "--b\nContent-Type: text/plain\n\none\n"
		  "--b\n" TEXT_HEAD "\nExecutable attachment removed by user filter\n--b--\nepilogue\n" },
		{ R "foreverypart { if header :mime :type \"Content-Type\" \"text\" { replace :mime "
		    "\"Content-Type: text/html\r\n\r\n<b>1</b>\"; break; } }",
		  TWO,
		  "implicit\n" HEAD_OF_TWO "--b\nContent-Type: text/html\n\n<b>1</b>\n"
		  "--b\nContent-Type: application/pdf; name=a.exe\nContent-Disposition: attachment\n\ntwo\n"
		  "--b--\nepilogue\n" },
		/* Outside of a loop, and in one at the message: all of it, and the loop does not go on into what is
		   gone. */
		{ R "replace \"gone\";", TWO,
		  "implicit\nFrom: a@b.example\nSubject: Files\nX: y\nMIME-Version: 1.0\n" TEXT_HEAD "\ngone" },
		{ R "set \"n\" \"\"; foreverypart { set \"n\" \"${n}x\"; replace \"gone\"; } fileinto \"${n}\";", TWO,
		  "fileinto x\nFrom: a@b.example\nSubject: Files\nX: y\nMIME-Version: 1.0\n" TEXT_HEAD "\ngone" },
		/* 5: the fields that it changes are kept under another name. */
		{ R "replace :subject \"Gel\xc3\xb6scht\" :from \"J\xc3\xb6rg <me@office.example>\" \"gone\r\n\";", TWO,
		  "implicit\nOriginal-From: a@b.example\nOriginal-Subject: Files\nX: y\n"
		  "Subject: =?utf-8?q?Gel=C3=B6scht?=\nFrom: =?utf-8?q?J=C3=B6rg?=\n <me@office.example>\n"
		  "MIME-Version: 1.0\n" TEXT_HEAD "\ngone\n" },
		{ R "replace :mime \"Content-Type: text/html\r\nSubject: not this\r\n\r\n<p>\r\n\";", TWO,
		  "implicit\nFrom: a@b.example\nSubject: Files\nX: y\nMIME-Version: 1.0\nContent-Type: "
		  "text/html\n\n<p>\n" },
		/* A text can't end the part that it is in. */
		{ R "foreverypart { if header :mime :type \"Content-Type\" \"text\" { replace \"--b--\"; break; } }",
		  TWO,
		  "implicit\n" HEAD_OF_TWO
		  "--b\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: "
		  "quoted-printable\n\n=2D-b--\n"
		  "--b\nContent-Type: application/pdf; name=a.exe\nContent-Disposition: attachment\n\ntwo\n"
		  "--b--\nepilogue\n" },
		/* What is replaced is what later loops see; what came before has the message of its moment. */
		{ R "fileinto \"a\"; foreverypart { if header :mime :type \"Content-Type\" \"application\" { replace "
		    "\"1\"; } }"
		    "fileinto \"b\"; foreverypart { if header :mime :type \"Content-Type\" \"application\" { fileinto "
		    "\"c\"; } }",
		  TWO,
		  "fileinto a\nfileinto b\n" HEAD_OF_TWO "--b\nContent-Type: text/plain\n\none\n"
		  "--b\n" TEXT_HEAD "\n1\n--b--\nepilogue\n" },
		/* New parts in a replacement are for later loops. */
		{ R "set \"n\" \"\"; foreverypart { set \"n\" \"${n}x\"; if header :mime :type \"Content-Type\" "
		    "\"application\" "
		    "{ replace :mime \"Content-Type: multipart/mixed; "
		    "boundary=c\r\n\r\n--c\r\n\r\n1\r\n--c\r\n\r\n2\r\n--c--"
		    "\"; } } foreverypart { set \"n\" \"${n}y\"; } fileinto \"${n}\";",
		  TWO,
		  "fileinto xxxyyyyy\n" HEAD_OF_TWO "--b\nContent-Type: text/plain\n\none\n"
		  "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n1\n--c\n\n2\n--c--\n--b--\nepilogue\n" },
		/* A message that is only a header gets a body. */
		{ R "replace \"text\";", "A: 1\n", "implicit\nA: 1\nMIME-Version: 1.0\n" TEXT_HEAD "\ntext" },
		{ R "replace :from \"nobody at all\" \"x\";", TWO,
		  "t:1:114: error: \"nobody at all\" is no list of addresses: expected one such as \"Name "
		  "<name@office.example>\"\n" },
	};

	(void)state;
	CHECK(rows);
#undef R
}

/* ---- what is large, deep or much ---- */

static void add_repeated(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_add_str(out, text), 0);
}

/* SCRIPT over MESSAGE, in memory and from a file. */
static void check_large(const char *script, struct buf *message, const char *plan)
{
	struct row row = { script, buf_str(message), plan };

	check(&row, 1);
}

static void large_messages_are_searched(void **state)
{
	struct buf m;

	(void)state;
	buf_init(&m, TEXT_MAX);
	(void)buf_add_str(&m, "From: a\nContent-Type: text/plain; charset=iso-8859-1\n\n");
	add_repeated(&m, "a line of text, as there are so many, \xe9t cetera\n", 60000);
	(void)buf_add_str(&m, "needle\n");
	/* With :contains to the end; with others as far as the bound. */
	check_large("require \"body\"; if body :raw :contains \"needle\" { discard; }", &m, "discard\n");
	check_large("require \"body\"; if body :text :contains \"NEEDLE\" { discard; }", &m, "discard\n");
	check_large("require \"body\"; if body :text :contains [\"needlex\", \"xneedle\"] { discard; }", &m,
		    "implicit\n");
	check_large("require \"body\"; if body :text :matches \"*needle*\" { discard; }", &m, "implicit\n");
	check_large("require \"body\"; if body :text :matches \"a line*\" { discard; }", &m, "discard\n");
	check_large("require \"body\"; if body :text :contains \"many, \xc3\xa9t\" { discard; }", &m, "discard\n");
	buf_free(&m);
}

/* The needle lies where two windows meet. */
static void windows_overlap(void **state)
{
	enum { WINDOW = 512 * 1024 };

	(void)state;
	for (size_t shift = 0; shift < 24; shift += 3) {
		struct buf m;

		buf_init(&m, TEXT_MAX);
		(void)buf_add_str(&m, "From: a\n\n");
		add_repeated(&m, "x", WINDOW - 12 + shift);
		(void)buf_add_str(&m, "needle");
		add_repeated(&m, "y", WINDOW);
		check_large("require \"body\"; if body :raw :contains \"NEEDLE\" { discard; }", &m, "discard\n");
		buf_free(&m);
	}
}

/* And no character is cut, which would make the window no text at all. */
static void windows_hold_characters(void **state)
{
	enum { HALF = 256 * 1024 };

	(void)state;
	for (size_t shift = 0; shift < 2; shift++) {
		struct buf m;

		buf_init(&m, TEXT_MAX);
		(void)buf_add_str(&m, "From: a\n\n");
		add_repeated(&m, "x", shift);
		add_repeated(&m, "\xc3\xbc", HALF / 2);
		(void)buf_add_str(&m, "GR\xc3\x9cN");
		add_repeated(&m, "\xc3\xbc", HALF);
		(void)buf_add_str(&m, "\xc3\x9c"
				      "BER");
		add_repeated(&m, "\xc3\xbc", HALF / 2);
		check_large("require [\"body\", \"comparator-i;unicode-casemap\"]; if allof (body :raw :contains "
			    ":comparator \"i;unicode-casemap\" \"gr\xc3\xbcn\", body :raw :contains "
			    ":comparator \"i;unicode-casemap\" \"\xc3\xbc"
			    "ber\", body :raw :matches "
			    ":comparator \"i;unicode-casemap\" \"*gr\xc3\xbcn*\") { discard; }",
			    &m, "discard\n");
		buf_free(&m);
	}
}

static void parts_are_bounded(void **state)
{
	struct buf m;
	char line[64];

	(void)state;
	buf_init(&m, TEXT_MAX);
	(void)buf_add_str(&m, "Content-Type: multipart/mixed; boundary=b\n\n");
	add_repeated(&m, "--b\nX: y\n\n1\n", 12000);
	(void)buf_add_str(&m, "--b--\n");
	check_large("require [\"mime\", \"foreverypart\"]; foreverypart { if not exists :mime \"X\" { keep; } }", &m,
		    "keep\n");
	/* Every part for every part is too much; the message is kept. */
	check_large(
	    "require [\"mime\", \"foreverypart\"]; foreverypart { if header :mime :anychild \"X\" \"z\" { discard; } "
	    "foreverypart { if header :mime :anychild \"X\" \"z\" { discard; } } if header :mime \"X\" \"y\" { stop; } "
	    "}",
	    &m, "implicit\n");
	buf_clear(&m);
	for (int i = 0; i < 150; i++) {
		(void)snprintf(line, sizeof line, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
		(void)buf_add_str(&m, line);
	}
	(void)buf_add_str(&m, "\ndeep\n");
	check_large("require [\"mime\", \"foreverypart\", \"variables\", \"fileinto\", \"body\"]; set \"n\" \"\"; "
		    "foreverypart { set \"n\" \"${n}x\"; } set :length \"n\" \"${n}\"; fileinto \"${n}\"; "
		    "if body :content \"\" :contains \"deep\" { discard; }",
		    &m, "fileinto 101\ndiscard\n");
	buf_free(&m);
}

static void steps_bound_changes(void **state)
{
	struct buf m;

	(void)state;
	buf_init(&m, TEXT_MAX);
	(void)buf_add_str(&m, "Content-Type: multipart/mixed; boundary=b\n\n");
	add_repeated(&m, "--b\nX: y\n\n1\n", 5000);
	check_large(
	    "require [\"replace\", \"foreverypart\", \"mime\"]; foreverypart { if exists :mime \"X\" { replace \"1\"; "
	    "} }",
	    &m, "t:1:46: error: the script needs more than the 2000000 steps that one message may take\nimplicit\n");
	buf_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_added),   cmocka_unit_test(fields_are_deleted),
		cmocka_unit_test(parts_are_replaced), cmocka_unit_test(large_messages_are_searched),
		cmocka_unit_test(windows_overlap),    cmocka_unit_test(windows_hold_characters),
		cmocka_unit_test(parts_are_bounded),  cmocka_unit_test(steps_bound_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
