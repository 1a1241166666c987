/* Dates of header fields (RFC 5322, 3.3 and 4.3). */
#ifndef MAILFERRY_MSG_DATE_H
#define MAILFERRY_MSG_DATE_H

#include <time.h>

#include "base/slice.h"

/* The time that the raw VALUE of a field names, or -1 when it is not clear or before 1970. Comments, folds, two-digit
 * years, named zones and a month before the day are read; a zone that is missing or unknown counts as UTC. */
time_t date_parse(struct slice value);

/* Days from 1970-01-01 to that day of the Gregorian calendar; MONTH from 1 to 12. */
int64_t date_days(int64_t year, unsigned month, unsigned day);

#endif
