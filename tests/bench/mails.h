/*
 * What the bench's own clients share: a file of mails, in memory before the
 * clock starts, and a socket that is read by lines. Whatever fails ends the
 * program with a line on standard error.
 */
#ifndef MAILFERRY_BENCH_MAILS_H
#define MAILFERRY_BENCH_MAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct mails {
	struct iovec *all; /* point into the file's memory */
	size_t n;
	uint64_t bytes;
};

struct peer {
	int fd;
	char in[64 * 1024];
	size_t begin, end;
	char line[1024]; /* the last one read, without its end, cut when longer */
};

_Noreturn void give_up(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The first COUNT mails of FILE, which is, for each, a line with its number of octets and then those. */
void mails_read(struct mails *m, const char *file, size_t count);

/* Connects to a port of this machine. */
void peer_open(struct peer *p, unsigned port);

/* Writes all of V, which is used up. */
void peer_write(struct peer *p, struct iovec *v, int n);
void peer_print(struct peer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next line into p->line. Without `wait` false when there is none yet. */
bool peer_line(struct peer *p, bool wait);

/* Prints, as JSON, the time since BEGAN and the processor time of this program and its children. */
double now(void);
void report(double began, const struct mails *m);

#endif
