/*
 * Where the folders of a source go when its whole tree is copied into an
 * account: the same tree, as far as the account's store can have it. Nothing is
 * looked up, so that a copy that is begun again goes on where it was.
 */
#ifndef MAILFERRY_FETCH_COPY_MAP_H
#define MAILFERRY_FETCH_COPY_MAP_H

#include "fetch/source.h"
#include "spool/facts.h"

enum { COPY_LEVEL_MAX = 200, COPY_NAME_MAX = 700 }; /* octets of a level, and of a whole name */

struct copy_target {
	char *folder;	 /* owned: as rules name folders, "A/B" or "\\Sent:Sent Items"; NULL: it is left out */
	const char *why; /* for people: why it is left out, or has another name there; NULL: it goes as it is */
};

/* The targets of N folders, in their order; from mem_alloc, copy_map_free. TARGET: what is known of the account's
 * store; only its separator and prefix count.
 *   - The prefix of a namespace is dropped, levels stand with "/"; what no folder's name may hold becomes "_".
 *   - A folder with a special use (of those without one that is told, a top one that bears a usual name) goes to the
 *     account's folder of that use.
 *   - Folders that show the mail of other folders again (\All, \Flagged, \Important) are left out, but for those uses
 * that ALSO (N_ALSO names of folders, as config_source.folders) names.
 *   - No two folders get one name, also where a store does not tell capitals apart: the later one gets a number. */
struct copy_target *copy_map(const struct source_folder *folders, size_t n, const struct facts *target,
			     char *const *also, size_t nalso);
void copy_map_free(struct copy_target *t, size_t n);

#endif
