/* The keys of a getmailrc: what each takes, and what becomes of it. */
#ifndef MAILFERRY_CMD_IMPORT_KEYS_H
#define MAILFERRY_CMD_IMPORT_KEYS_H

#include "cmd/import.h"

enum import_key_shape { IMPORT_KEY_TEXT, IMPORT_KEY_NUMBER, IMPORT_KEY_FLAG, IMPORT_KEY_TUPLE };
/* IMPORT_SECTIONS: another one, of a filter or a destination. */
enum import_section { IMPORT_RETRIEVER, IMPORT_DESTINATION, IMPORT_OPTIONS, IMPORT_SECTIONS };

/* The file in hand. What becomes of the originals depends on several keys together. */
struct import_mailbox {
	struct import *imp;
	struct import_source source;
	bool retriever; /* there is such a section */
	bool deletes, read_all;
	uint64_t delete_days;
	int delete_line; /* where the first word about that stands */
	const char *move_to, *on_delete;
};

struct import_key_value {
	const char *text;
	uint64_t number;
	bool flag;
	struct import_list list;
	int line;
};

struct import_key {
	enum import_section section;
	const char *key;
	enum import_key_shape shape;
	void (*take)(struct import_mailbox *r, const struct import_key_value *v);
	const char *note; /* a comment for whoever said it; of a flag: who said yes */
};

const struct import_key *import_key_find(enum import_section section, const char *name);

#endif
