/* mailferry probe: what its files have in common, and how another command runs the same (after a sign-in). */
#ifndef MAILFERRY_CMD_PROBE_H
#define MAILFERRY_CMD_PROBE_H

#include <stdbool.h>

#include "config/config.h"
#include "role/probe.h"

struct probe_options {
	bool write; /* file, find and remove a test message */
	/* Gives an access token, as imap/session.h has it; NULL only for an account without oauth. */
	char *(*token)(void *arg, bool fresh, struct err *e);
	void *token_arg;
};

/* ---- probe_start.c ---- */

/* Starts mailferry-probe for account A of C and fills R (probe_report_init before, probe_report_free after). 0 when it
 * came to its end, also when a step failed: probe_failure says so; -1 and E when it did not, with R as far as it came.
 */
int probe_account(const struct config *c, const struct config_server *a, const struct probe_options *o,
		  struct probe_report *r, struct err *e);

/* ---- probe_print.c ---- */

/* The step that failed, or NULL; *NAME is for people ("login"). */
const struct err *probe_failure(const struct probe_report *r, const char **name);

/* The exit status that fits a failure. */
int probe_status(const struct err *e);

void probe_print(const struct config_server *a, const struct probe_report *r);

/* One object in one line; E as probe_account left it, NULL when it returned 0. */
void probe_print_json(const struct config_server *a, const struct probe_report *r, const struct err *e);

/* ---- probe_source.c: the same for a source ---- */
void probe_source_print(const struct config_source *s, const struct probe_report *r);
void probe_source_json(const struct config_source *s, const struct probe_report *r, const struct err *e);

/* ---- probe_relay.c: the same for the relay ---- */
void probe_relay_print(const struct config_server *s, const struct probe_report *r);
void probe_relay_json(const struct config_server *s, const struct probe_report *r, const struct err *e);

#endif
