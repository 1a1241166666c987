/* The messages that actions send, and from whom. */
#ifndef MAILFERRY_TESTS_OUTGOING_H
#define MAILFERRY_TESTS_OUTGOING_H

#include "suite.h"

struct outgoing {
	struct buf text;
	char *from; /* of the envelope; "" is the null sender */
	char **to;
	size_t nto; /* 0: nothing is to be sent */
	const struct plan_fcc *fcc; /* or NULL */
};

/* What A, which is a refusal, an answer or a notice, sends. */
int outgoing_make(struct suite *s, const struct plan_action *a, struct outgoing *out, struct err *e);
void outgoing_free(struct outgoing *o);

/* The envelope sender that setting NAME asks for, from mem_alloc. */
char *outgoing_sender(const struct suite *s, const char *name);

/* The message as content C has it; false where it does not fit. */
bool outgoing_render(const struct suite *s, const struct plan_content *c, struct buf *out);

#endif
