/* A process that holds secrets. */
#ifndef MAILFERRY_BASE_GUARD_H
#define MAILFERRY_BASE_GUARD_H

/* From now on nothing of this process ends in a core file, and no other process of the same user may look into it or
 * its descriptors. 0, or -1 with errno. Programs started from it may be looked into until they call it too. */
int guard_secrets(void);

#endif
