/* Where the configuration says that verdicts on spam and viruses stand (RFC 5235). */
#ifndef MAILFERRY_INTAKE_VERDICTS_H
#define MAILFERRY_INTAKE_VERDICTS_H

#include "config/config.h"
#include "sieve/sieve.h"

struct intake_verdicts;

struct intake_verdicts *verdicts_new(const struct config *c);
void verdicts_free(struct intake_verdicts **v);

/* NULL: as the engine knows it by itself. */
const struct sieve_verdict *verdicts_spam(const struct intake_verdicts *v);
const struct sieve_verdict *verdicts_virus(const struct intake_verdicts *v);

#endif
