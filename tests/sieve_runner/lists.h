/* What the settings say of lists (RFC 6134) and of verdicts on spam and viruses (RFC 5235). */
#ifndef MAILFERRY_TESTS_LISTS_H
#define MAILFERRY_TESTS_LISTS_H

#include "suite.h"

/* For sieve_input; ARG is the suite. */
bool lists_listed(void *arg, struct slice list, struct slice value);
bool lists_member(void *arg, struct slice list, size_t i, struct slice *member); /* valid until the next call */

/* One verdict as settings "sieve_NAME_…" describe it. */
struct verdict_setting {
	struct sieve_verdict verdict;
	char *texts[4]; /* owned: what VERDICT points to */
};

/* NULL where no setting describes it. */
const struct sieve_verdict *lists_verdict(struct suite *s, const char *name, struct verdict_setting *v);
void lists_verdict_free(struct verdict_setting *v);

#endif
