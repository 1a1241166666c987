/*
 * Tells the service manager, where one waits for it, how the daemon is: the
 * protocol of sd_notify(3). Without NOTIFY_SOCKET in the environment nothing
 * happens.
 */
#ifndef MAILFERRY_CMD_NOTIFY_H
#define MAILFERRY_CMD_NOTIFY_H

#include <stdint.h>

struct event_base;
struct notify;

struct notify *notify_new(struct event_base *base);
void notify_free(struct notify **t);

/* Lines of sd_notify(3), "READY=1" among them; at most 1000 octets. While the manager has no room for them they wait, in
 * their order: one that never hears READY=1 would take the daemon for one that can't start, and end it. */
void notify_manager(struct notify *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* WATCHDOG=1. It is said again soon, and so waits for nobody. */
void notify_alive(struct notify *t);

/* The configuration is being read again; READY=1 ends it. */
void notify_reloading(struct notify *t);

/* Milliseconds within which the manager wants a WATCHDOG=1, or it takes the daemon for hung; 0: it does not. */
int64_t notify_watchdog_ms(void);

#endif
