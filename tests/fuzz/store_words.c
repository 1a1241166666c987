/* What the server in store_peer.h says: what it should, and what it should not. */
#include "store_peer_impl.h"

#include <stdarg.h>

void peer_say(struct connection *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)buf_vaddf(&c->out, fmt, ap);
	va_end(ap);
}

/* Bytes of the input; "$" is TAG, and every line feed but one behind 0x01 a whole line end. */
void peer_say_raw(struct connection *c, const char *tag)
{
	size_t n = peer_draw();

	peer.lied = true;
	while (n-- > 0 && peer.at < peer.n) {
		char b = (char)peer_draw();

		if (b == '$')
			(void)buf_add_str(&c->out, tag);
		else if (b == '\n')
			(void)buf_add_str(&c->out, "\r\n");
		else if (b == '\x01')
			(void)buf_add_char(&c->out, '\n');
		else
			(void)buf_add_char(&c->out, b);
	}
}

void peer_say_noise(struct connection *c)
{
	static const char *const lines[] = { "* 23 EXISTS",
					     "* 1 EXPUNGE",
					     "* OK [ALERT] the disk is old",
					     "* 3 FETCH (FLAGS (\\Seen))",
					     "* NO a warning",
					     "* BAD a thought",
					     "* FLAGS (\\Seen)",
					     "* STATUS \"Other\" (UIDVALIDITY 7 UIDNEXT 7)",
					     "* X-NEWS (1 2 3)",
					     "* VANISHED 4:5" };

	peer_say(c, "%s\r\n", lines[peer_draw() % (sizeof lines / sizeof lines[0])]);
}

const char *peer_refusal(void)
{
	/* Not stored, for certain. */
	static const char *const texts[] = {
		"[TRYCREATE] no such folder",
		"[OVERQUOTA] Quota exceeded",
		"[TOOBIG] too big",
		"[NOPERM] Permission denied",
		"[CANNOT] no",
		"[LIMIT] not so many",
		"[INUSE] locked",
		"[READ-ONLY] no",
		"Message contains bare newlines",
		"[LIMIT] bandwidth",
		"[UNKNOWN-CTE] no",
		"[NONEXISTENT] gone",
	};

	return texts[peer_draw() % (sizeof texts / sizeof texts[0])];
}

const char *peer_fault(void)
{
	static const char *const texts[] = {
		"Unexpected exception",
		"[SERVERBUG] Internal error occurred",
		"[UNAVAILABLE] later",
		"[THROTTLED] slowly",
		"Request is throttled. Suggested Backoff Time: 9000 milliseconds",
		"User is authenticated but not connected.",
		"no",
		"",
		"[ALERT] Too many simultaneous connections. (Failure)",
	};

	return texts[peer_draw() % (sizeof texts / sizeof texts[0])];
}
