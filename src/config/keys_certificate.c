/* Keys of the certificates that are shown to clients. */
#include "config/keys_impl.h"

#define CERTIFICATE(f) offsetof(struct config_certificate, f)

const struct key keys_certificate[] = {
	{ .group = KEYS_CERTIFICATE,
	  .name = "certificate",
	  .type = KEY_PATH,
	  .offset = CERTIFICATE(certificate),
	  .max = KEY_TEXT_MAX,
	  .required = true,
	  .help = "A PEM file: the certificate, and behind it those that lead to its authority, as certbot's "
		  "fullchain.pem has them." },
	{ .group = KEYS_CERTIFICATE,
	  .name = "key",
	  .type = KEY_PATH,
	  .offset = CERTIFICATE(key),
	  .max = KEY_TEXT_MAX,
	  .required = true,
	  .help = "A PEM file: its private key, without a passphrase. Others must not be able to read it. It may be the "
		  "same file." },
	{ .group = KEYS_CERTIFICATE,
	  .name = "certificate_text",
	  .type = KEY_SECRETS,
	  .offset = CERTIFICATE(certificate_pem),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_RECEIVER,
	  .internal = true,
	  .help = "What certificate holds." },
	{ .group = KEYS_CERTIFICATE,
	  .name = "key_text",
	  .type = KEY_SECRETS,
	  .offset = CERTIFICATE(key_pem),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_RECEIVER,
	  .internal = true,
	  .help = "What key holds." },
};
const size_t keys_ncertificate = sizeof(keys_certificate) / sizeof(keys_certificate[0]);
