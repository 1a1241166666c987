/*
 * Which folders of a source are meant (config_source.folders): names, patterns
 * with `*' (anything) and `%' (anything on one level), uses ("\Junk"), and with
 * `!' in front what is left out. Pure functions.
 */
#ifndef MAILFERRY_FETCH_FOLDER_MATCH_H
#define MAILFERRY_FETCH_FOLDER_MATCH_H

#include <stdbool.h>
#include <stddef.h>

struct folder_known {
	const char *name;   /* UTF-8, as the server writes it */
	const char *people; /* the same with "/" between levels and without the namespace's prefix */
	char separator;	    /* in NAME; '\0': flat */
	unsigned uses;	    /* msg/special_use.h */
};

/* One pattern, without `!'. INBOX has no case. */
bool folder_pattern_matches(const char *pattern, const struct folder_known *f);

/* All of them; `!' wins. Where there are only those with `!', everything else is meant. Folders that only show what
 * lies in others (\All, \Flagged, \Important) are meant only by name or use: each of their messages would come twice.
 */
bool folder_is_meant(char *const *patterns, size_t n, const struct folder_known *f);

/* A name, and no pattern, use or exclusion. */
bool folder_pattern_is_name(const char *pattern);

#endif
