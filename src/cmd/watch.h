/*
 * Files whose change is to be noticed. They are looked at, not listened to: what
 * renews certificates may rename, link or write them, on any file system.
 */
#ifndef MAILFERRY_CMD_WATCH_H
#define MAILFERRY_CMD_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct watched;

struct watch { /* all zero at the start */
	struct watched *files; /* owned */
	size_t n;
};

/* Those that C names (config_watched), as they are now. What was watched before and still is counts as it was then, so
 * that a change is not missed. */
void watch_set(struct watch *w, const struct config *c);

/* The path of one that is no longer as it was when it was looked at last; NULL: none. It lives until the next watch_set.
 * One that is missing for a while is not changed by that. */
const char *watch_changed(struct watch *w);

void watch_free(struct watch *w);

#endif
