#include "store/wrap.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "msg/header_write.h"
#include "msg/summary.h"

enum {
	HEAD_MAX = 16 * 1024,
	FIELD_MAX = 900, /* octets of a field that is taken over: a line may have 998 (RFC 5322, 2.1.1) */
	WHY_MAX = 300,
	LINE_OCTETS = 57, /* in one line of base64 … */
	LINE_CHARS = 76,
	LINE = LINE_CHARS + 2, /* … which takes that many */
	LINES_AT_ONCE = 512
};

struct wrap {
	char *head, *tail; /* owned */
	size_t head_len, tail_len;
	uint64_t size;	  /* of the original */
	uint64_t encoded; /* of it in base64, with line ends */
};

static bool plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	}
	return s.n > 0 && s.n <= FIELD_MAX;
}

/* S in printable ASCII. */
static void add_plain(struct buf *out, const char *s, size_t max)
{
	for (size_t n = 0; *s != '\0' && n < max; s++, n++)
		(void)buf_add_char(out, *s >= ' ' && *s <= '~' ? *s : '?');
}

/* As it is, if that does no harm: its comments and encoded words are ASCII. */
static void add_from(struct buf *out, const struct header *h)
{
	const struct header_field *from;
	struct buf value;
	size_t at = 0;

	buf_init(&value, HEADER_TEXT_MAX);
	from = header_find(h, SLICE_LIT("From"), &at);
	if (from != NULL && header_unfold(from->value, &value) == 0 && plain(buf_slice(&value)))
		(void)buf_addf(out, "From: %s\r\n", buf_str(&value));
	else
		(void)buf_add_str(out, "From: \"unknown sender\" <unknown@sender.invalid>\r\n");
	buf_free(&value);
}

static void add_head(struct buf *out, const char *why, const struct header *h, const char *id, time_t date)
{
	char stamp[CLOCK_RFC5322_SIZE];
	struct summary s;

	summary_init(&s, h);
	clock_rfc5322(s.date != -1 ? s.date : date, stamp);
	add_from(out, h);
	(void)buf_addf(out, "Date: %s\r\n", stamp);
	if (plain(slice_str(s.message_id)))
		(void)buf_addf(out, "Message-ID: %s\r\n", s.message_id);
	(void)header_write(SLICE_LIT("Subject"),
			   s.subject[0] == '\0' ? SLICE_LIT("(a message without a subject)") : slice_str(s.subject), out);
	(void)buf_addf(out,
		       "MIME-Version: 1.0\r\n"
		       "Content-Type: multipart/mixed; boundary=\"mailferry-%s\"\r\n"
		       "\r\n"
		       "--mailferry-%s\r\n"
		       "Content-Type: text/plain; charset=us-ascii\r\n"
		       "\r\n"
		       "This message could not be filed in the form in which it came, because the\r\n"
		       "mail store refused it:\r\n"
		       "\r\n"
		       "    ",
		       id, id);
	add_plain(out, why, WHY_MAX);
	(void)buf_addf(out,
		       "\r\n"
		       "\r\n"
		       "It is attached, octet by octet as it was received.\r\n"
		       "\r\n"
		       "--mailferry-%s\r\n"
		       "Content-Type: application/octet-stream; name=\"message.eml\"\r\n"
		       "Content-Transfer-Encoding: base64\r\n"
		       "Content-Disposition: attachment; filename=\"message.eml\"\r\n"
		       "\r\n",
		       id);
	summary_free(&s);
}

struct wrap *wrap_new(const char *why, struct slice front, uint64_t size, const char *id, time_t date)
{
	struct wrap *w = mem_alloc(sizeof *w);
	uint64_t rest = size % LINE_OCTETS;
	struct header h;
	struct buf head;

	if (front.n > WRAP_FRONT_MAX)
		front.n = WRAP_FRONT_MAX;
	header_parse(&h, front);
	buf_init(&head, HEAD_MAX);
	add_head(&head, why, &h, id, date);
	/* Everything in it is bounded. */
	if (buf_failed(&head))
		abort();
	header_free(&h);
	*w = (struct wrap){ .size = size,
			    .encoded = size / LINE_OCTETS * LINE + (rest > 0 ? (rest + 2) / 3 * 4 + 2 : 0),
			    .tail = mem_printf("\r\n--mailferry-%s--\r\n", id) };
	w->head = buf_take(&head, &w->head_len);
	w->tail_len = strlen(w->tail);
	return w;
}

void wrap_free(struct wrap **w)
{
	if (*w == NULL)
		return;
	free((*w)->head);
	free((*w)->tail);
	free(*w);
	*w = NULL;
}

uint64_t wrap_size(const struct wrap *w)
{
	return w->head_len + w->encoded + w->tail_len;
}

/* From AT on in the encoded original: some lines, cut at both ends to what was asked for. */
static ssize_t read_encoded(const struct wrap *w, uint64_t at, char *p, size_t size, wrap_read_fn *fn, void *arg,
			    struct err *e)
{
	char raw[LINES_AT_ONCE * LINE_OCTETS];
	uint64_t first = at / LINE;
	size_t skip = (size_t)(at % LINE), n = sizeof raw, lines = (size + skip) / LINE + 1;
	struct buf out;

	if (lines < LINES_AT_ONCE)
		n = lines * LINE_OCTETS;
	if (n > w->size - first * LINE_OCTETS)
		n = (size_t)(w->size - first * LINE_OCTETS);
	if (fn(arg, first * LINE_OCTETS, raw, n, e) != 0)
		return -1;
	buf_init(&out, LINES_AT_ONCE * LINE);
	for (size_t i = 0; i < n; i += LINE_OCTETS) {
		(void)base64_encode(slice_of(raw + i, n - i < LINE_OCTETS ? n - i : LINE_OCTETS), &out);
		(void)buf_add_str(&out, "\r\n");
	}
	buf_consume(&out, skip);
	n = out.n < size ? out.n : size;
	memcpy(p, out.p, n);
	buf_free(&out);
	return (ssize_t)n;
}

static ssize_t copy(const char *from, size_t len, uint64_t at, char *p, size_t size)
{
	size_t n = len - (size_t)at;

	n = n < size ? n : size;
	memcpy(p, from + at, n);
	return (ssize_t)n;
}

ssize_t wrap_read(const struct wrap *w, uint64_t at, char *p, size_t size, wrap_read_fn *fn, void *arg, struct err *e)
{
	if (at < w->head_len)
		return copy(w->head, w->head_len, at, p, size);
	at -= w->head_len;
	if (at < w->encoded)
		return read_encoded(w, at, p, size, fn, arg, e);
	at -= w->encoded;
	return at < w->tail_len ? copy(w->tail, w->tail_len, at, p, size) : 0;
}
