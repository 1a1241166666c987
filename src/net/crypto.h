/* OpenSSL, started before a program is confined. */
#ifndef MAILFERRY_NET_CRYPTO_H
#define MAILFERRY_NET_CRYPTO_H

/* Reads OpenSSL's configuration and providers, and seeds its random numbers: it would do so at their first use, which may be
 * too late to open files. May be called more than once. */
void crypto_start(void);

#endif
