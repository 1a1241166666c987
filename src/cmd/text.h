/* Words of others on a terminal, and times for people. */
#ifndef MAILFERRY_CMD_TEXT_H
#define MAILFERRY_CMD_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends S (NULL is nothing) as one line that can do nothing to a terminal: control characters, invisible characters
 * that change the direction of writing, and bytes that are no UTF-8 become '?', runs of white space become a space. At
 * most COLUMNS wide, with an ellipsis for what was cut; 0: no limit. Returns how many columns it takes. */
size_t text_clean(struct buf *out, const char *s, size_t columns);

/* Appends S with bytes that are no UTF-8 as U+FFFD, control characters as they are: for JSON, which escapes them. */
void text_utf8(struct buf *out, const char *s);

/* "12s", "5m", "3h", "2d": a span of milliseconds, 0 for a negative one. */
enum { TEXT_SPAN_SIZE = 24, TEXT_TIME_SIZE = 40 };
void text_span(int64_t ms, char out[TEXT_SPAN_SIZE]);

/* "512 B", "9.8 MB", "1.2 GB": a number of octets, in powers of 1000. */
enum { TEXT_OCTETS_SIZE = 24 };
void text_octets(uint64_t n, char out[TEXT_OCTETS_SIZE]);

/* "2026-01-02 03:04:05", local time. */
void text_time(int64_t wall_ms, char out[TEXT_TIME_SIZE]);

/* Loads now what the functions above would load with their first character. */
void text_prepare(void);

#endif
