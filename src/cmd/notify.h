/* Tells the service manager, where one waits for it (sd_notify(3)), how the daemon is. */
#ifndef MAILFERRY_CMD_NOTIFY_H
#define MAILFERRY_CMD_NOTIFY_H

/* STATE is "READY=1", "RELOADING=1", "STOPPING=1". Without NOTIFY_SOCKET in the environment nothing happens. */
void notify_manager(const char *state);

#endif
