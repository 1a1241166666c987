/* For the tests of messages that are sent because of rules: a message that came, and what is made of it. */
#ifndef MAILFERRY_TESTS_REPLY_TOOLS_H
#define MAILFERRY_TESTS_REPLY_TOOLS_H

#include "reply/reply.h"

#define ID "0123456789abcdef"

extern const char world_plain[];

struct world {
	struct message message;
	struct reply_frame frame;
	struct reply reply;
	struct err err;
	char *text; /* of the reply */
	size_t n;
};

void world_begin(struct world *w, const char *text);

/* Puts the pieces together, and looks at what holds of every message. */
void world_assemble(struct world *w);
void world_end(struct world *w);
void world_has(const struct world *w, const char *part);

/* The decoded value of the only field NAME; owned by the caller. */
char *world_field(const struct world *w, const char *name);
void world_field_is(const struct world *w, const char *name, const char *want);
void world_has_no_field(const struct world *w, const char *name);

/* The decoded body of part I. */
char *world_part(const struct world *w, size_t i, const char *type);
void world_redirect(struct world *w, bool wrap, enum reply_path path);

#endif
