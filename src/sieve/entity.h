/* MIME entities that a script makes (RFC 2045, 2.4), for what changes the body of a message (RFC 5703). */
#ifndef MAILFERRY_SIEVE_ENTITY_H
#define MAILFERRY_SIEVE_ENTITY_H

#include "sieve/content.h"

enum { ENTITY_MAX = 4 * 1024 * 1024 };

/* HEAD is the header block without its empty line, BODY what is behind that. Both are of the run's memory. */
struct entity {
	struct slice head, body;
};

/* A text/plain part of TEXT, which is UTF-8: 7-bit, with no line that could be a delimiter. 0, or -1 after run_error.
 */
int entity_of_text(struct run *r, struct slice text, struct entity *out);

/* TEXT is the entity, with its header; line ends become CRLF. */
int entity_parse(struct run *r, struct slice text, struct entity *out);

/* Appends the fields of HEAD whose name begins with "Content-" to the header of the message. */
int entity_add_fields(struct run *r, struct content *c, struct slice head);

/* Appends a field of our own. */
int entity_add_field(struct run *r, struct content *c, struct slice name, struct slice value);

/* The same where MAILBOXES is a mailbox-list (RFC 5322, 3.4), which is checked; 0 and no field when it is not valid. */
int entity_add_mailboxes(struct run *r, struct content *c, const char *name, struct slice mailboxes);

/* Fields called NAME are called "Original-NAME" from now on. */
int entity_rename_original(struct run *r, struct content *c, struct slice name);

#endif
