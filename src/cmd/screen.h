/*
 * A block of lines at the end of a terminal that is redrawn in place, and text
 * that goes above it for good. Each change is one write, so that nothing
 * flickers. For terminals that know ESC [ A, J and K, which all do that are not
 * "dumb".
 */
#ifndef MAILFERRY_CMD_SCREEN_H
#define MAILFERRY_CMD_SCREEN_H

#include <stddef.h>

#include "base/buf.h"

struct screen;
struct screen *screen_new(void);

/* Erases the block. Takes NULL. */
void screen_free(struct screen **s);

size_t screen_columns(const struct screen *s); /* at least 20; as it is now, for windows change */
size_t screen_rows(const struct screen *s);

/* Text for above the block, with a line feed at its end. It shows with the next screen_draw. */
struct buf *screen_above(struct screen *s);

/* A line of the next block: clean, and WIDTH columns wide, which may be less than its octets. */
void screen_line(struct screen *s, const char *text, size_t width);

/* Shows what was added. */
void screen_draw(struct screen *s);

#endif
