/* Messages between roles: what goes in comes out, what is forged is refused, descriptors are never leaked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"

static void build(struct ipc_out *out)
{
	ipc_out_init(out);
	ipc_begin(out, 7, 99);
	ipc_put_number(out, 1, -5);
	ipc_put_str(out, 2, "hello");
	ipc_put_str(out, 3, NULL);
	ipc_open(out, 4);
	ipc_put_number(out, 1, INT64_MAX);
	ipc_open(out, 5);
	ipc_put_bytes(out, 6, SLICE_LIT("a\0b"));
	ipc_close(out);
	ipc_close(out);
}

static void fields_come_back(void **state)
{
	struct ipc_out out;
	struct ipc_in in;
	struct ipc_field f;
	struct slice rest, group;
	char *text;

	(void)state;
	build(&out);
	assert_int_equal(ipc_parse(buf_slice(&out.buf), &in, NULL), 0);
	assert_int_equal(in.type, 7);
	assert_int_equal(in.id, 99);
	assert_int_equal(ipc_get_number(in.rest, 1, 0), -5);
	text = ipc_get_str(in.rest, 2, 5);
	assert_string_equal(text, "hello");
	free(text);
	assert_null(ipc_get_str(in.rest, 2, 4));
	assert_null(ipc_get_str(in.rest, 3, 10));
	assert_int_equal(ipc_get_number(in.rest, 77, 42), 42);
	rest = in.rest;
	while (ipc_next(&rest, &f) && f.kind != IPC_GROUP)
		;
	assert_int_equal(f.tag, 4);
	group = f.bytes;
	assert_true(ipc_get_number(group, 1, 0) == INT64_MAX);
	assert_true(ipc_next(&group, &f) && ipc_next(&group, &f));
	assert_int_equal(f.kind, IPC_GROUP);
	assert_int_equal(ipc_get_bytes(f.bytes, 6).n, 3);
	assert_null(ipc_get_str(f.bytes, 6, 10));
	ipc_out_free(&out);
}

static void cut_and_forged_messages_are_refused(void **state)
{
	struct ipc_out out;
	struct ipc_in in;
	char copy[512];

	(void)state;
	build(&out);
	for (size_t n = 0; n < out.buf.n; n++) {
		/* A cut may fall between two fields of the outermost level; the group at the end must then be missing whole. */
		if (ipc_parse(slice_of(out.buf.p, n), &in, NULL) == 0)
			assert_true(n == 8 || n == 24 || n == 37);
	}
	/* No single changed byte may lead a reader out of the frame. */
	for (size_t i = 0; i < out.buf.n; i++) {
		for (unsigned v = 0; v < 256; v++) {
			struct ipc_field f;

			memcpy(copy, out.buf.p, out.buf.n);
			copy[i] = (char)v;
			if (ipc_parse(slice_of(copy, out.buf.n), &in, NULL) != 0)
				continue;
			while (ipc_next(&in.rest, &f))
				assert_true(f.bytes.p >= copy && f.bytes.p + f.bytes.n <= copy + out.buf.n);
		}
	}
	ipc_out_free(&out);
}

static void nesting_and_size_are_bounded(void **state)
{
	struct ipc_out out;
	struct err e = { 0 };
	int fds[2];
	char *big = calloc(1, IPC_MAX);

	(void)state;
	assert_int_equal(ipc_pair(fds, &e), 0);
	ipc_out_init(&out);
	ipc_begin(&out, 1, 1);
	for (int i = 0; i <= IPC_DEPTH_MAX; i++)
		ipc_open(&out, 1);
	assert_int_equal(ipc_send(fds[0], &out, NULL, 0, &e), -1);
	ipc_begin(&out, 1, 1);
	ipc_put_bytes(&out, 1, slice_of(big, IPC_MAX));
	assert_int_equal(ipc_send(fds[0], &out, NULL, 0, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	/* The largest that fits goes through the socket whole. */
	ipc_begin(&out, 1, 1);
	ipc_put_bytes(&out, 1, slice_of(big, IPC_MAX - 16));
	assert_int_equal(ipc_send(fds[0], &out, NULL, 0, &e), 0);
	{
		struct buf frame;
		struct ipc_in in;

		buf_init(&frame, IPC_MAX);
		assert_int_equal(ipc_receive(fds[1], &frame, &in, NULL, NULL, 1000, &e), 0);
		assert_int_equal(ipc_get_bytes(in.rest, 1).n, IPC_MAX - 16);
		assert_int_equal(ipc_receive(fds[1], &frame, &in, NULL, NULL, 1, &e), -1);
		assert_int_equal(e.class, ERR_TEMP);
		file_close(&fds[0]);
		assert_int_equal(ipc_receive(fds[1], &frame, &in, NULL, NULL, 1000, &e), -1);
		assert_int_equal(e.code, EPIPE);
		buf_free(&frame);
	}
	file_close(&fds[1]);
	ipc_out_free(&out);
	free(big);
}

struct seen {
	struct event_base *base;
	struct channel *channel;
	int messages, closed, refuse_at;
	int fd;
};

static int on_message(void *arg, const struct ipc_in *in, int *fds, size_t nfds)
{
	struct seen *s = arg;

	assert_int_equal(in->id, s->messages);
	s->messages++;
	if (nfds > 0) {
		s->fd = fds[0];
		fds[0] = -1;
	}
	return s->messages == s->refuse_at ? -1 : 0;
}

static void on_closed(void *arg, const struct err *e)
{
	struct seen *s = arg;

	assert_true(e->text[0] != '\0');
	s->closed++;
	channel_free(&s->channel);
	event_base_loopbreak(s->base);
}

static const struct channel_handler handler = { on_message, on_closed };

static void channels_queue_and_keep_order(void **state)
{
	struct event_base *base = event_base_new();
	struct seen a = { .base = base, .fd = -1 }, b = { .base = base, .fd = -1 };
	struct ipc_out out;
	struct err e = { 0 };
	int fds[2], pipefd[2];
	char *big = calloc(1, 100000), c;

	(void)state;
	assert_int_equal(ipc_pair(fds, &e), 0);
	assert_int_equal(pipe(pipefd), 0);
	a.channel = channel_new(base, fds[0], &handler, &a);
	b.channel = channel_new(base, fds[1], &handler, &b);
	ipc_out_init(&out);
	/* Far more than the socket takes at once; the last one brings a descriptor. */
	for (uint32_t i = 0; i < 100; i++) {
		ipc_begin(&out, 3, i);
		ipc_put_bytes(&out, 1, slice_of(big, 100000));
		assert_int_equal(channel_send(a.channel, &out, &pipefd[1], i == 99 ? 1 : 0, &e), 0);
	}
	(void)close(pipefd[1]);
	while (b.messages < 100)
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
	assert_int_equal(write(b.fd, "x", 1), 1);
	assert_int_equal(read(pipefd[0], &c, 1), 1);
	(void)close(b.fd);
	/* Nobody else holds the writing end: the queue closed its copy. */
	assert_int_equal(read(pipefd[0], &c, 1), 0);
	(void)close(pipefd[0]);
	channel_free(&a.channel);
	assert_int_equal(event_base_dispatch(base), 0);
	assert_int_equal(b.closed, 1);
	ipc_out_free(&out);
	event_base_free(base);
	free(big);
}

static void a_peer_that_breaks_the_protocol_is_closed(void **state)
{
	struct event_base *base = event_base_new();
	struct seen b = { .base = base, .refuse_at = 2 };
	struct ipc_out out;
	struct err e = { 0 };
	int fds[2];

	(void)state;
	assert_int_equal(ipc_pair(fds, &e), 0);
	b.channel = channel_new(base, fds[1], &handler, &b);
	ipc_out_init(&out);
	for (uint32_t i = 0; i < 3; i++) {
		ipc_begin(&out, 3, i);
		assert_int_equal(ipc_send(fds[0], &out, NULL, 0, &e), 0);
	}
	(void)event_base_dispatch(base);
	assert_int_equal(b.messages, 2);
	assert_int_equal(b.closed, 1);
	(void)close(fds[0]);
	assert_int_equal(ipc_pair(fds, &e), 0);
	b = (struct seen){ .base = base };
	b.channel = channel_new(base, fds[1], &handler, &b);
	assert_int_equal(send(fds[0], "garbage", 7, 0), 7);
	(void)event_base_dispatch(base);
	assert_int_equal(b.messages, 0);
	assert_int_equal(b.closed, 1);
	(void)close(fds[0]);
	ipc_out_free(&out);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back),
		cmocka_unit_test(cut_and_forged_messages_are_refused),
		cmocka_unit_test(nesting_and_size_are_bounded),
		cmocka_unit_test(channels_queue_and_keep_order),
		cmocka_unit_test(a_peer_that_breaks_the_protocol_is_closed),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
