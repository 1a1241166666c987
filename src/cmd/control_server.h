/* The supervisor's end of the control socket (cmd/control.h). */
#ifndef MAILFERRY_CMD_CONTROL_SERVER_H
#define MAILFERRY_CMD_CONTROL_SERVER_H

#include "base/err.h"
#include "base/slice.h"

struct event_base;
struct control_server;

/* Hands FD, on which a client waits that may use it, to who has what it WANTs (CONTROL_WANT_…); FIELDS are those of its
 * CONTROL_HELLO. The caller keeps FD, and answers on it before the loop turns. 0, or -1 with a text for the client. */
typedef int control_hand_fn(void *arg, const char *want, struct slice fields, int fd, struct err *e);

/* Listens at PATH, with mode 0600: only root and the user who started the daemon may connect, not the roles' user,
 * whose programs meet hostile bytes. A socket that nobody listens on any more is replaced; NULL when a daemon listens
 * there. */
struct control_server *control_server_new(struct event_base *base, const char *path, control_hand_fn *hand, void *arg,
					  struct err *e);

void control_server_free(struct control_server **c); /* removes the socket */

#endif
