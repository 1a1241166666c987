/* The screen of `mailferry probe', and its JSON. All texts are the store's: nothing is printed that was not cleaned. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "base/clock.h"
#include "cmd/probe.h"
#include "cmd/text.h"
#include "net/cert.h"

enum { LINE_MAX_BYTES = 64 * 1024, FOLDERS_SHOWN = 24, DAY = 24 * 3600, SOON_DAYS = 30 };

static const char *const step_names[SURVEY_STEPS] = {
	[SURVEY_CONNECT] = "connect", [SURVEY_ENCRYPT] = "encrypt",
	[SURVEY_GREET] = "greeting",  [SURVEY_LOGIN] = "login",
	[SURVEY_ASK] = "ask",	      [SURVEY_LIST] = "list folders",
	[SURVEY_WRITE] = "write",     [SURVEY_FIND] = "find",
	[SURVEY_REMOVE] = "remove",   [SURVEY_AGAIN] = "second connection",
};

static const struct {
	const char *name;
	bool number;
} facts[SURVEY_FACTS] = {
	[SURVEY_ADDRESS] = { "address", false },
	[SURVEY_TLS_VERSION] = { "tls_version", false },
	[SURVEY_TLS_CIPHER] = { "tls_cipher", false },
	[SURVEY_ISSUER] = { "certificate_issuer", false },
	[SURVEY_NAMES] = { "certificate_names", false },
	[SURVEY_VALID_FROM] = { "certificate_from", true },
	[SURVEY_VALID_UNTIL] = { "certificate_until", true },
	[SURVEY_FINGERPRINT] = { "certificate_sha256", false },
	[SURVEY_PIN] = { "pin_sha256", false },
	[SURVEY_KEY] = { "key", false },
	[SURVEY_RESUMED] = { "resumed", true },
	[SURVEY_MECHANISM] = { "mechanism", false },
	[SURVEY_COMPRESSED] = { "compressed", true },
	[SURVEY_CAPABILITIES] = { "capabilities", false },
	[SURVEY_SERVER] = { "server", false },
	[SURVEY_APPEND_LIMIT] = { "append_limit", true },
	[SURVEY_SEPARATOR] = { "separator", false },
	[SURVEY_PREFIX] = { "prefix", false },
	[SURVEY_OTHERS] = { "other_prefixes", false },
	[SURVEY_QUOTA_NOTE] = { "quota_note", false },
	[SURVEY_FOLDERS_CUT] = { "folders_cut", true },
	[SURVEY_UID] = { "test_uid", true },
	[SURVEY_UID_TOLD] = { "test_uid_told", true },
	[SURVEY_LEFT] = { "test_left", true },
};

const struct err *probe_failure(const struct probe_report *r, const char **name)
{
	for (size_t i = 0; i < SURVEY_STEPS; i++) {
		if (r->step[i].err.class == ERR_NONE)
			continue;
		*name = step_names[i];
		return &r->step[i].err;
	}
	return NULL;
}

int probe_status(const struct err *e)
{
	switch (e->class) {
	case ERR_CONFIG:
		return EX_CONFIG;
	case ERR_PERM:
		return EX_CANTCREAT; /* the store said no */
	case ERR_PROTOCOL:
		return EX_PROTOCOL;
	case ERR_SYSTEM:
		return EX_OSERR;
	default:
		return e->code == ECONNREFUSED || e->code == ENOENT || e->code == EHOSTUNREACH || e->code == ENETUNREACH
			   ? EX_UNAVAILABLE
			   : EX_TEMPFAIL;
	}
}

/* ---- the screen ---- */

/* "  LABEL           TEXT": TEXT cleaned. */
static void line(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *label, const char *fmt, ...)
{
	struct buf raw, clean;
	va_list ap;

	buf_init(&raw, LINE_MAX_BYTES);
	buf_init(&clean, LINE_MAX_BYTES * 3);
	va_start(ap, fmt);
	(void)buf_vaddf(&raw, fmt, ap);
	va_end(ap);
	(void)text_clean(&clean, buf_str(&raw), 0);
	(void)printf("  %-16s %s\n", label, buf_str(&clean));
	buf_free(&raw);
	buf_free(&clean);
}

/* True when the step went well; a failed one gets its line here. */
static bool went_well(const struct probe_report *r, enum survey_step step, const char *label)
{
	const struct probe_step *s = &r->step[step];

	if (s->begun && s->err.class != ERR_NONE)
		line(label, "FAILED after %" PRId64 " ms", s->ms);
	return s->begun && s->err.class == ERR_NONE;
}

static const char *text_of(const struct probe_report *r, enum survey_fact fact)
{
	return r->text[fact] == NULL ? "" : r->text[fact];
}

static bool has(const struct probe_report *r, const char *capability)
{
	size_t n = strlen(capability);

	for (const char *at = text_of(r, SURVEY_CAPABILITIES); *at != '\0';) {
		size_t word = strcspn(at, " ");

		if (word == n && strncasecmp(at, capability, n) == 0)
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}

static void certificate_print(const struct config_server *a, const struct probe_report *r)
{
	int64_t until = r->number[SURVEY_VALID_UNTIL], left = until - clock_wall_ms() / 1000;
	char date[CERT_DATE_SIZE];

	if (r->text[SURVEY_FINGERPRINT] == NULL)
		return;
	cert_date(until, date);
	line("certificate", "for %s, issued by %s", text_of(r, SURVEY_NAMES), text_of(r, SURVEY_ISSUER));
	if (until == INT64_MIN)
		line("", "valid until %s", date);
	else if (left < 0)
		line("", "EXPIRED on %s; trusted because of its pin", date);
	else
		line("", "valid until %s: %s%" PRId64 " days", date, left < (int64_t)SOON_DAYS * DAY ? "ONLY " : "",
		     left / DAY);
	line("", "SHA-256 fingerprint %s", text_of(r, SURVEY_FINGERPRINT));
	line("", "pin_sha256 = \"%s\" (%s)%s", text_of(r, SURVEY_PIN), text_of(r, SURVEY_KEY),
	     a->npins > 0 ? ", which is what is trusted" : "");
}

static void compress_print(const struct config_server *a, const struct probe_report *r)
{
	if (r->number[SURVEY_COMPRESSED] == 1)
		line("", "packed on the line (COMPRESS=DEFLATE)");
	else if (!has(r, "COMPRESS=DEFLATE"))
		line("", "not packed: the store does not offer it");
	else if (a->compress == CONFIG_COMPRESS_AUTO)
		line("", "not packed: the store is in this network");
	else
		line("", a->compress == CONFIG_COMPRESS_OFF ? "not packed: compress is \"off\""
							    : "not packed: the store refused");
}

static void path_print(const struct probe_report *r)
{
	bool plus = has(r, "LITERAL+"), minus = has(r, "LITERAL-") || has(r, "IMAP4rev2");
	bool many = has(r, "MULTIAPPEND");

	/* As store/lane.h does it. */
	if (plus)
		line("way to file", many ? "many messages in one command (MULTIAPPEND, LITERAL+)"
					 : "one message behind the other, without waiting (LITERAL+)");
	else if (minus)
		line("way to file", "messages up to 4096 octets %s; larger ones ask first",
		     many ? "many in one command (MULTIAPPEND, LITERAL-)" : "without waiting (LITERAL-)");
	else
		line("way to file", "each message asks first, a round trip each");
	if (has(r, "UIDPLUS") || has(r, "IMAP4rev2"))
		line("", "the store tells the UID that a message got (UIDPLUS)");
	else
		line("", "the store does not tell UIDs (no UIDPLUS): trace shows the folder only");
}

static void size_text(int64_t n, char out[32])
{
	static const char *const units[] = { "octets", "KB", "MB", "GB", "TB" };
	double v = (double)n;
	size_t i = 0;

	while (v >= 1024 && i + 1 < sizeof units / sizeof units[0]) {
		v /= 1024;
		i++;
	}
	(void)snprintf(out, 32, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
}

static void room_print(const struct probe_report *r)
{
	int64_t limit = r->number[SURVEY_APPEND_LIMIT];
	char most[32], used[32];

	if (limit == INT64_MIN) {
		line("largest message", "not told (no APPENDLIMIT)");
	} else {
		size_text(limit, most);
		line("largest message", "%s: %" PRId64 " octets (APPENDLIMIT)", most, limit);
	}
	for (size_t i = 0; i < r->nquotas; i++) {
		const struct probe_quota *q = &r->quotas[i];
		const char *label = i == 0 ? "quota" : "";

		if (strcmp(q->resource, "STORAGE") == 0) {
			/* In units of 1,024 octets (RFC 9208, 5.1). */
			size_text(q->used > INT64_MAX / 1024 ? INT64_MAX : q->used * 1024, used);
			size_text(q->most > INT64_MAX / 1024 ? INT64_MAX : q->most * 1024, most);
			line(label, "%s of %s used%s%s", used, most, q->root[0] != '\0' ? ", " : "", q->root);
		} else {
			line(label, "%" PRId64 " of %" PRId64 " used (%s)%s%s", q->used, q->most, q->resource,
			     q->root[0] != '\0' ? ", " : "", q->root);
		}
	}
	if (r->text[SURVEY_QUOTA_NOTE] != NULL)
		line("quota", "%s", r->text[SURVEY_QUOTA_NOTE]);
}

static void names_print(const struct probe_report *r)
{
	const char *separator = text_of(r, SURVEY_SEPARATOR), *prefix = text_of(r, SURVEY_PREFIX),
		   *others = text_of(r, SURVEY_OTHERS);

	line("folder names", "%s%s%s%s%s", separator[0] == '\0' ? "no levels" : "levels are parted by ", separator,
	     prefix[0] == '\0' ? "" : "; all below ", prefix, prefix[0] == '\0' ? "" : ", which mailferry adds");
	if (others[0] != '\0')
		line("", "folders of others: %s", others);
}

/* Those with a use first. */
static void folders_print(const struct probe_report *r)
{
	struct buf all;
	size_t shown = 0;

	buf_init(&all, LINE_MAX_BYTES);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < r->nfolders; i++) {
			const struct probe_folder *f = &r->folders[i];

			if ((f->use[0] == '\0') != (pass == 1) || shown == FOLDERS_SHOWN)
				continue;
			(void)buf_addf(&all, "%s%s", shown > 0 ? ", " : "", f->name);
			if (f->use[0] != '\0')
				(void)buf_addf(&all, " (%s)", f->use);
			shown++;
		}
	}
	line("folders", "%zu%s: %s%s", r->nfolders, r->number[SURVEY_FOLDERS_CUT] == 1 ? " and more" : "",
	     buf_str(&all), shown < r->nfolders ? ", … (--json lists all)" : "");
	buf_free(&all);
}

static void trial_print(const struct probe_report *r)
{
	if (!went_well(r, SURVEY_WRITE, "test message"))
		return;
	line("test message", "written into INBOX: %" PRId64 " ms", r->step[SURVEY_WRITE].ms);
	if (r->step[SURVEY_FIND].err.class != ERR_NONE || r->step[SURVEY_REMOVE].err.class != ERR_NONE)
		line("", "it may still be in INBOX, with the subject \"mailferry probe\"");
	if (!went_well(r, SURVEY_FIND, ""))
		return;
	line("", "found by its UID %" PRId64 "%s and header: %" PRId64 " ms", r->number[SURVEY_UID],
	     r->number[SURVEY_UID_TOLD] == 1 ? ", which the store told," : "", r->step[SURVEY_FIND].ms);
	if (!went_well(r, SURVEY_REMOVE, ""))
		return;
	if (r->number[SURVEY_LEFT] == 1)
		line("", "marked as deleted, but STILL THERE: the store has no UIDPLUS to remove just this one");
	else
		line("", "removed: %" PRId64 " ms", r->step[SURVEY_REMOVE].ms);
}

void probe_print(const struct config_server *a, const struct probe_report *r)
{
	(void)printf("%s: %s at %s, port %u\n", a->name, a->user, a->host, a->port);
	if (went_well(r, SURVEY_CONNECT, "reached"))
		line("reached", "%s: %" PRId64 " ms", text_of(r, SURVEY_ADDRESS), r->step[SURVEY_CONNECT].ms);
	if (a->tls != CONFIG_TLS_IMPLICIT && went_well(r, SURVEY_GREET, "greeted"))
		line("greeted", "as an IMAP server does: %" PRId64 " ms", r->step[SURVEY_GREET].ms);
	if (went_well(r, SURVEY_ENCRYPT, "encrypted"))
		line("encrypted", "%s, %s: %" PRId64 " ms", text_of(r, SURVEY_TLS_VERSION),
		     text_of(r, SURVEY_TLS_CIPHER), r->step[SURVEY_ENCRYPT].ms);
	else if (a->tls == CONFIG_TLS_NONE && r->step[SURVEY_GREET].begun)
		line("encrypted", "NO: tls is \"none\"");
	certificate_print(a, r);
	if (a->tls == CONFIG_TLS_IMPLICIT && went_well(r, SURVEY_GREET, "greeted"))
		line("greeted", "as an IMAP server does: %" PRId64 " ms", r->step[SURVEY_GREET].ms);
	if (!went_well(r, SURVEY_LOGIN, "logged in"))
		return;
	line("logged in", "as %s%s%s: %" PRId64 " ms", a->user, r->text[SURVEY_MECHANISM] != NULL ? ", by " : "",
	     text_of(r, SURVEY_MECHANISM), r->step[SURVEY_LOGIN].ms);
	if (!went_well(r, SURVEY_ASK, "asked"))
		return;
	if (r->text[SURVEY_SERVER] != NULL)
		line("server", "%s", r->text[SURVEY_SERVER]);
	path_print(r);
	compress_print(a, r);
	room_print(r);
	names_print(r);
	if (!went_well(r, SURVEY_LIST, "folders"))
		return;
	folders_print(r);
	trial_print(r);
	if (went_well(r, SURVEY_AGAIN, "once more"))
		line("once more", "%s: %" PRId64 " ms",
		     r->number[SURVEY_RESUMED] == 1 ? "the TLS session was resumed" : "a whole new TLS session",
		     r->step[SURVEY_AGAIN].ms);
}

/* ---- JSON ---- */

static json_t *json_text(const char *s)
{
	struct buf clean;
	json_t *v;

	buf_init(&clean, LINE_MAX_BYTES * 3);
	text_utf8(&clean, s == NULL ? "" : s);
	v = json_string(buf_str(&clean));
	buf_free(&clean);
	return v;
}

static void json_failure(json_t *o, const char *step, const struct err *e)
{
	(void)json_object_set_new(o, "failed", json_text(step));
	(void)json_object_set_new(o, "why", json_text(e->text));
	(void)json_object_set_new(o, "status", json_integer(probe_status(e)));
}

void probe_print_json(const struct config_server *a, const struct probe_report *r, const struct err *e)
{
	json_t *o = json_object(), *folders = json_array(), *quotas = json_array(), *steps = json_array();
	const struct err *failure;
	const char *step = "";
	char *out;

	(void)json_object_set_new(o, "account", json_text(a->name));
	(void)json_object_set_new(o, "host", json_text(a->host));
	(void)json_object_set_new(o, "port", json_integer(a->port));
	for (size_t i = 0; i < SURVEY_FACTS; i++) {
		if (facts[i].number && r->number[i] != INT64_MIN)
			(void)json_object_set_new(o, facts[i].name, json_integer(r->number[i]));
		else if (!facts[i].number && r->text[i] != NULL)
			(void)json_object_set_new(o, facts[i].name, json_text(r->text[i]));
	}
	for (size_t i = 0; i < r->nfolders; i++) {
		json_t *f = json_object();

		(void)json_object_set_new(f, "name", json_text(r->folders[i].name));
		(void)json_object_set_new(f, "mailbox", json_text(r->folders[i].mailbox));
		(void)json_object_set_new(f, "use", json_text(r->folders[i].use));
		(void)json_array_append_new(folders, f);
	}
	for (size_t i = 0; i < r->nquotas; i++) {
		json_t *q = json_object();

		(void)json_object_set_new(q, "root", json_text(r->quotas[i].root));
		(void)json_object_set_new(q, "resource", json_text(r->quotas[i].resource));
		(void)json_object_set_new(q, "used", json_integer(r->quotas[i].used));
		(void)json_object_set_new(q, "most", json_integer(r->quotas[i].most));
		(void)json_array_append_new(quotas, q);
	}
	for (size_t i = 0; i < SURVEY_STEPS; i++) {
		if (r->step[i].begun)
			(void)json_array_append_new(steps, json_pack("{s:s, s:I, s:b}", "step", step_names[i], "ms",
								     (json_int_t)r->step[i].ms, "good",
								     r->step[i].err.class == ERR_NONE));
	}
	(void)json_object_set_new(o, "folders", folders);
	(void)json_object_set_new(o, "quotas", quotas);
	(void)json_object_set_new(o, "steps", steps);
	failure = probe_failure(r, &step);
	if (failure != NULL || e != NULL)
		json_failure(o, step, failure != NULL ? failure : e);
	out = json_dumps(o, JSON_COMPACT);
	(void)printf("%s\n", out == NULL ? "{}" : out);
	free(out);
	json_decref(o);
}
