/*
 * Addresses. An SMTP path (RFC 5321, 4.1.2) is strict; the addresses in a
 * header field (RFC 5322, 3.4) are read leniently, but one that is not clear
 * is no address.
 */
#ifndef MAILFERRY_MSG_ADDRESS_H
#define MAILFERRY_MSG_ADDRESS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { ADDRESS_LOCAL_MAX = 64, ADDRESS_DOMAIN_MAX = 255, ADDRESS_LIST_MAX = 1000 };

struct address {
	char *local;  /* owned; unquoted, UTF-8; "" for the null path */
	char *domain; /* owned; as written, without a final dot; "" when there is none (<postmaster>, <>) */
};

enum address_fault {
	ADDRESS_OK,
	ADDRESS_SYNTAX,	      /* 501 5.1.3 or 5.1.7 */
	ADDRESS_TOO_LONG,     /* 501: local part over 64, domain over 255 octets */
	ADDRESS_SOURCE_ROUTE, /* <@a,@b:c@d>: parsed, but refused by policy: 550 */
	ADDRESS_NEEDS_UTF8    /* 553 5.6.7: not ASCII, and SMTPUTF8 was not given */
};

/* The front of TEXT must be a path "<…>", of a sender if NULL_OK ("<>" is one), else of a recipient ("<postmaster>", in any
 * case of letters, is one); *USED says how many bytes it took. Control characters, also quoted, are ADDRESS_SYNTAX. Fills
 * OUT only on ADDRESS_OK. */
enum address_fault address_parse_path(struct slice text, bool utf8, bool null_ok, struct address *out, size_t *used);

/* One addr-spec and nothing else: configuration, command line, Sieve. */
enum address_fault address_parse(struct slice text, bool utf8, struct address *out);

/* A domain or an address literal ("[192.0.2.1]", "[IPv6:2001:db8::1]"), also as EHLO has it. Underscores pass; a final
 * dot too. ADDRESS_OK, _SYNTAX, _TOO_LONG or _NEEDS_UTF8. */
enum address_fault address_check_domain(struct slice domain, bool utf8);

void address_free(struct address *a);

/* local@domain, with the local part quoted where it must be; just the local part where there is no domain. */
int address_format(const struct address *a, struct buf *out);

/* Are these texts "local@domain" the same address? Domains have no case, local parts may have one (RFC 5321, 2.4). */
bool address_same(struct slice a, struct slice b);

/* The addresses of a header field's raw value, in order: groups are flattened, display names and comments dropped,
 * folds allowed, obsolete routes skipped. What can't be read is skipped and counted in *BAD (may be NULL), and so is
 * what is beyond ADDRESS_LIST_MAX. Dots may stand anywhere in a local part, and its length is not held to the limit of
 * SMTP: such addresses are in use, and address_format quotes them. */
struct address_list {
	struct address *all; /* owned */
	size_t n;
};
void address_list_parse(struct slice value, struct address_list *out, size_t *bad);
void address_list_free(struct address_list *l);

/* For the parsers here: an ASCII character of an atom; the octets of a UTF-8 character beyond ASCII that an address may
 * hold (no control, no line separator), or 0. */
bool address_is_atext(char c);
size_t address_foreign_len(struct slice s);

#endif
