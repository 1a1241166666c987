/*
 * The milter protocol (version 6) octet by octet: packets of a length, a letter
 * and what belongs to it. There is no RFC; the names are Sendmail's without
 * their SMFI. What comes from a milter is hostile: nothing is allocated for a
 * length before its octets are there, and lengths are bounded.
 */
#ifndef MAILFERRY_SMTP_MILTER_WIRE_H
#define MAILFERRY_SMTP_MILTER_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
	MILTER_VERSION = 6,
	MILTER_PACKET_MAX = 128 * 1024, /* octets of a packet from a milter: a piece of a body has 65,535 at most */
	MILTER_BODY_MAX = 65535,	/* of a piece of a body to it */
	MILTER_STRING_MAX = 64 * 1024	/* of one text to it */
};

enum milter_command {
	MILTER_OPTNEG = 'O',
	MILTER_MACRO = 'D',
	MILTER_CONNECT = 'C',
	MILTER_HELO = 'H',
	MILTER_MAIL = 'M',
	MILTER_RCPT = 'R',
	MILTER_DATA = 'T',
	MILTER_HEADER = 'L',
	MILTER_EOH = 'N',
	MILTER_BODY = 'B',
	MILTER_EOM = 'E',
	MILTER_UNKNOWN = 'U',
	MILTER_ABORT = 'A',
	MILTER_QUIT = 'Q',
	MILTER_QUIT_NEW = 'K' /* the connection is used again */
};

enum milter_answer {
	MILTER_SAYS_CONTINUE = 'c',
	MILTER_SAYS_ACCEPT = 'a',
	MILTER_SAYS_DISCARD = 'd',
	MILTER_SAYS_REJECT = 'r',
	MILTER_SAYS_TEMPFAIL = 't',
	MILTER_SAYS_REPLY = 'y',
	MILTER_SAYS_PROGRESS = 'p',
	MILTER_SAYS_SKIP = 's',
	MILTER_SAYS_CONN_FAIL = 'f',
	MILTER_SAYS_SHUTDOWN = '4',
	/* at the end of a message */
	MILTER_SAYS_ADD_HEADER = 'h',
	MILTER_SAYS_INSERT_HEADER = 'i',
	MILTER_SAYS_CHANGE_HEADER = 'm',
	MILTER_SAYS_BODY = 'b',
	MILTER_SAYS_FROM = 'e',
	MILTER_SAYS_ADD_RCPT = '+',
	MILTER_SAYS_ADD_RCPT_PAR = '2',
	MILTER_SAYS_DELETE_RCPT = '-',
	MILTER_SAYS_QUARANTINE = 'q'
};

struct milter_packet {
	char letter;
	struct slice data; /* a view into the input */
};

/* The packet at the front of IN: 1 and *USED octets, 0: more must come, -1: that is none (its length is 0 or too large). */
int milter_packet_read(struct slice in, struct milter_packet *p, size_t *used);

/* Begins a packet; returns where it stands, for milter_packet_end. */
size_t milter_packet_begin(struct buf *out, char letter);
void milter_packet_end(struct buf *out, size_t at);

/* A text with the NUL that ends it; a NUL in it ends it early, and so does MILTER_STRING_MAX. */
void milter_put_text(struct buf *out, struct slice s);
void milter_put_u32(struct buf *out, uint32_t v);
void milter_put_u16(struct buf *out, uint16_t v);

/* Takes a text with its NUL off the front of *S: 0, or -1 when none ends there. */
int milter_take_text(struct slice *s, struct slice *text);
int milter_take_u32(struct slice *s, uint32_t *v);

#endif
