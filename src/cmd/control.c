#include "cmd/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/channel.h"

static int control_open(const char *path, const char *file, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	int fd;

	if (n >= sizeof sun.sun_path)
		return err_set(e, ERR_CONFIG, 0, "%s: control: the path is longer than a socket's may be (%zu octets)",
			       file, sizeof sun.sun_path - 1);
	memcpy(sun.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		(void)err_set(e, ERR_TEMP, errno,
			      "mailferry is not running: nobody listens on the control socket %s; start it with: "
			      "systemctl start mailferry (or mailferry run -c %s)",
			      path, file);
	else if (errno == EACCES || errno == EPERM)
		(void)err_set(
		    e, ERR_PERM, errno,
		    "you may not use the control socket %s: run this as root, or as the user who started mailferry",
		    path);
	else
		(void)err_sys(e, errno, "connect to the control socket %s", path);
	(void)close(fd);
	return -1;
}

static int control_ask(int fd, const struct ipc_out *hello, struct err *e)
{
	struct ipc_in in;
	struct buf frame;
	size_t nfds = 0;
	int r;

	buf_init(&frame, IPC_MAX);
	r = ipc_send(fd, hello, NULL, 0, e);
	if (r == 0)
		r = ipc_receive(fd, &frame, &in, NULL, &nfds, CONTROL_TIMEOUT_MS, e);
	if (r != 0 && e->code == EPIPE) {
		(void)err_set(
		    e, ERR_TEMP, EPIPE,
		    "mailferry hung up on the control socket: it is stopping, or too many ask at once; try again");
	} else if (r != 0) {
		(void)err_prefix(e, "mailferry does not answer on its control socket");
	} else if (in.type != CONTROL_OK) {
		char *text = ipc_get_str(in.rest, CONTROL_TAG_TEXT, CONTROL_TEXT_MAX);

		r = err_set(e, ERR_TEMP, 0, "mailferry says: %s", text == NULL ? "no" : text);
		free(text);
	}
	buf_free(&frame);
	return r;
}

int control_request(const char *path, const char *file, const struct ipc_out *hello, struct err *e)
{
	int fd = control_open(path, file, e);

	if (fd >= 0 && control_ask(fd, hello, e) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

int control_connect(const char *path, const char *file, const char *want, struct err *e)
{
	struct ipc_out hello;
	int fd;

	ipc_out_init(&hello);
	ipc_begin(&hello, CONTROL_HELLO, 1);
	ipc_put_str(&hello, CONTROL_TAG_WANT, want);
	fd = control_request(path, file, &hello, e);
	ipc_out_free(&hello);
	return fd;
}
