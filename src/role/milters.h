/* Connections to milters for the receiver: the connector is asked for each by the milter's name, and passes it on. */
#ifndef MAILFERRY_ROLE_MILTERS_H
#define MAILFERRY_ROLE_MILTERS_H

#include "smtp/milter_link.h"

struct event_base;
struct milters;

struct milters *milters_new(struct event_base *base);
void milters_free(struct milters **m);

/* A socket to the connector, which takes the place of the one before. Takes FD. */
void milters_connector(struct milters *m, int fd);

const struct milter_dialer *milters_dialer(struct milters *m);

#endif
