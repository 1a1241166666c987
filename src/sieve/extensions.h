/* The parts of the base language and the extensions, each in a file of its own. A new one is named here and in
 * registry.c. */
#ifndef MAILFERRY_SIEVE_EXTENSIONS_H
#define MAILFERRY_SIEVE_EXTENSIONS_H

#include "sieve/extension.h"

extern const struct sieve_extension sieve_control;    /* RFC 5228, 3 */
extern const struct sieve_extension sieve_logic;      /* RFC 5228, 5.2, 5.3, 5.6, 5.8, 5.10 */
extern const struct sieve_extension sieve_actions;    /* RFC 5228, 4.2 to 4.4 */
extern const struct sieve_extension sieve_headers;    /* RFC 5228, 5.5, 5.7, 5.9 */
extern const struct sieve_extension sieve_addresses;  /* RFC 5228, 5.1, 2.7.4 */
extern const struct sieve_extension sieve_compare;    /* RFC 5228, 2.7.1, 2.7.3 */
extern const struct sieve_extension sieve_fileinto;   /* RFC 5228, 4.1 */
extern const struct sieve_extension sieve_envelope;   /* RFC 5228, 5.4 */
extern const struct sieve_extension sieve_copy;	      /* RFC 3894 */
extern const struct sieve_extension sieve_mailbox;    /* RFC 5490, 3 */
extern const struct sieve_extension sieve_imap4flags; /* RFC 5232 */
extern const struct sieve_extension sieve_reject;     /* RFC 5429, 2.2 */
extern const struct sieve_extension sieve_ereject;    /* RFC 5429, 2.1 */
extern const struct sieve_extension sieve_special_use; /* RFC 8579 */

#endif
