/*
 * A peer that sends whatever it likes where DEFLATE was agreed, in pieces of any size, while we write: what comes out
 * is what zlib makes of the whole at once, in bounded pieces, and never more than the tap allows. The first octet
 * chooses the size of the pieces, the second how much the tap takes; bit 7 of it packs the rest first, so that the
 * fuzzer need not find that out.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { PIECE_MAX = 16 * 1024, PLAIN_MAX = 1024 * 1024, PACKED_MAX = 64 * 1024 };

struct tap {
	const char *plain; /* what must come */
	size_t n, at, most;
};

static int take(void *arg, struct slice bytes, struct buf *out, struct err *e)
{
	struct tap *t = arg;

	if (bytes.n == 0 || bytes.n > PIECE_MAX || bytes.n > t->n - t->at)
		abort();
	if (memcmp(t->plain + t->at, bytes.p, bytes.n) != 0)
		abort();
	t->at += bytes.n;
	if (t->at > t->most)
		return err_set(e, ERR_PROTOCOL, 0, "more than was asked for");
	return buf_add_slice(out, bytes);
}

/* All that zlib makes of it, up to its end or its first fault. *CUT: it would make more. */
static size_t unpack(const uint8_t *p, size_t n, char *out, bool *cut)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = (Bytef *)out, .avail_out = PLAIN_MAX
	};

	if (inflateInit2(&z, -15) != Z_OK)
		abort();
	(void)inflate(&z, Z_SYNC_FLUSH);
	*cut = z.avail_out == 0;
	(void)inflateEnd(&z);
	return PLAIN_MAX - z.avail_out;
}

static size_t pack(const uint8_t *p, size_t n, uint8_t *out)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = out, .avail_out = PACKED_MAX
	};

	if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	(void)deflate(&z, Z_SYNC_FLUSH);
	(void)deflateEnd(&z);
	return PACKED_MAX - z.avail_out;
}

static void run(const uint8_t *p, size_t n, size_t piece, struct tap *t)
{
	struct stream *s;
	struct err e;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	s = stream_new(pair[0], "imap.example.net");
	stream_set_deadline(s, clock_mono_ms() + 60000);
	stream_set_tap(s, take, t);
	if (stream_start_deflate(s, &e) != 0)
		abort();
	for (size_t at = 0; at < n && stream_failure(s)->class == ERR_NONE;) {
		size_t now = n - at < piece ? n - at : piece;

		if (send(pair[1], p + at, now, MSG_NOSIGNAL) != (ssize_t)now)
			abort();
		at += now;
		(void)stream_write_some(s, SLICE_LIT("7 NOOP\r\n"), &e);
		while (stream_poll(s, &e) == 1)
			;
	}
	if (stream_unread(s) > t->most)
		abort();
	(void)close(pair[1]);
	while (stream_wait(s, &e) == 0)
		;
	if (stream_failure(s)->class == ERR_NONE)
		abort();
	stream_abort(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char plain[PLAIN_MAX];
	static uint8_t packed[PACKED_MAX];
	struct tap t = { .plain = plain };
	size_t piece;
	bool cut;

	(void)signal(SIGPIPE, SIG_IGN);
	if (n < 2 || n > 32 * 1024)
		return 0;
	piece = p[0] == 0 ? PACKED_MAX : p[0];
	t.most = (size_t)(p[1] & 0x7f) * 4096;
	if ((p[1] & 0x80) != 0) {
		n = pack(p + 2, n - 2, packed);
		p = packed;
	} else {
		p += 2;
		n -= 2;
	}
	t.n = unpack(p, n, plain, &cut);
	/* Then there is more than we can compare: the tap must end it before. */
	if (cut && t.most + PIECE_MAX > PLAIN_MAX)
		t.most = PLAIN_MAX - PIECE_MAX;
	run(p, n, piece, &t);
	/* All of it came, unless the tap said enough. */
	if (t.at < t.n && t.at <= t.most)
		abort();
	return 0;
}
