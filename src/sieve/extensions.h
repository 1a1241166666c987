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
extern const struct sieve_extension sieve_envelope_dsn; /* RFC 6009, 4 */
extern const struct sieve_extension sieve_include; /* RFC 6609 */
extern const struct sieve_extension sieve_duplicate; /* RFC 7352 */
extern const struct sieve_extension sieve_envelope_deliverby; /* RFC 6009, 5 */
extern const struct sieve_extension sieve_extlists; /* RFC 6134 */
extern const struct sieve_extension sieve_mboxmetadata, sieve_servermetadata; /* RFC 5490, 3.3, 3.4 and 4 */
extern const struct sieve_extension sieve_mailboxid; /* RFC 9042 */
extern const struct sieve_extension sieve_spamtest, sieve_spamtestplus, sieve_virustest; /* RFC 5235 */
extern const struct sieve_extension sieve_copy;	      /* RFC 3894 */
extern const struct sieve_extension sieve_mailbox;    /* RFC 5490, 3 */
extern const struct sieve_extension sieve_imap4flags; /* RFC 5232 */
extern const struct sieve_extension sieve_reject;     /* RFC 5429, 2.2 */
extern const struct sieve_extension sieve_ereject;    /* RFC 5429, 2.1 */
extern const struct sieve_extension sieve_special_use; /* RFC 8579 */

extern const struct sieve_extension sieve_encoded_character; /* RFC 5228, 2.4.2.4 */
extern const struct sieve_extension sieve_variables; /* RFC 5229 */
extern const struct sieve_extension sieve_ihave; /* RFC 5463 */
extern const struct sieve_extension sieve_editheader; /* RFC 5293 */
extern const struct sieve_extension sieve_relational;	 /* RFC 5231 */
extern const struct sieve_extension sieve_ascii_numeric; /* RFC 4790, 9.1 */
extern const struct sieve_extension sieve_subaddress;	 /* RFC 5233 */
extern const struct sieve_extension sieve_index;	 /* RFC 5260, 6 */
extern const struct sieve_extension sieve_date;	 /* RFC 5260, 4, 5 */
extern const struct sieve_extension sieve_environment; /* RFC 5183 */
extern const struct sieve_extension sieve_unicode_casemap; /* RFC 5051 */
extern const struct sieve_extension sieve_regex; /* draft-murchison-sieve-regex */

extern const struct sieve_extension sieve_vacation;	  /* RFC 5230 */
extern const struct sieve_extension sieve_vacation_seconds; /* RFC 6131 */
extern const struct sieve_extension sieve_enotify;	  /* RFC 5435, RFC 5436 */
extern const struct sieve_extension sieve_fcc;		  /* RFC 8580 */
extern const struct sieve_extension sieve_redirect_dsn;	  /* RFC 6009, 6 */
extern const struct sieve_extension sieve_redirect_deliverby; /* RFC 6009, 7 */
extern const struct sieve_extension sieve_body; /* RFC 5173 */
extern const struct sieve_extension sieve_mime, sieve_foreverypart; /* RFC 5703, 4, 3 */
extern const struct sieve_extension sieve_extracttext, sieve_replace, sieve_enclose; /* RFC 5703, 7, 5, 6 */

#endif
