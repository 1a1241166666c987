/* The receiver's sockets: accepts, keeps the limits on sessions, and ends in order. */
#ifndef MAILFERRY_SMTP_SERVER_H
#define MAILFERRY_SMTP_SERVER_H

#include "base/err.h"
#include "config/config.h"
#include "intake/intake.h"

struct event_base;
struct smtp_server;

/* C and INTAKE outlive it. ENDED is called once, after smtp_server_stop or _drain, when no session is left; it may free
 * the server. */
struct smtp_server *smtp_server_new(struct event_base *base, const struct config *c, struct intake *intake,
				    void (*ended)(void *arg), void *arg);
void smtp_server_free(struct smtp_server **s); /* cuts off what is left */

/* Takes the listening socket FD of the listener NAME. */
int smtp_server_listen(struct smtp_server *s, const char *name, int fd, struct err *e);

/* No new sessions; those that are there go on, or (stop) end as soon as they can without losing an answer. */
void smtp_server_drain(struct smtp_server *s);
void smtp_server_stop(struct smtp_server *s);

#endif
