/* Waiting for one of several streams, or for something that may never come. */
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "net/stream_impl.h"

int stream_wait_until(struct stream *s, int64_t mono_ms, struct err *e)
{
	int ret;

	while ((ret = stream_poll(s, e)) == 0) {
		struct pollfd fds[2] = { { s->fd, POLLIN, 0 }, { s->wake_fd, POLLIN, 0 } };
		int64_t now = clock_mono_ms(), left = mono_ms - now;
		int n;

		if (now >= s->deadline) {
			(void)stream_fail_late(s);
			return stream_failed(s, e);
		}
		if (left <= 0)
			return 0;
		left = s->deadline - now < left ? s->deadline - now : left;
		if (stream_urge(s, &fds[0].events) != 0)
			return stream_failed(s, e);
		n = poll(fds, s->wake_fd < 0 ? 1 : 2, (int)(left < INT_MAX ? left : INT_MAX));
		if (n < 0 && errno != EINTR) {
			(void)stream_fail_io(s, errno);
			return stream_failed(s, e);
		}
		if (n > 0 && fds[0].revents == 0 && fds[1].revents != 0) {
			s->wake(s->wake_arg);
			return 0;
		}
	}
	return ret;
}

/* Milliseconds until the first deadline; streams whose deadline has passed fail. -1 when one has. */
static int next_deadline(const struct stream_watch *w, size_t n)
{
	int64_t now = clock_mono_ms(), first = INT_MAX;
	bool late = false;

	for (size_t i = 0; i < n; i++) {
		int64_t left = w[i].stream->deadline - now;

		if (left <= 0) {
			(void)stream_fail_late(w[i].stream);
			late = true;
		}
		first = left < first ? left : first;
	}
	return late ? -1 : (int)first;
}

void stream_wait_any(const struct stream_watch *w, size_t n)
{
	struct pollfd fds[STREAM_WATCH_MAX + 1];
	int left = next_deadline(w, n), got;

	if (left < 0 || n == 0 || n > STREAM_WATCH_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		short events = POLLIN;

		if (stream_holds(w[i].stream) || stream_urge(w[i].stream, &events) != 0)
			return;
		if (w[i].write)
			events = (short)(events | w[i].stream->write_wants);
		fds[i] = (struct pollfd){ w[i].stream->fd, events, 0 };
	}
	fds[n] = (struct pollfd){ w[0].stream->wake_fd, POLLIN, 0 };
	got = poll(fds, n + 1, left);
	if (got > 0 && fds[n].revents != 0) {
		w[0].stream->wake(w[0].stream->wake_arg);
		/* What woke us may stay readable: leave it alone for a moment. */
		if (got == 1)
			got = poll(fds, n, left < STREAM_WAKE_PAUSE_MS ? left : STREAM_WAKE_PAUSE_MS);
	}
	/* What has come in time is read first, however late we are. */
	if (got == 0)
		(void)next_deadline(w, n);
}
