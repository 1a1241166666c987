/*
 * What is known of well-known providers, for the key `provider' of accounts,
 * sources and the relay. A preset only fills what they do not give themselves. No client id is
 * among it: each office registers its own.
 */
#ifndef MAILFERRY_CONFIG_PROVIDER_H
#define MAILFERRY_CONFIG_PROVIDER_H

#include <stdint.h>

#include "config/config.h"

struct provider {
	const char *name; /* "microsoft365" */
	const char *host;
	uint16_t port;
	const char *pop3_host; /* port 995, encrypted from the first octet; NULL: it has no POP3 */
	enum config_tls tls;
	const char *smtp_host; /* where mail programs send through; NULL: not known */
	enum config_tls smtp_tls; /* IMPLICIT: port 465, STARTTLS: port 587 */
	/* OAuth; NULL where the provider has none that an office can use, then a password made for the program (an "app
	 * password") is the way. In URLs "{tenant}" stands for the key `tenant'. */
	const char *authorization_endpoint, *token_endpoint, *device_endpoint;
	const char *tenant;    /* what `tenant' is when it is not given; NULL: it must be given where a URL has it */
	const char *scope;     /* for a person's sign-in: grants "user" and "device" */
	const char *pop3_scope; /* the same for POP3; NULL: the same */
	const char *smtp_scope; /* the same for SMTP; NULL: the same */
	const char *app_scope; /* for grant "application"; NULL: not possible */
	unsigned grants;       /* bits 1 << enum config_grant */
	const char *advice;    /* one sentence: the way to log in there */
};

/* NULL when NAME is none of the table's. */
const struct provider *provider_find(const char *name);

/* The table, ended by a row without a name. */
extern const struct provider provider_table[];

#endif
