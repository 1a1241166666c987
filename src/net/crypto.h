/* OpenSSL: started before a program is confined, and what it says of errors. */
#ifndef MAILFERRY_NET_CRYPTO_H
#define MAILFERRY_NET_CRYPTO_H

/* Reads OpenSSL's configuration and providers, and seeds its random numbers: it would do so at their first use, which may be
 * too late to open files. May be called more than once. */
void crypto_start(void);

/* The text of OpenSSL's newest error, or OTHERWISE. */
const char *crypto_reason(const char *otherwise);

#endif
