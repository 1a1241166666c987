/*
 * mailferry-probe, and what `mailferry probe' hears from it. The command starts
 * it as the supervisor starts a role (role.h), with the part of one account or
 * source; it runs the survey of store/survey.h once, or looks at the source's
 * folders, over a connection of its own, and leaves. The command reads all of it as hostile: the store writes most of it.
 */
#ifndef MAILFERRY_ROLE_PROBE_H
#define MAILFERRY_ROLE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ipc/message.h"
#include "store/survey.h"

/* On the role's socket, behind ROLE_READY. */
enum probe_message {
	PROBE_START = 100, /* to the role: NUMBER 1 to write a test message */
	PROBE_TOKEN,  /* from the role: it needs an access token, FRESH or not; to the role: TEXT, or CLASS and WHY */
	PROBE_FACT,   /* from the role: KEY (enum survey_fact) and TEXT or NUMBER */
	PROBE_STEP,   /* KEY (enum survey_step), NUMBER (ms), and CLASS, CODE and WHY when it failed */
	PROBE_FOLDER, /* TEXT, MAILBOX, USE; of a source also NUMBER, its messages */
	PROBE_QUOTA,  /* TEXT (root), USE (resource), NUMBER, MOST */
	PROBE_END     /* that is all */
};

enum probe_tag {
	PROBE_TAG_KEY = 1,
	PROBE_TAG_NUMBER,
	PROBE_TAG_MOST,
	PROBE_TAG_TEXT,
	PROBE_TAG_MAILBOX,
	PROBE_TAG_USE,
	PROBE_TAG_CLASS,
	PROBE_TAG_CODE,
	PROBE_TAG_WHY,
	PROBE_TAG_FRESH
};

enum { PROBE_TEXT_MAX = 16 * 1024, PROBE_FOLDERS_MAX = 4000, PROBE_QUOTAS_MAX = 64 };

struct probe_step {
	bool begun;
	int64_t ms;
	struct err err; /* ERR_NONE: it went well */
};

struct probe_folder {
	char *name, *mailbox, *use; /* USE: "\\Junk", or "" */
	int64_t messages;	    /* of a source; -1: not told */
};

struct probe_quota {
	char *root, *resource;
	int64_t used, most;
};

/* What was heard. Texts are the store's, not cleaned. Zero it first. */
struct probe_report {
	char *text[SURVEY_FACTS];     /* NULL: not told */
	int64_t number[SURVEY_FACTS]; /* INT64_MIN: not told; see probe_report_init */
	struct probe_step step[SURVEY_STEPS];
	struct probe_folder *folders;
	size_t nfolders;
	struct probe_quota *quotas;
	size_t nquotas;
	bool ended; /* with PROBE_END */
};

void probe_report_init(struct probe_report *r);
void probe_report_free(struct probe_report *r);

/* Adds one message of the role. 0, or -1 when it is none, or too much of it. */
int probe_report_take(struct probe_report *r, const struct ipc_in *in);

#endif
