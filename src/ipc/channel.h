/*
 * A socket pair (UNIX, SOCK_SEQPACKET) that carries ipc messages and descriptors
 * between two of our programs. One packet is one message.
 *
 * A channel works with libevent: messages come by callback, sends that the
 * socket does not take now wait in a bounded queue. Programs that block (a store
 * at work) use ipc_send and ipc_receive on the bare descriptor instead.
 */
#ifndef MAILFERRY_IPC_CHANNEL_H
#define MAILFERRY_IPC_CHANNEL_H

#include <stdint.h>

#include "base/err.h"
#include "ipc/message.h"

struct event_base;
struct channel;

enum { IPC_FDS_MAX = 64, CHANNEL_QUEUE_MAX = 64 * 1024 * 1024 };

struct channel_handler {
	/* FDS are the receiver's to close, but for those it sets to -1 the channel closes them after the call. A return
	 * of -1 says that the peer broke the protocol: the channel closes. The handler may free the channel. */
	int (*message)(void *arg, const struct ipc_in *in, int *fds, size_t nfds);
	/* Once, when the peer is gone or broke the protocol (E says how); the handler frees the channel. */
	void (*closed)(void *arg, const struct err *e);
};

/* Takes FD. */
struct channel *channel_new(struct event_base *base, int fd, const struct channel_handler *handler, void *arg);
void channel_free(struct channel **c);

/* Sends OUT with copies of FDS, now or later. -1 when OUT is broken, the queue is full or the peer is gone. */
int channel_send(struct channel *c, const struct ipc_out *out, const int *fds, size_t nfds, struct err *e);

/* Hands over what has come by now, however much; the handler may free the channel meanwhile. For a peer that has ended: its
 * end may be known before its last words were read. */
void channel_drain(struct channel *c);

/* Octets that wait because the peer does not read. */
size_t channel_waiting(const struct channel *c);

/* ---- blocking, on the bare descriptor ---- */
int ipc_send(int fd, const struct ipc_out *out, const int *fds, size_t nfds, struct err *e);

/* Waits at most TIMEOUT_MS (-1: for ever) for one message; it is read into FRAME and IN points there. Unwanted
 * descriptors (FDS NULL) are closed; FDS has IPC_FDS_MAX places. 0, or -1: ERR_TEMP at the deadline, ERR_PROTOCOL, or ERR_SYSTEM with code EPIPE at the end. */
int ipc_receive(int fd, struct buf *frame, struct ipc_in *in, int *fds, size_t *nfds, int64_t timeout_ms, struct err *e);

/* Both ends, close-on-exec, with buffers large enough for IPC_MAX. */
int ipc_pair(int fds[2], struct err *e);

#endif
