/* Files: whole reads with a bound, writes that survive a power cut, descriptors. */
#ifndef MAILFERRY_BASE_FILE_H
#define MAILFERRY_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole of PATH to OUT; ERR_LIMIT when it does not fit, ERR_SYSTEM otherwise. */
int file_read(const char *path, struct buf *out, struct err *e);

/* Fills E: PATH, which the configuration names, can't be read for ERRNUM, and what to do. Returns -1. */
int file_unread(struct err *e, int errnum, const char *path);

/* Appends all that FD still gives. NAME is for error texts. */
int file_read_fd(int fd, const char *name, struct buf *out, struct err *e);

/* Writes all of P, through short writes and EINTR. */
int file_write_all(int fd, const void *p, size_t n, struct err *e);

/* Synchronises the directory PATH, so that names made in it survive. */
int file_sync_dir(const char *path, struct err *e);

/* The same for the directory that holds PATH. */
int file_sync_parent(const char *path, struct err *e);

/* PATH written whole or not at all: temporary name, sync, rename, directory sync. */
int file_replace(const char *path, mode_t mode, const void *p, size_t n, struct err *e);

/* The same with an owner: they are set before anything is in it. */
int file_replace_as(const char *path, mode_t mode, uid_t uid, gid_t gid, const void *p, size_t n, struct err *e);

/* 0, or -1 with an error that says what to do, when others than the owner can read the open file FD. */
int file_check_secret(int fd, const char *path, struct err *e);

/* Absolute PATH, or PATH relative to the directory that holds BASE (a file's path). From mem_alloc. */
char *file_relative_to(const char *base, const char *path);

/* Closes *FD if it is not -1 and sets it to -1. */
void file_close(int *fd);

#endif
