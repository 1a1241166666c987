/*
 * What the parts of the fake world share: fetch_fake.c steps and runs, the
 * mailbox is what lies at the server, the driver shows it, the memory and the
 * spool remember.
 */
#ifndef MAILFERRY_TESTS_FETCH_FAKE_IMPL_H
#define MAILFERRY_TESTS_FETCH_FAKE_IMPL_H

#include "fetch_fake.h"

/* Everything in one process: the memory's names bear no world. Borrowed; the world of the newest run or fake_adopt. */
extern struct fake_world *the;

/* One step. False: the world has ended. *HAPPENS: what is asked is done nevertheless. */
bool fake_lives(struct fake_world *w, bool *happens);
/* -1, with E saying that the world has ended. */
int fake_gone(struct err *e);

/* The number of the content that is BYTES; UINT32_MAX: none. */
unsigned fake_content_find(const struct fake_world *w, struct slice bytes);
/* Message I is no longer in F, and nobody counts why. */
void fake_take_out(struct fake_folder *f, size_t i);

/* Both show `the`. */
extern const struct source_driver fake_pop3, fake_imap;

/* Indexes into the->rows; the->nrows: there is none. By number, and by folder and UID (IMAP only). */
size_t fake_row_at(int64_t number);
size_t fake_row_of_uid(const struct spool_origin *o);
/* What O says, but neither its number nor when it was taken; and a row more that says it. Rows move. */
void fake_row_write(struct fake_row *r, const struct spool_origin *o);
struct fake_row *fake_row_new(const struct spool_origin *o);

/* Its spool is a struct fake_world. */
extern const struct intake_spool fake_spool;
/* Gives back what an upload has left. */
void fake_spool_close(void);

#endif
