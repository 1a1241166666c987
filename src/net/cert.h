/*
 * What a server's certificate says, for people and for pins. All texts are
 * printable ASCII: a hostile server writes them.
 */
#ifndef MAILFERRY_NET_CERT_H
#define MAILFERRY_NET_CERT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

enum { CERT_NAME_SIZE = 160, CERT_FINGERPRINT_SIZE = 96, CERT_PIN_SIZE = 48, CERT_DATE_SIZE = 32 };

struct cert {
	char issuer[CERT_NAME_SIZE];		 /* who signed it: its common name, else its organization */
	char names[256];			 /* whom it is for: host names and addresses, else the common name */
	char fingerprint[CERT_FINGERPRINT_SIZE]; /* SHA-256 of all of it: "AB:CD:…" */
	char pin[CERT_PIN_SIZE];		 /* SHA-256 of its SubjectPublicKeyInfo in base64 (RFC 7469, 2.4) */
	char key[32];				 /* "RSA 2048 bits" */
	int64_t from, until;			 /* seconds since 1970; INT64_MIN when it can't be read */
	bool own;				 /* issuer and subject are the same */
};

/* All of OUT; fields that CERT does not have are "" or INT64_MIN. */
void cert_read(X509 *cert, struct cert *out);

/* "2026-01-02 03:04 UTC"; "an unreadable date" for INT64_MIN. */
void cert_date(int64_t seconds, char out[CERT_DATE_SIZE]);

#endif
