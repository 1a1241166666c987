/* The reply of one HTTP/1.1 request (RFC 9112, 4 to 7). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "msg/date.h"
#include "oauth/http.h"

enum { LINE_BYTES_MAX = 8 * 1024, CHUNK_LINE_MAX = 200, CHUNK_LINES_MAX = 64 * 1024, NO_LENGTH = -1 };

enum state {
	AT_STATUS,
	AT_HEADER,
	AT_BODY, /* of a known length */
	AT_REST, /* until the connection ends */
	AT_CHUNK_SIZE,
	AT_CHUNK,
	AT_CHUNK_END, /* the CRLF behind its octets */
	AT_TRAILER,
	AT_DONE
};

struct http_parser {
	struct http_reply *out;
	enum state state;
	struct buf line;
	size_t head;	    /* octets of head and trailers so far, of all replies with 1xx too */
	size_t chunk_lines; /* octets */
	int64_t length;	    /* of the body; NO_LENGTH: not said */
	uint64_t left;	    /* of the body or the chunk */
	bool chunked;
};

void http_reply_init(struct http_reply *r)
{
	*r = (struct http_reply){ 0 };
	buf_init(&r->body, HTTP_BODY_MAX);
}

void http_reply_free(struct http_reply *r)
{
	mem_wipe(r->body.p, r->body.cap);
	buf_free(&r->body);
}

struct http_parser *http_parser_new(struct http_reply *out)
{
	struct http_parser *p = mem_alloc(sizeof *p);

	p->out = out;
	p->length = NO_LENGTH;
	buf_init(&p->line, LINE_BYTES_MAX);
	return p;
}

void http_parser_free(struct http_parser **p)
{
	if (*p == NULL)
		return;
	mem_wipe((*p)->line.p, (*p)->line.cap);
	buf_free(&(*p)->line);
	free(*p);
	*p = NULL;
}

static int wrong(struct err *e, const char *what)
{
	return err_set(e, ERR_PROTOCOL, 0, "its answer is no HTTP reply: %s", what);
}

static int too_large(struct err *e, const char *what)
{
	return err_set(e, ERR_PROTOCOL, 0, "its answer is too large: %s", what);
}

/* "HTTP/1.1 200 OK" */
static int status_read(struct http_parser *p, struct slice line, struct err *e)
{
	uint64_t status;

	if (line.n < 12 || !slice_eq(slice_of(line.p, 7), SLICE_LIT("HTTP/1.")) || !ascii_is_digit(line.p[7]) ||
	    line.p[8] != ' ' || slice_number(slice_of(line.p + 9, 3), 599, &status) != 0 || status < 100 ||
	    (line.n > 12 && line.p[12] != ' '))
		return wrong(e, "it has no status line");
	p->out->status = (int)status;
	p->out->retry_after = 0;
	p->length = NO_LENGTH;
	p->chunked = false;
	p->state = AT_HEADER;
	return 0;
}

static int64_t retry_read(struct slice value)
{
	time_t date;
	uint64_t seconds;
	int64_t ms;

	if (slice_number(value, HTTP_RETRY_MAX_MS / 1000, &seconds) == 0)
		return (int64_t)seconds * 1000;
	for (size_t i = 0; i < value.n; i++) {
		if (!ascii_is_digit(value.p[i]))
			break;
		if (i + 1 == value.n) /* more than the most */
			return HTTP_RETRY_MAX_MS;
	}
	date = date_parse(value);
	if (date < 0)
		return 0;
	ms = (int64_t)date * 1000 - clock_wall_ms();
	return ms < 0 ? 0 : ms > HTTP_RETRY_MAX_MS ? HTTP_RETRY_MAX_MS : ms;
}

static int header_read(struct http_parser *p, struct slice line, struct err *e)
{
	size_t colon = slice_find(line, ':');
	struct slice name = slice_of(line.p, colon), value;
	uint64_t length;

	if (colon == line.n || colon == 0 || line.p[0] == ' ' || line.p[0] == '\t')
		return wrong(e, "a line of its head has no name");
	value = slice_trim(slice_skip(line, colon + 1));
	if (slice_eq_nocase(name, SLICE_LIT("content-length"))) {
		if (slice_number(value, INT64_MAX, &length) != 0 ||
		    (p->length != NO_LENGTH && p->length != (int64_t)length))
			return wrong(e, "its Content-Length makes no sense");
		p->length = (int64_t)length;
	} else if (slice_eq_nocase(name, SLICE_LIT("transfer-encoding"))) {
		if (p->chunked || !slice_eq_nocase(value, SLICE_LIT("chunked")))
			return wrong(e, "its Transfer-Encoding is not known");
		p->chunked = true;
	} else if (slice_eq_nocase(name, SLICE_LIT("retry-after"))) {
		p->out->retry_after = retry_read(value);
	} else if (slice_eq_nocase(name, SLICE_LIT("content-encoding")) &&
		   !slice_eq_nocase(value, SLICE_LIT("identity"))) {
		return wrong(e, "it is compressed, though nobody asked for that");
	}
	return 0;
}

/* The empty line behind the head. */
static int head_end(struct http_parser *p, struct err *e)
{
	int status = p->out->status;

	if (status < 200 && status != 101) {
		p->state = AT_STATUS; /* the real reply follows */
		return 0;
	}
	if (p->chunked && p->length != NO_LENGTH)
		return wrong(e, "it has both a length and chunks");
	if (p->length > HTTP_BODY_MAX)
		return too_large(e, "the body");
	p->left = p->length == NO_LENGTH ? 0 : (uint64_t)p->length;
	if (status == 101)
		return wrong(e, "it wants another protocol");
	if (status == 204 || status == 304 || p->length == 0)
		p->state = AT_DONE;
	else
		p->state = p->chunked ? AT_CHUNK_SIZE : p->length == NO_LENGTH ? AT_REST : AT_BODY;
	return 0;
}

/* "1a0;extension" */
static int chunk_read(struct http_parser *p, struct slice line, struct err *e)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < line.n && line.p[i] != ';' && line.p[i] != ' ' && line.p[i] != '\t'; i++) {
		char c = ascii_lower(line.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
			return wrong(e, "the size of a chunk is no number");
		size = size * 16 + (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
		if (size > HTTP_BODY_MAX)
			return too_large(e, "a chunk");
	}
	if (i == 0)
		return wrong(e, "the size of a chunk is missing");
	p->left = size;
	p->state = size == 0 ? AT_TRAILER : AT_CHUNK;
	return 0;
}

static int line_read(struct http_parser *p, struct slice line, struct err *e)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	switch (p->state) {
	case AT_STATUS:
		return status_read(p, line, e);
	case AT_HEADER:
		return line.n == 0 ? head_end(p, e) : header_read(p, line, e);
	case AT_CHUNK_SIZE:
		return chunk_read(p, line, e);
	case AT_CHUNK_END:
		p->state = AT_CHUNK_SIZE;
		return line.n == 0 ? 0 : wrong(e, "a chunk is longer than it said");
	default: /* AT_TRAILER: nothing in it is of use */
		if (line.n == 0)
			p->state = AT_DONE;
		return 0;
	}
}

/* Takes octets of a line off BYTES. */
static int line_feed(struct http_parser *p, struct slice *bytes, struct err *e)
{
	bool chunk = p->state == AT_CHUNK_SIZE || p->state == AT_CHUNK_END;
	size_t n = slice_find(*bytes, '\n'), taken = n < bytes->n ? n + 1 : n;
	size_t most = chunk ? CHUNK_LINE_MAX : LINE_BYTES_MAX;
	int ret = 0;

	*(chunk ? &p->chunk_lines : &p->head) += taken;
	if (p->head > HTTP_HEAD_MAX || p->chunk_lines > CHUNK_LINES_MAX || p->line.n + n > most)
		return too_large(e, chunk ? "the sizes of chunks" : "the head");
	if (buf_add(&p->line, bytes->p, n) != 0)
		return too_large(e, "a line");
	if (n < bytes->n) {
		ret = line_read(p, buf_slice(&p->line), e);
		buf_clear(&p->line);
	}
	*bytes = slice_skip(*bytes, taken);
	return ret;
}

static int body_feed(struct http_parser *p, struct slice *bytes, struct err *e)
{
	size_t n = bytes->n;

	if (p->state != AT_REST && p->left < n)
		n = (size_t)p->left;
	if (buf_add(&p->out->body, bytes->p, n) != 0)
		return too_large(e, "the body");
	*bytes = slice_skip(*bytes, n);
	if (p->state == AT_REST)
		return 0;
	p->left -= n;
	if (p->left == 0)
		p->state = p->state == AT_CHUNK ? AT_CHUNK_END : AT_DONE;
	return 0;
}

int http_parser_feed(struct http_parser *p, struct slice bytes, bool eof, struct err *e)
{
	int ret = 0;

	while (ret == 0 && bytes.n > 0 && p->state != AT_DONE) {
		if (p->state == AT_BODY || p->state == AT_REST || p->state == AT_CHUNK)
			ret = body_feed(p, &bytes, e);
		else
			ret = line_feed(p, &bytes, e);
	}
	if (ret != 0)
		return -1;
	if (eof && p->state == AT_REST)
		p->state = AT_DONE;
	if (p->state == AT_DONE)
		return 1;
	return eof ? wrong(e, "it ends too early") : 0;
}
