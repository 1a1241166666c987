#include "oauth/loopback.h"

#include <stdio.h>
#include <stdlib.h>

#include "oauth/http.h"

enum { HOST_MAX = 64 };

/* The next line of REST without its CR LF or LF: true, or false when there is no whole one. */
static bool line_next(struct slice *rest, struct slice *line)
{
	size_t n = slice_find(*rest, '\n');

	if (n == rest->n)
		return false;
	*line = slice_of(rest->p, n > 0 && rest->p[n - 1] == '\r' ? n - 1 : n);
	*rest = slice_skip(*rest, n + 1);
	return true;
}

static bool take_word(struct slice *line, struct slice *word)
{
	size_t n = slice_find(*line, ' ');

	*word = slice_of(line->p, n);
	*line = slice_skip(*line, n < line->n ? n + 1 : n);
	return word->n > 0;
}

/* A page of another site can make a browser ask us under a name of its own that it pointed here. */
static bool host_is_ours(const struct loopback *l, struct slice value)
{
	static const char *const names[] = { "127.0.0.1", "localhost" };
	char host[HOST_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(host, sizeof host, "%s:%u", names[i], l->port);
		if (slice_eq_nocase(value, slice_str(host)))
			return true;
	}
	return false;
}

static bool state_fits(const char *ours, struct slice query)
{
	char *given = form_get(query, "state");
	size_t n = strlen(ours);
	unsigned differ = given == NULL || strlen(given) != n;

	/* All of it in any case, so that the time tells nothing. */
	for (size_t i = 0; given != NULL && i < n && given[i] != '\0'; i++)
		differ |= (unsigned)(unsigned char)given[i] ^ (unsigned)(unsigned char)ours[i];
	free(given);
	return differ == 0;
}

/* "GET /?code=… HTTP/1.1" (RFC 9112, 3). */
static bool start_line_fits(struct slice line, struct slice *target)
{
	struct slice method, version;

	return take_word(&line, &method) && slice_eq(method, SLICE_LIT("GET")) && take_word(&line, target) &&
	       target->p[0] == '/' && take_word(&line, &version) && line.n == 0 &&
	       (slice_eq(version, SLICE_LIT("HTTP/1.1")) || slice_eq(version, SLICE_LIT("HTTP/1.0")));
}

enum loopback_verdict loopback_read(const struct loopback *l, struct slice bytes, struct slice *query)
{
	struct slice rest = bytes, line, target;
	bool ours = false;

	*query = SLICE_NONE;
	if (!line_next(&rest, &line))
		return bytes.n >= LOOPBACK_REQUEST_MAX ? LOOPBACK_BROKEN : LOOPBACK_MORE;
	if (!start_line_fits(line, &target))
		return LOOPBACK_BROKEN;
	do {
		size_t colon;

		if (!line_next(&rest, &line))
			return bytes.n >= LOOPBACK_REQUEST_MAX ? LOOPBACK_BROKEN : LOOPBACK_MORE;
		colon = slice_find(line, ':');
		if (line.n > 0 && colon == line.n)
			return LOOPBACK_BROKEN;
		if (slice_eq_nocase(slice_of(line.p, colon), SLICE_LIT("host")))
			ours = host_is_ours(l, slice_trim(slice_skip(line, colon + 1)));
	} while (line.n > 0);
	if (!ours)
		return LOOPBACK_BROKEN;
	/* The path is "/": that is where the browser was told to go. */
	if (target.n < 2 || target.p[1] != '?' || target.n - 2 > LOOPBACK_QUERY_MAX)
		return LOOPBACK_ELSEWHERE;
	*query = slice_skip(target, 2);
	return state_fits(l->state, *query) ? LOOPBACK_ANSWER : LOOPBACK_ELSEWHERE;
}

void loopback_page(int status, const char *text, struct buf *out)
{
	static const char head[] = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>mailferry</title>"
				   "<body><p>";
	static const char tail[] = "</p></body></html>\n";
	const char *reason = status == 200 ? "OK" : status == 404 ? "Not Found" : "Bad Request";

	(void)buf_addf(out, "HTTP/1.1 %d %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n",
		       status, reason, sizeof head - 1 + strlen(text) + sizeof tail - 1);
	/* The address line holds the code: it stays here. */
	(void)buf_addf(out,
		       "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: "
		       "default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s%s%s",
		       head, text, tail);
}
