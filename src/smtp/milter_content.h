/* The content of a message on its way to one milter, and another body on its way back. */
#ifndef MAILFERRY_SMTP_MILTER_CONTENT_H
#define MAILFERRY_SMTP_MILTER_CONTENT_H

#include "intake/intake.h"
#include "smtp/milter.h"

struct smtp_session;

struct milter_content { /* all zero at the start of each message */
	enum { MILTER_TELLS_HEADER, MILTER_TELLS_EOH, MILTER_TELLS_BODY, MILTER_TELLS_EOM } at;
	size_t header_at; /* octets of the header block that were told */
	uint64_t body_at;
	bool lost; /* intake has refused the message: it can't be read back */

	bool new_body; /* it has begun to take the place of the one before */
	uint64_t new_size;
	bool cr;      /* its last octet was one */
	bool refused; /* it can't be taken */
	bool waits;   /* for intake, before more of it is taken */
};

/* Tells the next piece of the message of S, and which stage that was. Only in MILTER_READY. The message is sealed. */
enum milter_stage milter_content_tell(struct milter_content *c, struct milter *m, struct smtp_session *s);

/* M has answered the last piece, and wants to be heard. An empty body that it brought takes the place of the one before.
 * False: intake has refused the message meanwhile. */
bool milter_content_told(struct milter_content *c, struct milter *m, struct smtp_session *s);

/* It has seen enough of the body. */
void milter_content_skip(struct milter_content *c);

/* Takes some of the new body that M has brought. INTAKE_STOP: see lost and refused. */
enum intake_flow milter_content_body(struct milter_content *c, struct milter *m, struct smtp_session *s);

void milter_content_end(struct milter_content *c); /* all zero again */

#endif
