/*
 * The supervisor's questions to the spool, which it asks as people do
 * (spool/admin.h), but without ever waiting: one at a time, in their order; the
 * answers come by callback.
 */
#ifndef MAILFERRY_CMD_SPOOL_ASK_H
#define MAILFERRY_CMD_SPOOL_ASK_H

#include "spool/admin.h"

struct event_base;
struct spool_ask;

/* Takes FD. LOST is called once, when the spool has gone or makes no sense; what was asked is not answered then. Free
 * it there or later. */
struct spool_ask *spool_ask_new(struct event_base *base, int fd, void (*lost)(void *arg), void *arg);
void spool_ask_free(struct spool_ask **a);

/* FN gets row after row, then NULL; or, as the only call, NULL with GOOD false when the spool could not say. Never
 * called from inside these calls. A freed spool_ask calls nothing. */
typedef void spool_ask_account_fn(void *arg, const struct spool_account_row *row, bool good);
typedef void spool_ask_source_fn(void *arg, const struct spool_source_row *row, bool good);
void spool_ask_accounts(struct spool_ask *a, spool_ask_account_fn *fn, void *arg);
void spool_ask_sources(struct spool_ask *a, spool_ask_source_fn *fn, void *arg);

/* Forgets questions of ARG: their answers go nowhere. */
void spool_ask_forget(struct spool_ask *a, const void *arg);

#endif
