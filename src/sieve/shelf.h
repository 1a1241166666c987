/*
 * Texts of scripts by their paths, which somebody read before: where "include"
 * (RFC 6609) finds them. A personal script is the file NAME.sieve beside the
 * script of the account, a global one lies in a folder of its own.
 */
#ifndef MAILFERRY_SIEVE_SHELF_H
#define MAILFERRY_SIEVE_SHELF_H

#include "sieve/sieve.h"

struct shelf_text {
	const char *path;
	struct slice text;
	bool used; /* set by those who look it up */
};

struct shelf {
	struct shelf_text *all;
	size_t n;
	const char *global; /* folder, or NULL */
	/* Of the script that is compiled now; shelf_scripts. */
	const char *outermost;
	char *self;
};

/* What the script with the path OUTERMOST can include. It is good until the next call, or shelf_end; S holds memory
 * meanwhile. */
struct sieve_scripts shelf_scripts(struct shelf *s, const char *outermost);
void shelf_end(struct shelf *s);

/* Octets of PATH in front of the name of its file, with the "/". */
size_t shelf_folder(const char *path);

/* May TEXT have anything to include? Nothing is parsed for it. */
bool shelf_asks(struct slice text);

/* Would scripts with these texts become the same program, wherever they lie? */
bool shelf_same(struct slice a, struct slice b);

#endif
