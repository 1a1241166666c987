/* One packet in, one packet out: what channels and blocking programs share. */
#include "ipc/socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
};

int ipc_socket_send(int fd, struct slice frame, const int *fds, size_t nfds)
{
	union control control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)frame.p, .iov_len = frame.n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t put;

	if (nfds > IPC_FDS_MAX)
		return EINVAL;
	if (nfds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	do
		put = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	return put < 0 ? errno : 0;
}

int ipc_socket_receive(int fd, struct buf *frame, int *fds, size_t *nfds)
{
	union control control;
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	ssize_t got;

	*nfds = 0;
	buf_clear(frame);
	iov.iov_base = buf_reserve(frame, IPC_MAX);
	iov.iov_len = IPC_MAX;
	if (iov.iov_base == NULL)
		return ENOMEM;
	/* Of a peer that left something of ours unread the kernel tells once, in front of what that peer had sent. */
	do
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
			if (*nfds < IPC_FDS_MAX)
				fds[(*nfds)++] = one;
			else
				file_close(&one);
		}
	}
	if (got == 0)
		return EPIPE;
	buf_commit(frame, (size_t)got);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		ipc_close_fds(fds, nfds);
		return EMSGSIZE;
	}
	return 0;
}

void ipc_close_fds(int *fds, size_t *nfds)
{
	for (size_t i = 0; i < *nfds; i++)
		file_close(&fds[i]);
	*nfds = 0;
}

/* Waits for EVENTS on FD until DEADLINE (monotonic; -1: for ever): 0, or an errno, ETIMEDOUT at the deadline. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline < 0 ? -1 : deadline - clock_mono_ms();
		int r;

		if (deadline >= 0 && left <= 0)
			return ETIMEDOUT;
		r = poll(&p, 1, left > 60000 ? 60000 : (int)left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return errno;
	}
}

int ipc_send(int fd, const struct ipc_out *out, const int *fds, size_t nfds, struct err *e)
{
	if (buf_failed(&out->buf) || out->depth != 0)
		return err_set(e, ERR_LIMIT, 0, "a message between roles grew past %d octets", IPC_MAX);
	for (;;) {
		int r = ipc_socket_send(fd, buf_slice(&out->buf), fds, nfds);

		if (r == EAGAIN || r == EWOULDBLOCK)
			r = wait_for(fd, POLLOUT, -1);
		else if (r == 0)
			return 0;
		if (r != 0)
			return err_sys(e, r == ECONNRESET ? EPIPE : r, "send to another role");
	}
}

int ipc_receive(int fd, struct buf *frame, struct ipc_in *in, int *fds, size_t *nfds, int64_t timeout_ms, struct err *e)
{
	int64_t deadline = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
	int own_fds[IPC_FDS_MAX];
	size_t own_n = 0;

	if (nfds != NULL)
		*nfds = 0;
	for (;;) {
		int r = ipc_socket_receive(fd, frame, own_fds, &own_n);

		if (r == 0)
			break;
		if (r == EAGAIN || r == EWOULDBLOCK)
			r = wait_for(fd, POLLIN, deadline);
		if (r == ETIMEDOUT)
			return err_set(e, ERR_TEMP, ETIMEDOUT, "no answer in %lld s",
				       (long long)(timeout_ms + 999) / 1000);
		if (r != 0)
			return err_sys(e, r, "receive from another role");
	}
	if (fds == NULL || nfds == NULL) {
		ipc_close_fds(own_fds, &own_n);
	} else {
		memcpy(fds, own_fds, own_n * sizeof own_fds[0]);
		*nfds = own_n;
	}
	if (ipc_parse(buf_slice(frame), in, e) == 0)
		return 0;
	if (fds != NULL && nfds != NULL)
		ipc_close_fds(fds, nfds);
	return -1;
}

int ipc_pair(int fds[2], struct err *e)
{
	/* Room for a few messages of the largest size; the kernel caps it where it must. */
	int room = 4 * IPC_MAX;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return err_sys(e, errno, "socketpair");
	for (int i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	return 0;
}
