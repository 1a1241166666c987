#include "role/connect.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"

enum { ANSWER_GRACE_MS = 2000, TEXT_MAX = 400, CODE_MAX = 4095 };

static uint32_t last_id; /* of a request */

/* The answer to the newest request. One that was given up may be answered late: its connection is old by now. */
static int receive(int socket, int64_t timeout_ms, struct buf *frame, struct ipc_in *in, int *fds, size_t *nfds,
		   struct err *e)
{
	int64_t until = clock_mono_ms() + timeout_ms, left;

	for (;;) {
		left = until - clock_mono_ms();
		if (ipc_receive(socket, frame, in, fds, nfds, left < 0 ? 0 : left, e) != 0)
			return -1;
		if (in->id == last_id)
			return 0;
		for (size_t i = 0; i < *nfds; i++)
			file_close(&fds[i]);
		*nfds = 0;
	}
}

int connect_account(int socket, const char *account, int64_t timeout_ms, struct err *e)
{
	int fds[IPC_FDS_MAX], fd = -1;
	struct ipc_out out;
	struct ipc_in in;
	struct buf frame;
	size_t nfds = 0;
	int64_t code;
	char *text;
	int ret;

	buf_init(&frame, IPC_MAX);
	ipc_out_init(&out);
	ipc_begin(&out, CONNECT_OPEN, ++last_id);
	ipc_put_str(&out, CONNECT_TAG_ACCOUNT, account);
	ipc_put_number(&out, CONNECT_TAG_TIMEOUT, timeout_ms);
	ret = ipc_send(socket, &out, NULL, 0, e);
	if (ret == 0)
		ret = receive(socket, timeout_ms + ANSWER_GRACE_MS, &frame, &in, fds, &nfds, e);
	ipc_out_free(&out);
	if (ret != 0) {
		(void)err_prefix(e, "the connector does not answer");
		goto done;
	}
	if (in.type != CONNECT_DONE) {
		(void)err_set(e, ERR_PROTOCOL, 0, "the connector gave an answer that is none");
	} else if (nfds == 1) {
		fd = fds[0];
		fds[0] = -1;
	} else {
		text = ipc_get_str(in.rest, CONNECT_TAG_TEXT, TEXT_MAX);
		code = ipc_get_number(in.rest, CONNECT_TAG_CODE, 0);
		/* EPIPE is what we say ourselves when the connector is gone. */
		(void)err_set(e, (enum err_class)ipc_get_number(in.rest, CONNECT_TAG_CLASS, ERR_TEMP),
			      code < 0 || code > CODE_MAX || code == EPIPE ? 0 : (int)code, "%s",
			      text == NULL ? "the connector did not say why it failed" : text);
		free(text);
	}
	for (size_t i = 0; i < nfds; i++)
		file_close(&fds[i]);
done:
	buf_free(&frame);
	return fd;
}
