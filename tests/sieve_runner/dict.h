/* Files of keys and values, a line each, one after the other. */
#ifndef MAILFERRY_TESTS_DICT_H
#define MAILFERRY_TESTS_DICT_H

#include "suite.h"

/* The value of the key that is PREFIX and KEY, appended to OUT (NULL: nobody wants it); false where there is no such key
 * or no file PATH (NULL: none), which is absolute or beside the .svtest. */
bool dict_get(struct suite *s, const char *path, struct slice prefix, struct slice key, struct buf *out);

/* Number I of the keys that begin with PREFIX, without that. */
bool dict_key(struct suite *s, const char *path, struct slice prefix, size_t i, struct buf *out);

#endif
