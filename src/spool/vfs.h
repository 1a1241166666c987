/*
 * SQLite writes each page of a commit to its log in two small writes, and a
 * checkpoint reads and writes page by page. This VFS gathers what is written in
 * a row, and writes it when the file is synced; it reads a log ahead while frames
 * are asked for one after the other.
 */
#ifndef MAILFERRY_SPOOL_VFS_H
#define MAILFERRY_SPOOL_VFS_H

/* Registers it over the VFS called UNDER (NULL: SQLite's own); its name, or NULL when UNDER is not there. Only for a
 * database in exclusive locking mode: nobody else could read what is gathered. */
const char *vfs_gathering(const char *under);

#endif
