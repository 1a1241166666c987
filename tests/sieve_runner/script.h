/* Scripts under test: compiled from files beside the .svtest, and run in its place. */
#ifndef MAILFERRY_TESTS_SCRIPT_H
#define MAILFERRY_TESTS_SCRIPT_H

#include "suite.h"

enum { SCRIPT_ERRORS_MAX = 64 * 1024 };

/* Of PATH, which is relative to the file's folder. True: it is the script from now on. */
bool script_compile(struct suite *s, struct slice path);

/* Runs it over the current message; its actions join the result. False after an error. */
bool script_run(struct suite *s, struct run *r);

/* Runs all PATHS as one delivery with a result of its own, the next only where the message is still kept, and carries
 * it out. */
bool script_run_all(struct suite *s, struct run *r, const struct slice *paths, size_t n);

/* The last compiled script under a name, and back: false where there is none. */
bool script_save(struct suite *s, struct slice name);
bool script_load(struct suite *s, struct slice name);

void scripts_free(struct suite *s);

#endif
