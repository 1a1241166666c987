/*
 * Tells the service manager, where one waits for it, how the daemon is: the
 * protocol of sd_notify(3). Without NOTIFY_SOCKET in the environment nothing
 * happens.
 */
#ifndef MAILFERRY_CMD_NOTIFY_H
#define MAILFERRY_CMD_NOTIFY_H

#include <stdint.h>

/* Lines of sd_notify(3), "READY=1" among them; at most 1000 octets. */
void notify_manager(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The configuration is being read again; READY=1 ends it. */
void notify_reloading(void);

/* Milliseconds within which the manager wants a WATCHDOG=1, or it takes the daemon for hung; 0: it does not. */
int64_t notify_watchdog_ms(void);

#endif
