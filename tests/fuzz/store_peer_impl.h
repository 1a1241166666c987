/* The fields of the server in store_peer.h, and what its files share. */
#ifndef MAILFERRY_TESTS_STORE_PEER_IMPL_H
#define MAILFERRY_TESTS_STORE_PEER_IMPL_H

#include "base/buf.h"
#include "store_peer.h"

enum {
	CONNECTIONS_MAX = 1000,
	FOLDERS_MAX = 24,
	NAME_MAX_BYTES = 200,
	LITERALS_MAX = 64,
	KEPT_MAX = 20000,
	LATER_MAX = 64,
	STREAM_MAX = 16 * 1024 * 1024,
	LATER_STEP_MS = 200 /* times a byte: up to 51 seconds, less than the settle time */
};

/* What the input can make of one command. Honest ones keep to what they say. */
enum act {
	ACT_CUT_AFTER = 1, /* does it, and hangs up */
	ACT_CUT_BEFORE,
	ACT_CUT_WITHIN, /* does it, and hangs up within the answer */
	ACT_LATER,	/* hangs up, and does it some seconds later */
	ACT_REFUSE,	/* NO, not done */
	ACT_FAULT,	/* NO of a kind that says nothing, done or not */
	ACT_BAD,	/* done or not */
	ACT_SILENT,	/* done or not */
	ACT_BYE,
	ACT_OTHER_TAG, /* done or not */
	ACT_NOISE,
	ACT_USER,
	ACT_PART, /* keeps a part of several, and hangs up or says NO */
	ACT_SLOW, /* the answer comes in small pieces */
	ACT_RAW,
	ACTS
};

struct message {
	uint32_t uid;
	char id[PEER_ID + 1];
};

struct folder {
	char name[NAME_MAX_BYTES];
	uint32_t validity, next;
	struct message *all;
	size_t n;
};

struct connection {
	int fd; /* -1: over */
	struct buf in, out, seen, fed;
	struct buf command; /* the lines of the command so far, without literals */
	char ids[LITERALS_MAX][PEER_ID + 1];
	size_t nliterals;
	struct buf literal;
	uint64_t left; /* octets of a literal that are to come */
	size_t noted;  /* up to there SEEN was searched for ids */
	bool in_literal, silent, hang_up, greeted, slow;
	struct folder *selected;
};

struct later {
	int64_t at;
	size_t folder;
	char id[PEER_ID + 1];
};

/* A message, or its front, that a client wrote. */
struct sighting {
	size_t connection, at; /* its id, among the octets that the connection has seen */
	char id[PEER_ID + 1];
};

struct peer {
	const uint8_t *p;
	size_t n, at;
	unsigned abilities;
	bool login_too, lied;
	struct connection all[CONNECTIONS_MAX];
	size_t nall;
	struct folder folders[FOLDERS_MAX];
	size_t nfolders;
	char kept[KEPT_MAX][PEER_ID + 1];
	size_t nkept;
	struct later later[LATER_MAX];
	size_t nlater;
	struct sighting *sightings; /* in the order in which they came */
	size_t nsightings, sightings_room;
	int64_t now;
	bool moved;
};
extern struct peer peer;

enum { ABLE_PLUS = 1, ABLE_MINUS = 2, ABLE_MULTI = 4, ABLE_UIDPLUS = 8, ABLE_NAMESPACE = 16 };

/* The next octet of the input, 0 behind its end. */
uint8_t peer_draw(void);

/* ---- store_mail.c: what it keeps ---- */
struct folder *peer_folder(const char *name);	   /* NULL: there is none */
struct folder *peer_folder_make(const char *name); /* NULL: there are too many */
uint32_t peer_put(struct folder *f, const char *id);
uint32_t peer_keep(struct folder *f, const char *id); /* given by the client: counts */
void peer_user_acts(void);			      /* moves, removes, renames */

/* ---- store_words.c: what it says ---- */
void peer_say(struct connection *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void peer_say_raw(struct connection *c, const char *tag);
void peer_say_noise(struct connection *c);
const char *peer_refusal(void); /* "not stored", for certain */
const char *peer_fault(void);	/* says nothing of the kind */

/* ---- store_commands.c: what it does ---- */
void peer_take_word(const char **at, char *out, size_t size); /* behind *AT, unquoted */
void peer_do(struct connection *c, const char *tag, const char *verb, const char *rest);

/* ---- store_acts.c: what it does instead ---- */
/* One step of what was read; false when more is needed. */
bool peer_parse(struct connection *c);

#endif
