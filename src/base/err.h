/*
 * What went wrong, for a caller that decides what to do about it.
 *
 * Fallible calls return 0 or -1 and fill a struct err. The class says whom it
 * harms and whether trying again can help; the text is one line that a person
 * can act on. A struct err holds no pointers: copy it freely.
 */
#ifndef MAILFERRY_BASE_ERR_H
#define MAILFERRY_BASE_ERR_H

#include <stdarg.h>

enum err_class {
	ERR_NONE = 0,
	ERR_TEMP,     /* may succeed later: network, full disk, busy peer */
	ERR_PERM,     /* will fail again with the same input */
	ERR_INPUT,    /* the input is malformed: a message, a rule, a path */
	ERR_CONFIG,   /* a person must change the configuration */
	ERR_PROTOCOL, /* a peer broke the protocol: end the connection */
	ERR_LIMIT,    /* a bound of ours was reached */
	ERR_SYSTEM    /* a system call failed: code holds its errno */
};

struct err {
	enum err_class class;
	int code; /* meaning depends on the class; errno for ERR_SYSTEM, else 0 */
	char text[512];
};

/* Fills E (which may be NULL) and returns -1, so that "return err_set(…)" reads well. */
int err_set(struct err *e, enum err_class class, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a failed system call: appends ": " and the text of ERRNUM. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " in front of the text that E holds; returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *e);

#endif
