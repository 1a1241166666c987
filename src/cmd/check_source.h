/* What `mailferry check' says of fetched mail, and of times: in words, one line each. */
#ifndef MAILFERRY_CMD_CHECK_SOURCE_H
#define MAILFERRY_CMD_CHECK_SOURCE_H

#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

/* Appends what source S does: what is fetched from where, for whom, what becomes of the originals, and when. NOW: wall
 * milliseconds. */
void check_source_tell(const struct config_source *s, int64_t now, struct buf *out);

/* When the mail of an account with times is filed. */
void check_account_tell(const struct config_account *a, int64_t now, struct buf *out);

/* Whatever of S can cost mail, trust or patience: calls WARN for each. IS_LOCAL: its host is this machine. */
typedef void check_warn_fn(void *arg, const char *name, const char *text);
void check_source_warn(const struct config *c, const struct config_source *s, bool is_local, check_warn_fn *warn,
		       void *arg);

#endif
