/*
 * A spool in memory, behind the doors of spool/client.h, for one account's
 * worker. With a state file it survives the worker: each change is in the file
 * before the call returns, and the next worker finds in doubt what was in
 * flight, as with the spool itself.
 */
#ifndef MAILFERRY_TESTS_FAKE_SPOOL_H
#define MAILFERRY_TESTS_FAKE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

/* How often the next calls fail. */
struct fake_faults {
	int in_flight, body, hold;
};
extern struct fake_faults fake_faults;

/* How it hands out bodies: each takes so many milliseconds, and with that one a bell rings. */
struct fake_pace {
	int ms, bell_at, bell; /* BELL: a descriptor that an octet is written to */
};
extern struct fake_pace fake_pace;

extern bool fake_forged; /* bodies hold lines made to look like commands, and replies to them */
extern bool fake_one_id; /* all have the same Message-ID */

/* Deliveries are numbered from 1, in order; each is the only one of its message, and bears "deliveryNNNNNNNN". */
void fake_spool_add(const char *folder, const char *flags, uint64_t size, bool create);

/* One delivery a line: folder TAB flags TAB size TAB "create" or nothing. Exits when it can't be read. */
void fake_spool_add_file(const char *path);

/* After everything was added: takes the state from PATH if it is there, and keeps it there. */
void fake_spool_keep(const char *path);

/* How often the account was held. */
int fake_spool_holds(void);

/* A line of JSON for each delivery, and one for the account. */
void fake_spool_report(void);

#endif
