/* One packet on a SOCK_SEQPACKET socket, with descriptors; never blocks. For ipc, and for programs that may wait for
 * nobody. */
#ifndef MAILFERRY_IPC_SOCKET_H
#define MAILFERRY_IPC_SOCKET_H

#include "base/buf.h"
#include "base/slice.h"

/* 0 or an errno; EAGAIN when the socket is full. */
int ipc_socket_send(int fd, struct slice frame, const int *fds, size_t nfds);

/* FRAME (made with IPC_MAX at least) gets the packet, FDS (IPC_FDS_MAX places) its descriptors, the caller's to close
 * also when it fails. 0 or an errno; EAGAIN when nothing is there, EPIPE at the end, EMSGSIZE for a packet cut short.
 */
int ipc_socket_receive(int fd, struct buf *frame, int *fds, size_t *nfds);

/* Closes all that are not -1 and sets *NFDS to 0. */
void ipc_close_fds(int *fds, size_t *nfds);

#endif
