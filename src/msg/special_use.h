/*
 * What a folder is for (RFC 6154; \Important: RFC 8457). A store tells it as an
 * attribute of the folder; one that tells nothing has folders with names that
 * people know. A rule names the folder for a use by the attribute: "\Junk", or
 * "\Junk:Spam" with the name that it is to have where there is none.
 */
#ifndef MAILFERRY_MSG_SPECIAL_USE_H
#define MAILFERRY_MSG_SPECIAL_USE_H

#include <stdbool.h>

#include "base/slice.h"

enum special_use {
	USE_ALL = 1,
	USE_ARCHIVE = 2,
	USE_DRAFTS = 4,
	USE_FLAGGED = 8,
	USE_JUNK = 16,
	USE_SENT = 32,
	USE_TRASH = 64,
	USE_IMPORTANT = 128,
	USE_ANY = 255,
	/* Folders that only show what lies in others. A name alone never tells that of a folder: people have folders
	 * called "Important". */
	USE_VIEWS = USE_ALL | USE_FLAGGED | USE_IMPORTANT
};

/* The use that an attribute tells, in any case and with its backslash ("\Junk"); also the older names that some stores
 * give ("\Spam", "\Starred", "\AllMail"). 0 for another attribute. */
unsigned special_use_of(struct slice attribute);

const char *special_use_name(unsigned use); /* "\\Junk"; of one bit */

/* The names of all USES with a blank between, as many as fit; SPECIAL_USE_NAMES_SIZE octets hold all. */
enum { SPECIAL_USE_NAMES_SIZE = 128 };
void special_use_names(unsigned uses, char *out, size_t size);

/* What a folder with that name (its last level) is for, going by names that mail programs and providers give in many
 * languages; 0 when it is none of them. Case does not matter. */
unsigned special_use_guess(struct slice name);

/* The same for a whole name, levels with "/". *DEPTH: how many levels stand in front of the last. */
unsigned special_use_guess_path(const char *name, size_t *depth);

/* The name for a new folder, or NULL where a store makes the folder itself (\All, \Flagged, \Important). */
const char *special_use_default(unsigned use);

/* Is FOLDER, as a rule has it, the folder for a use? *NAME: the name behind the colon, or empty. */
bool special_use_split(struct slice folder, unsigned *use, struct slice *name);

#endif
