#include "imap/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "imap/filter_check.h"

enum place {
	PLACE_LINE,   /* gathering a line */
	PLACE_LITERAL /* inside a literal that a line announced */
};

struct imap_filter {
	const char *listen; /* NULL, or a word to be told of */
	void (*heard)(void *arg, struct slice text);
	void *heard_arg;
	bool diverted;
	struct filter_sink sink;
	enum place place;
	bool greeted;
	struct buf line;
	bool more; /* the next line continues a response, behind a literal */
	bool drop; /* the response that is being read goes nowhere */
	uint64_t literal_left;
	uint64_t literal_max, total_left;
	unsigned wanted, continued;
	struct buf challenge;
	struct filter_reply replies[FILTER_REPLIES_MAX]; /* a ring */
	unsigned first, nreplies;
	char *bye, *alert;
	struct buf kept; /* records: a length of 4 octets, and a response */
	size_t record;	 /* where the one that is being read begins */
	bool names;	 /* the response that is being read holds names */
	bool keep;	 /* … and is kept */
	bool cut;
};

struct imap_filter *imap_filter_new(void)
{
	struct imap_filter *f = mem_alloc(sizeof *f);

	buf_init(&f->line, FILTER_LINE_MAX);
	buf_init(&f->challenge, FILTER_CHALLENGE_MAX);
	buf_init(&f->kept, FILTER_KEPT_MAX);
	imap_filter_allow(f, 0, FILTER_LINE_MAX);
	return f;
}

void imap_filter_free(struct imap_filter **fp)
{
	struct imap_filter *f = *fp;
	struct filter_reply r;

	if (f == NULL)
		return;
	while (imap_filter_take(f, &r))
		filter_reply_free(&r);
	buf_free(&f->line);
	buf_free(&f->challenge);
	buf_free(&f->kept);
	free(f->bye);
	free(f->alert);
	free(f);
	*fp = NULL;
}

void imap_filter_allow(struct imap_filter *f, uint64_t literal, uint64_t total)
{
	f->literal_max = literal;
	f->total_left = total;
}

void imap_filter_listen(struct imap_filter *f, const char *word, void (*fn)(void *arg, struct slice text), void *arg)
{
	f->listen = word;
	f->heard = fn;
	f->heard_arg = arg;
}

void imap_filter_divert(struct imap_filter *f, const struct filter_sink *sink)
{
	f->sink = *sink;
	f->diverted = true;
}

void imap_filter_expect_continue(struct imap_filter *f)
{
	f->wanted++;
}

bool imap_filter_continued(struct imap_filter *f)
{
	if (f->continued == 0)
		return false;
	f->continued--;
	return true;
}

const char *imap_filter_challenge(struct imap_filter *f)
{
	return buf_str(&f->challenge);
}

void imap_filter_forget_continue(struct imap_filter *f)
{
	f->wanted = 0;
	f->continued = 0;
}

unsigned imap_filter_replies(const struct imap_filter *f)
{
	return f->nreplies;
}

bool imap_filter_take(struct imap_filter *f, struct filter_reply *r)
{
	if (f->nreplies == 0)
		return false;
	*r = f->replies[f->first];
	f->first = (f->first + 1) % FILTER_REPLIES_MAX;
	f->nreplies--;
	return true;
}

void filter_reply_free(struct filter_reply *r)
{
	free(r->text);
	free(r->kept);
	r->text = r->kept = NULL;
}

const char *imap_filter_bye(const struct imap_filter *f)
{
	return f->bye;
}

char *imap_filter_take_alert(struct imap_filter *f)
{
	char *text = f->alert;

	f->alert = NULL;
	return text;
}

static void keep(char **where, struct slice text)
{
	if (text.n > FILTER_TEXT_MAX)
		text.n = FILTER_TEXT_MAX;
	free(*where);
	*where = slice_dup(text);
}

static void note_alert(struct imap_filter *f, struct slice text)
{
	if (slice_starts_nocase(text, SLICE_LIT("[ALERT]")))
		keep(&f->alert, slice_trim(slice_of(text.p + 7, text.n - 7)));
}

static int pass(struct slice line, struct buf *out)
{
	(void)buf_add_slice(out, line);
	return buf_add_str(out, "\r\n");
}

/* ---- responses that are kept ---- */

static void record_drop(struct imap_filter *f)
{
	buf_truncate(&f->kept, f->record);
	f->kept.failed = false;
	f->keep = false;
	f->cut = true;
}

static void record_add(struct imap_filter *f, struct slice bytes)
{
	if (f->keep && buf_add_slice(&f->kept, bytes) != 0)
		record_drop(f);
}

static void record_begin(struct imap_filter *f)
{
	static const char length[4];

	f->record = f->kept.n;
	f->keep = true;
	record_add(f, slice_of(length, sizeof length));
}

static void record_end(struct imap_filter *f)
{
	uint32_t length = (uint32_t)(f->kept.n - f->record - sizeof length);

	if (f->keep)
		memcpy(f->kept.p + f->record, &length, sizeof length);
	f->keep = false;
}

/* LINE is a status ("* OK", "7 NO") and TEXT, which ends it. libetpan wants some text. */
static int pass_state(struct slice line, struct slice text, struct buf *out)
{
	struct slice code = filter_check_code(text);

	(void)buf_add_slice(out, slice_trim(slice_of(line.p, line.n - text.n)));
	(void)buf_add_char(out, ' ');
	(void)buf_add_slice(out, code);
	return buf_add_str(out, code.n > 0 ? " -\r\n" : "-\r\n");
}

/* The tag is a number of ours. */
static int tagged(struct imap_filter *f, struct slice line, struct buf *out, struct err *e)
{
	struct filter_reply r = { 0 };
	struct slice rest;

	if (filter_check_tagged(line, &r.tag, &r.status, &rest) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "the server sent a line that is no IMAP response");
	if (f->nreplies == FILTER_REPLIES_MAX)
		return err_set(e, ERR_PROTOCOL, 0, "the server answers commands that were not given");
	note_alert(f, rest);
	keep(&r.text, rest);
	r.cut = f->cut;
	if (f->kept.n > 0)
		r.kept = buf_take(&f->kept, &r.kept_len);
	f->cut = false;
	f->replies[(f->first + f->nreplies++) % FILTER_REPLIES_MAX] = r;
	return f->diverted ? f->sink.tagged(f->sink.arg, &r, e) : pass_state(line, rest, out);
}

static int greeting(struct imap_filter *f, struct slice line, struct buf *out, struct err *e)
{
	struct slice text;

	switch (filter_check_kind(line, &text)) {
	case FILTER_BYE:
		keep(&f->bye, text);
		return err_set(e, ERR_TEMP, 0, "the server does not take connections now: %s", f->bye);
	case FILTER_STATE:
	case FILTER_PREAUTH:
		break;
	default:
		return err_set(e, ERR_PROTOCOL, 0,
			       "the server did not greet as an IMAP server does; check host, port and tls");
	}
	f->greeted = true;
	note_alert(f, text);
	return pass_state(line, text, out);
}

/* LINE is "* WORD TEXT". */
static void tell(const struct imap_filter *f, struct slice line)
{
	struct slice word, text = slice_skip(line, line.n < 2 ? line.n : 2);
	size_t n = slice_find(text, ' ');

	word = slice_of(text.p, n);
	if (f->listen != NULL && slice_eq_nocase(word, slice_str(f->listen)))
		f->heard(f->heard_arg, slice_skip(text, n < text.n ? n + 1 : n));
}

/* The first line of an untagged response. Sets f->drop. */
static int untagged(struct imap_filter *f, struct slice line, bool literal, uint64_t size, struct buf *out, struct err *e)
{
	struct slice text;

	enum filter_kind kind = filter_check_kind(line, &text);

	f->names = kind == FILTER_NAMES;
	if (literal && (kind == FILTER_BYE || kind == FILTER_STATE || kind == FILTER_PLAIN))
		return err_set(e, ERR_PROTOCOL, 0, "the server sent a literal where none may stand");
	switch (kind) {
	case FILTER_BYE:
		keep(&f->bye, text);
		f->drop = true;
		return 0;
	case FILTER_PREAUTH:
		return err_set(e, ERR_PROTOCOL, 0, "the server greets in the middle of a session");
	case FILTER_STATE:
		note_alert(f, text);
		f->drop = false;
		return f->diverted ? f->sink.line(f->sink.arg, line, false, false, 0, e) : pass_state(line, text, out);
	case FILTER_NAMES:
		record_begin(f);
		record_add(f, line);
		f->drop = true;
		return 0;
	case FILTER_UNKNOWN:
		f->drop = !f->diverted;
		break;
	case FILTER_PLAIN:
	case FILTER_LITERALS:
		f->drop = false;
		break;
	}
	if (f->diverted)
		return f->sink.line(f->sink.arg, line, false, literal, size, e);
	return f->drop ? 0 : pass(line, out);
}

/* What stands behind a literal. */
static int continued(struct imap_filter *f, struct slice line, bool literal, uint64_t size, struct buf *out, struct err *e)
{
	record_add(f, line);
	if (f->drop)
		return 0;
	return f->diverted ? f->sink.line(f->sink.arg, line, true, literal, size, e) : pass(line, out);
}

static int line_done(struct imap_filter *f, struct buf *out, struct err *e)
{
	struct slice line = buf_slice(&f->line);
	uint64_t size = 0;
	bool literal;
	int ret;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 && !f->more)
		return err_set(e, ERR_PROTOCOL, 0, "the server sent an empty line");
	if (line.n > 0 && (memchr(line.p, '\0', line.n) != NULL || memchr(line.p, '\r', line.n) != NULL))
		return err_set(e, ERR_PROTOCOL, 0, "the server sent a control character in a line");
	literal = filter_check_literal(line, &size);
	/* Nothing that libetpan sees. */
	if (!f->diverted && !(f->more && f->names) && filter_check_line(line, e) != 0)
		return -1;
	if (f->more) {
		ret = continued(f, line, literal, size, out, e);
	} else if (!f->greeted) {
		ret = literal ? err_set(e, ERR_PROTOCOL, 0, "the server sent a literal in its greeting")
			      : greeting(f, line, out, e);
	} else if (line.n > 0 && line.p[0] == '+') {
		if (literal || f->wanted == 0)
			return err_set(e, ERR_PROTOCOL, 0, "the server asked for data that it was not promised");
		f->wanted--;
		f->continued++;
		buf_clear(&f->challenge);
		ret = buf_add_slice(&f->challenge, slice_trim(slice_skip(line, 1))) == 0
			  ? 0
			  : err_set(e, ERR_PROTOCOL, 0, "the server asks to continue with %zu octets of text", line.n);
	} else if (line.n > 0 && line.p[0] == '*') {
		if (!literal)
			tell(f, line);
		ret = untagged(f, line, literal, size, out, e);
	} else {
		ret = literal ? err_set(e, ERR_PROTOCOL, 0, "the server sent a literal in a tagged response")
			      : tagged(f, line, out, e);
	}
	if (ret != 0)
		return -1;
	f->more = false;
	if (!literal)
		record_end(f);
	record_add(f, SLICE_LIT("\r\n"));
	if (literal) {
		if (size > f->literal_max)
			return err_set(e, ERR_PROTOCOL, 0, "the server announces %llu octets where %llu are the most",
				       (unsigned long long)size, (unsigned long long)f->literal_max);
		f->literal_left = size;
		f->place = PLACE_LITERAL;
		f->more = true;
	}
	buf_clear(&f->line);
	return 0;
}

int imap_filter_feed(void *arg, struct slice bytes, struct buf *out, struct err *e)
{
	struct imap_filter *f = arg;

	if (bytes.n > f->total_left)
		return err_set(e, ERR_PROTOCOL, 0, "the server sends more than was asked for");
	f->total_left -= bytes.n;
	while (bytes.n > 0) {
		size_t n;

		if (f->place == PLACE_LITERAL) {
			n = bytes.n < f->literal_left ? bytes.n : (size_t)f->literal_left;
			if (!f->drop && !f->diverted)
				(void)buf_add(out, bytes.p, n);
			else if (!f->drop && f->sink.octets(f->sink.arg, slice_of(bytes.p, n), e) != 0)
				return -1;
			record_add(f, slice_of(bytes.p, n));
			f->literal_left -= n;
		} else {
			size_t end = slice_find(bytes, '\n');

			n = end < bytes.n ? end + 1 : bytes.n;
			if (buf_add(&f->line, bytes.p, end) != 0)
				return err_set(e, ERR_PROTOCOL, 0, "the server sent a line without an end");
			if (end < bytes.n && line_done(f, out, e) != 0)
				return -1;
		}
		if (f->place == PLACE_LITERAL && f->literal_left == 0)
			f->place = PLACE_LINE;
		bytes.p += n;
		bytes.n -= n;
	}
	return 0;
}
