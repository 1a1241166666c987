/*
 * The message as the run sees it now: the one that came, then what the script
 * made of it (RFC 5293, RFC 5703). Header fields one by one, and a body in
 * pieces: octets of the script's own, and ranges of the message as it came,
 * which are not copied. Actions refer to the message of their moment.
 */
#ifndef MAILFERRY_SIEVE_CONTENT_H
#define MAILFERRY_SIEVE_CONTENT_H

#include <sys/types.h>

#include "sieve/view.h"

/* Octets of TEXT, or where that is NULL, of the message as it came, from AT on. */
struct content_piece {
	const char *text;
	uint64_t at, n;
};

struct content {
	struct view_header header;    /* as it is now */
	struct content_piece *places; /* owned: whole fields with their line ends, one for each of the header's */
	size_t cap;		      /* elements that both have room for */
	struct content_piece gap;     /* the empty line; nothing when the message is only a header */
	struct content_piece *body;   /* owned: what is behind it */
	size_t nbody;
	uint64_t size;		    /* of the body */
	size_t exported;	     /* index of this version for the plan; MIME_NONE when it has none yet */
	struct content_piece *plain; /* owned: all of the message as it was before it was enclosed, or NULL */
	size_t nplain;
	size_t plain_exported;
};

/* The message of this run, made at the first call. */
struct content *content_of(struct run *r);
void content_free(struct content **c);

/* Octets of all of it, or of the message that it was made of, where nothing was changed. */
uint64_t content_size(struct run *r, const struct content *c);

/* Whether it has an empty line behind its header (RFC 5173, 4). */
bool content_has_body(const struct content *c);

/* Up to N octets of the body, from AT on: how many, 0 at the end, -1 after run_error. */
ssize_t content_read(struct run *r, const struct content *c, uint64_t at, char *p, size_t n);

/* A field in front of number I; TEXT is all of it, in the run's memory; a line end is added where it has none. 0, or -1
 * after run_error. */
int content_add_field(struct run *r, struct content *c, size_t i, struct slice text);
int content_delete_field(struct run *r, struct content *c, size_t i);

/* The octets of the body from FROM to TO become TEXT (of the run's memory). There is an empty line then. */
int content_splice(struct run *r, struct content *c, uint64_t from, uint64_t to, struct slice text);

/* The message becomes BEFORE, the whole message as it is now, BEHIND: a body whose header has no fields yet. What
 * redirect sends is the message as it is now (RFC 5703, 6). */
int content_enclose(struct run *r, struct content *c, struct slice before, struct slice behind);

/* The header as one string, as it is now: for a part that is the whole message. Lives as long as the operation. */
int content_header_text(struct run *r, const struct content *c, struct slice *out);

/* All of the message as it is now: N pieces, to be freed. */
struct content_piece *content_pieces(const struct content *c, size_t *n);

/* ---- content_plan.c ---- */

/* The plan is another from now on: it holds no version of the message. */
void content_forget_plan(struct run *r);

/* For the plan: which message this is (plan_action.content). PLAIN: as redirect sends it. 0, or -1 after run_error. */
int content_export(struct run *r, bool plain, size_t *index);

#endif
