/* For the tests of SASL: one step of an exchange, and the example of RFC 5802, 5. */
#ifndef MAILFERRY_TESTS_SASL_TOOLS_H
#define MAILFERRY_TESTS_SASL_TOOLS_H

#include "net/sasl.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum { STEPS = 4 };

/* "PLAIN LOGIN" as the server would list them. */
unsigned exchange_offered(const char *names);

/* One step; IN is what the server means, OUT becomes what we mean. */
int exchange_step(struct sasl *s, const char *in, struct buf *out, struct err *e);

#define SCRAM_1_SERVER "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define SCRAM_1_PROOF  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="
#define NONCE_1	       "fyko+d2lbbFgONRv9qkxdawL"

struct exchange {
	const char *what, *mechanism;
	const char *user, *login_as, *password, *token, *nonce;
	struct {
		const char *in;
		struct slice out;
	} steps[STEPS];
};

extern const struct exchange exchanges[];

extern const size_t exchanges_n;

struct sasl_setup exchange_setup(const struct exchange *x);

#endif
