/* File systems that can't keep the spool's promise. */
#ifndef MAILFERRY_SPOOL_FS_H
#define MAILFERRY_SPOOL_FS_H

/* The name of the network file system that statfs calls TYPE, or NULL for any other. */
const char *fs_network_name(unsigned long type);

#endif
