#include "oauth/http.h"

#include <errno.h>

#include "base/mem.h"
#include "net/stream.h"

struct exchange {
	struct stream *stream;
	struct http_parser *parser;
	bool done;
};

/* Every octet that arrives goes to the parser; nothing is left for anybody else. */
static int tap(void *arg, struct slice bytes, struct buf *out, struct err *e)
{
	struct exchange *x = arg;
	int ret = http_parser_feed(x->parser, bytes, false, e);

	(void)out;
	x->done = ret == 1;
	return ret < 0 ? -1 : 0;
}

static void request_make(const struct url *u, struct slice form, struct buf *out)
{
	const char *open = "", *close = "";

	if (slice_find(slice_str(u->host), ':') < slice_str(u->host).n) {
		open = "[";
		close = "]";
	}
	(void)buf_addf(out, "POST %.*s HTTP/1.1\r\nHost: %s%s%s", (int)u->path.n, u->path.p, open, u->host, close);
	if (u->port != (u->tls ? 443 : 80))
		(void)buf_addf(out, ":%u", u->port);
	(void)buf_addf(out,
		       "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n"
		       "Accept: application/json\r\nUser-Agent: mailferry\r\nConnection: close\r\n\r\n",
		       form.n);
	(void)buf_add_slice(out, form);
}

static int send_all(struct exchange *x, struct slice bytes, struct err *e)
{
	while (bytes.n > 0 && !x->done) {
		ssize_t put = stream_write_some(x->stream, bytes, e);

		if (put < 0)
			return -1;
		bytes = slice_skip(bytes, (size_t)put);
		if (put == 0) {
			struct stream_watch w = { x->stream, true };

			stream_wait_any(&w, 1);
			/* A server may refuse before it has read all. */
			if (stream_poll(x->stream, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int receive_all(struct exchange *x, struct err *e)
{
	while (!x->done) {
		struct err why = { 0 };

		if (stream_wait(x->stream, &why) == 0)
			continue;
		if (x->done)
			return 0;
		/* A body without a length ends with the connection; TLS says whether that was the server's wish only
		 * where the server says so, but JSON that is cut short is no JSON. */
		if (why.class == ERR_TEMP && why.code == ECONNRESET)
			return http_parser_feed(x->parser, SLICE_NONE, true, e) == 1 ? 0 : -1;
		*e = why;
		return -1;
	}
	return 0;
}

int http_post(int fd, const struct url *url, struct tls_client *tls, struct slice form, int64_t by,
	      struct http_reply *out, struct err *e)
{
	struct exchange x = { .stream = stream_new(fd, url->host), .parser = http_parser_new(out) };
	struct buf request;
	int ret = 0;

	buf_init(&request, HTTP_BODY_MAX);
	request_make(url, form, &request);
	stream_set_deadline(x.stream, by);
	stream_set_tap(x.stream, tap, &x);
	if (buf_failed(&request))
		ret = err_set(e, ERR_LIMIT, 0, "the request to %s is too large", url->host);
	else if (url->tls)
		ret = tls == NULL ? err_set(e, ERR_CONFIG, 0, "there is no TLS for %s", url->host)
				  : stream_start_tls(x.stream, tls, e);
	if (ret == 0)
		ret = send_all(&x, buf_slice(&request), e);
	if (ret == 0)
		ret = receive_all(&x, e);
	else if (x.done)
		ret = 0;
	if (ret != 0 && (e->class == ERR_PROTOCOL || e->class == ERR_LIMIT))
		(void)err_prefix(e, "%s", url->host);
	stream_close(&x.stream);
	http_parser_free(&x.parser);
	mem_wipe(request.p, request.cap);
	buf_free(&request);
	return ret;
}
