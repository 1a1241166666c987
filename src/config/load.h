/* For tests: the checks of config_load but for those that look at files. */
#ifndef MAILFERRY_CONFIG_LOAD_H
#define MAILFERRY_CONFIG_LOAD_H

#include "config/config.h"

struct config *config_check(const char *name, struct slice text, struct buf *errors);

#endif
