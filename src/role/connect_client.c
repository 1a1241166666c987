#include "role/connect.h"

#include <stdlib.h>

#include "base/file.h"
#include "ipc/channel.h"

enum { ANSWER_GRACE_MS = 2000, TEXT_MAX = 400 };

int connect_account(int socket, const char *account, int64_t timeout_ms, struct err *e)
{
	int fds[IPC_FDS_MAX], fd = -1;
	struct ipc_out out;
	struct ipc_in in;
	struct buf frame;
	size_t nfds = 0;
	char *text;
	int ret;

	buf_init(&frame, IPC_MAX);
	ipc_out_init(&out);
	ipc_begin(&out, CONNECT_OPEN, 1);
	ipc_put_str(&out, CONNECT_TAG_ACCOUNT, account);
	ipc_put_number(&out, CONNECT_TAG_TIMEOUT, timeout_ms);
	ret = ipc_send(socket, &out, NULL, 0, e);
	if (ret == 0)
		ret = ipc_receive(socket, &frame, &in, fds, &nfds, timeout_ms + ANSWER_GRACE_MS, e);
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
		(void)err_set(e, (enum err_class)ipc_get_number(in.rest, CONNECT_TAG_CLASS, ERR_TEMP), 0, "%s",
			      text == NULL ? "the connector did not say why it failed" : text);
		free(text);
	}
	for (size_t i = 0; i < nfds; i++)
		file_close(&fds[i]);
done:
	buf_free(&frame);
	return fd;
}
