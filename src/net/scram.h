/*
 * What client and server of SCRAM have in common (RFC 5802; SHA-256: RFC 7677):
 * the keys that come from a password, their MACs, and the text of messages.
 */
#ifndef MAILFERRY_NET_SCRAM_H
#define MAILFERRY_NET_SCRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

enum scram_hash { SCRAM_SHA256, SCRAM_SHA1, SCRAM_HASHES };
enum { SCRAM_KEY_MAX = 32, SCRAM_NONCE_OCTETS = 18, SCRAM_NONCE_SIZE = 25 };

/* Of a password with salt and rounds. Who has stored and server can check a client, and can be the server to it; only
 * who has client can be the client. */
struct scram_keys {
	unsigned char client[SCRAM_KEY_MAX], stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX];
};

size_t scram_size(enum scram_hash hash);	/* octets of a key */
const char *scram_name(enum scram_hash hash);	/* "SCRAM-SHA-256" */

/* PASSWORD went through sasl_prepare; ROUNDS is at least 1. 0, or -1 when OpenSSL fails. The caller wipes KEYS. */
int scram_keys(enum scram_hash hash, const char *password, struct slice salt, unsigned rounds, struct scram_keys *keys);

/* KEY and OUT have scram_size octets. */
int scram_mac(enum scram_hash hash, const unsigned char *key, struct slice text, unsigned char *out);
int scram_digest(enum scram_hash hash, struct slice text, unsigned char *out);

/* A random one, and a NUL. */
void scram_nonce(char out[SCRAM_NONCE_SIZE]);

/* A nonce, or a part of one, holds printable ASCII without a comma (RFC 5802, 7). */
bool scram_printable(struct slice nonce);

/* Takes "X=value" from the front of *IN, and the comma behind it. False when it is not attribute X. The value may be
 * empty. */
bool scram_take(struct slice *in, char attribute, struct slice *value);

/* "=2C" for a comma and "=3D" for an equals sign (RFC 5802, 5.1), and back: -1 when NAME holds another "=" or a
 * NUL. */
void scram_add_name(struct buf *out, const char *name);
int scram_read_name(struct slice name, struct buf *out);

#endif
