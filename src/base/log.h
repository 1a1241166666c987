/*
 * Events for the operator, one line each on standard error, key=value:
 *
 *   time=2026-01-02T03:04:05.678Z level=info role=receiver event=accepted session=7f.. from="a b@x"
 *
 * Values are escaped here, so bytes of a peer may be given as they came: what
 * is not printable ASCII or valid UTF-8 comes out as \xNN, and long values are
 * cut. Never hand a secret to a log call.
 *
 * warning: a peer did something wrong. error: we or the machine did.
 */
#ifndef MAILFERRY_BASE_LOG_H
#define MAILFERRY_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_TEXT, LOG_NUMBER } kind;
	struct slice text;
	int64_t number;
};

#define LOG_STR(key, s)   ((struct log_field){ (key), LOG_TEXT, slice_str(s), 0 })
#define LOG_SLICE(key, s) ((struct log_field){ (key), LOG_TEXT, (s), 0 })
#define LOG_NUM(key, n)   ((struct log_field){ (key), LOG_NUMBER, SLICE_NONE, (int64_t)(n) })

/* Sets the role that every line names; ROLE must live on. */
void log_open(const char *role, enum log_level most);
void log_set_level(enum log_level most);

/* Are events of that level written? */
bool log_wants(enum log_level level);

/* EVENT is a word of ours. A field whose text is NULL is left out. */
void log_event(enum log_level level, const char *event, const struct log_field *fields);

#define log_error(...)   LOG_EVENT(LOG_ERROR, __VA_ARGS__, { 0 })
#define log_warning(...) LOG_EVENT(LOG_WARNING, __VA_ARGS__, { 0 })
#define log_info(...)    LOG_EVENT(LOG_INFO, __VA_ARGS__, { 0 })
#define log_debug(...)   LOG_EVENT(LOG_DEBUG, __VA_ARGS__, { 0 })
/* The fields are not even looked at for an event that is not written: there are many of those in a session. */
#define LOG_EVENT(level, event, ...)                                                                                   \
	(log_wants(level) ? log_event((level), (event), (const struct log_field[]){ __VA_ARGS__ }) : (void)0)

#endif
