/* Who may open a session, and how often: what is asked of an address before it gets one. */
#ifndef MAILFERRY_SMTP_GATE_H
#define MAILFERRY_SMTP_GATE_H

#include <sys/socket.h>

#include "smtp/reply.h"
#include "smtp/session.h"

/* Fills in by what SA is counted, and whether it is. */
void gate_know(const struct config *c, const struct sockaddr *sa, struct smtp_client *out);

/* One more connection of the client at SA. NULL: welcome; else what it is told instead of a banner, and WHY for the log. */
const struct smtp_reply *gate_refusal(const struct smtp_service *service, const struct config_listener *l,
				      const struct sockaddr *sa, const struct smtp_client *client, const char **why);

/* One more message; false: too many lately. */
bool gate_message(const struct smtp_service *service, const struct smtp_client *client);

/* One more command that was answered with an error. */
void gate_error(const struct smtp_service *service, const struct smtp_client *client);

#endif
