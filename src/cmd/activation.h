/*
 * Listening sockets that the service manager made and hands over (socket
 * activation, sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES in the
 * environment, the sockets from descriptor 3 on. They stay open as long as the
 * daemon runs, so that a reload finds them again.
 */
#ifndef MAILFERRY_CMD_ACTIVATION_H
#define MAILFERRY_CMD_ACTIVATION_H

#include <stddef.h>

#include "config/config.h"

/* Once, before anything else opens a descriptor or starts a program. What is there is no longer in the environment. */
void activation_take(void);

/* The socket for the listener L: one that has its name, else one that has its address. A descriptor of the caller's, or -1
 * when there is none. A name that several sockets have, as all of one unit that does not name them, is no name. */
int activation_socket(const struct config_listener *l);

/* Logs a warning for each socket that no listener has asked for yet. */
void activation_warn(void);

#endif
