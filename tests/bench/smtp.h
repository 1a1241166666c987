/*
 * One SMTP connection of a load generator: does not block, plain or with
 * STARTTLS, and does as little as it can. What fails ends the program: a load
 * that lost a message measures nothing.
 */
#ifndef MAILFERRY_BENCH_SMTP_H
#define MAILFERRY_BENCH_SMTP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct smtp {
	int fd;
	SSL *tls;	    /* NULL: plain */
	struct iovec out[2]; /* to be sent; the caller keeps the bytes */
	char in[1024];	    /* one reply, and no more: nothing is sent ahead of it */
	size_t n;
	bool writing; /* OUT is not all sent: wait for room, too */
};

/* A context for all connections; RESUME: sessions are resumed where the server offers that. */
SSL_CTX *smtp_context(bool resume);

void smtp_open(struct smtp *s, uint16_t port); /* to 127.0.0.1 */
void smtp_close(struct smtp *s);

/* Sends A and then B as far as it goes; B may be NULL. */
void smtp_send(struct smtp *s, const char *a, const char *b, size_t nb);

/* After the fd is ready: sends on what waits. */
void smtp_go_on(struct smtp *s);

/* The code of the reply, once all lines of it are there; 0 before; -1: the server hung up. */
int smtp_reply(struct smtp *s);

/* The handshake after 220 to STARTTLS, to be called whenever the fd is ready: true once it is done. */
bool smtp_tls(struct smtp *s, SSL_CTX *context);

_Noreturn void give_up(const char *what, const char *why);
double now(void);
double cpu(void);

#endif
