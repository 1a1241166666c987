/* What a folder holds, as this session listed it: some tens of octets a message and its name. */
#ifndef MAILFERRY_FETCH_LISTING_H
#define MAILFERRY_FETCH_LISTING_H

#include "base/buf.h"
#include "fetch/pair.h"
#include "fetch/source.h"

enum {
	LISTING_TEXT_MAX = 512 * 1024 * 1024, /* octets of all names and flags of one folder */
	LISTING_FLAGS = 64		      /* texts of flags that are kept once, however many messages have them */
};

enum item_need {
	ITEM_KNOWN, /* nothing: it is remembered */
	ITEM_TAKE,
	ITEM_SKIP, /* by the limits */
	ITEM_DONE,   /* seen to in this run */
	ITEM_UNKNOWN /* it could not be had, nor told from others: it is remembered nowhere */
};

struct item {
	uint64_t size;
	int64_t internal_ms;
	uint32_t number;
	uint32_t name, flags; /* offsets into the texts */
	uint32_t row;	      /* index of the remembered row that it is paired with, or PAIR_NONE */
	uint32_t suspect;     /* index of a row with its name and another size, or PAIR_NONE: heads tell if it is the same */
	uint32_t head;	      /* index into the heads that were read, or PAIR_NONE */
	uint8_t need;	      /* enum item_need */
};

struct listing {
	struct item *all; /* owned */
	size_t n, cap;
	struct buf text;
	uint32_t flags[LISTING_FLAGS];
	bool unordered;	  /* numbers did not ascend */
	uint64_t refused; /* 0, or how many there were when it became too large */
};

void listing_init(struct listing *l);
void listing_free(struct listing *l);

/* 0, or -1 when it is too large: l->refused. */
int listing_add(struct listing *l, const struct source_item *item);

/* Sorts by number and drops what was listed twice, if a server did not keep to the order. */
void listing_order(struct listing *l);

const char *listing_name(const struct listing *l, const struct item *item);
const char *listing_flags(const struct listing *l, const struct item *item);
struct source_item listing_item(const struct listing *l, const struct item *item);

/* The one with that number (the listing is in order), or NULL. */
struct item *listing_find(const struct listing *l, uint32_t number);

#endif
