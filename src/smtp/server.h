/* The receiver's sockets: accepts, keeps the limits on sessions, and ends in order. */
#ifndef MAILFERRY_SMTP_SERVER_H
#define MAILFERRY_SMTP_SERVER_H

#include "base/err.h"
#include "config/config.h"
#include "intake/intake.h"
#include "net/sasl_users.h"

struct event_base;
struct meter;
struct milter_dialer;
struct tally;
struct tls_server;
struct smtp_server;

/* C, INTAKE and T, by which limits hold over all receivers (NULL: there are no others), outlive it. ENDED is called once,
 * after smtp_server_stop or _drain, when no session is left; it may free the server. */
struct smtp_server *smtp_server_new(struct event_base *base, const struct config *c, struct intake *intake,
				    struct tally *t, void (*ended)(void *arg), void *arg);

/* In which the rates of clients are counted; M outlives it. Without, none are. */
void smtp_server_meter(struct smtp_server *s, struct meter *m);

/* Who may log in; U outlives it. Without, nobody can. */
void smtp_server_users(struct smtp_server *s, const struct sasl_users *u);

void smtp_server_free(struct smtp_server **s); /* cuts off what is left */

/* Listeners offer TLS as the configuration has it. TLS outlives the server. */
void smtp_server_use_tls(struct smtp_server *s, struct tls_server *tls);

/* Who makes connections to milters; outlives S. To be told before the first listener. */
void smtp_server_milters(struct smtp_server *s, const struct milter_dialer *d);

/* Takes the listening socket FD of the listener NAME. */
int smtp_server_listen(struct smtp_server *s, const char *name, int fd, struct err *e);

/* No new sessions; those that are there go on, or (stop) end as soon as they can without losing an answer. */
void smtp_server_drain(struct smtp_server *s);
void smtp_server_stop(struct smtp_server *s);

#endif
