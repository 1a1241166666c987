#include "cmd/record.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/text.h"
#include "config/config.h"

enum { LINE_BYTES = 16 * 1024 };

#define COPY "copy:" /* in front of the source's name: fetch/run.h */

bool delivery_waits(enum delivery_state s)
{
	return s != DELIVERY_DONE && s != DELIVERY_MERGED && s != DELIVERY_DELETED;
}

/* It goes out: its folder is the recipient, and nobody can look whether it is there. */
static bool is_outward(const struct spool_record_delivery *d)
{
	return strcmp(d->account, CONFIG_RELAY) == 0;
}

static void add_due(const struct spool_record_delivery *d, struct buf *out)
{
	char span[TEXT_SPAN_SIZE];
	int64_t in = d->due_ms - clock_wall_ms();

	if (d->state == DELIVERY_QUEUED && d->due_ms != 0 && in > 0) {
		text_span(in, span);
		(void)buf_addf(out, "next try in %s", span);
	} else if (d->state == DELIVERY_QUEUED) {
		(void)buf_addf(out, "due now");
	} else if (is_outward(d) && (d->state == DELIVERY_DOUBT || d->state == DELIVERY_PARKED)) {
		(void)buf_addf(out, "a person must decide: `mailferry queue retry --again' sends it again, perhaps a second "
				    "time; `mailferry queue delete' where it has arrived");
	} else if (d->state == DELIVERY_DOUBT && in > 0) {
		text_span(in, span);
		(void)buf_addf(out, "will be looked for in %s", span);
	} else if (d->state == DELIVERY_DOUBT) {
		(void)buf_addf(out, "is looked for now");
	} else if (d->state == DELIVERY_PARKED) {
		(void)buf_addf(
		    out, "a person must decide: `mailferry queue retry' looks again, with --again it is sent again");
	} else if (d->state == DELIVERY_QUARANTINED) {
		(void)buf_addf(out, "a person must decide: `mailferry queue retry' or `mailferry queue delete'");
	} else if (d->state == DELIVERY_HELD) {
		(void)buf_addf(out, "waits for `mailferry queue release'");
	}
}

void delivery_why(const struct spool_record_delivery *d, const struct hold *hold, struct buf *out)
{
	if (!delivery_waits(d->state))
		return;
	if (hold != NULL && (d->state == DELIVERY_QUEUED || d->state == DELIVERY_DOUBT)) {
		(void)buf_add_str(out, hold->timed ? "" : "its account takes nothing now: ");
		hold_why(hold, out);
		return;
	}
	if (d->reason != NULL && d->reason[0] != '\0') {
		(void)text_clean(out, d->reason, 0);
		if (d->state != DELIVERY_FLIGHT)
			(void)buf_add_str(out, "; ");
	}
	add_due(d, out);
}

/* ---- for people ---- */

/* "  NAME  VALUE", and nothing for a value that is not known. */
static void print_line(const char *name, const char *value)
{
	struct buf b;

	if (value == NULL || value[0] == '\0')
		return;
	buf_init(&b, LINE_BYTES);
	(void)text_clean(&b, value, 0);
	(void)printf("  %-11s %s\n", name, buf_str(&b));
	buf_free(&b);
}

static void print_received(const struct spool_record *r)
{
	char time[TEXT_TIME_SIZE], span[TEXT_SPAN_SIZE];
	struct buf b;

	text_time(r->received_ms, time);
	text_span(clock_wall_ms() - r->received_ms, span);
	buf_init(&b, LINE_BYTES);
	(void)buf_addf(&b, "%s (%s ago), %llu octets", time, span, (unsigned long long)r->size);
	if (r->protocol != NULL)
		(void)buf_addf(&b, ", by %s", r->protocol);
	if (r->client != NULL)
		(void)buf_addf(&b, " from %s", r->client);
	if (r->helo != NULL)
		(void)buf_addf(&b, " (%s)", r->helo);
	if (r->auth != NULL)
		(void)buf_addf(&b, ", user %s", r->auth);
	if (r->listener != NULL)
		(void)buf_addf(&b, ", listener %s", r->listener);
	print_line("received", buf_str(&b));
	buf_free(&b);
}

/* Of fetched mail: "old, folder INBOX, UID 12"; of copied mail, whose memory is one of its own, "old (copied), …". */
static void print_source(const struct spool_record *r)
{
	struct buf b;

	if (r->source == NULL)
		return;
	buf_init(&b, LINE_BYTES);
	if (strncmp(r->source, COPY, sizeof COPY - 1) == 0)
		(void)buf_addf(&b, "%s (copied)", r->source + sizeof COPY - 1);
	else
		(void)buf_add_str(&b, r->source);
	if (r->origin_folder != NULL && r->origin_folder[0] != '\0')
		(void)buf_addf(&b, ", folder %s", r->origin_folder);
	if (r->uid != 0)
		(void)buf_addf(&b, ", UID %u", (unsigned)r->uid);
	if (r->uidl != NULL && r->uidl[0] != '\0')
		(void)buf_addf(&b, ", UIDL %s", r->uidl);
	print_line("source", buf_str(&b));
	buf_free(&b);
}

static void print_recipient(const struct spool_record_recipient *rcpt)
{
	struct buf b;

	buf_init(&b, LINE_BYTES);
	(void)buf_addf(&b, "%s", rcpt->address);
	if (rcpt->account != NULL && strcmp(rcpt->account, CONFIG_RELAY) != 0)
		(void)buf_addf(&b, ", account %s", rcpt->account);
	if (rcpt->verdict != NULL)
		(void)buf_addf(&b, ": %s", rcpt->verdict);
	print_line("recipient", buf_str(&b));
	buf_free(&b);
}

/* What happened to delivery NUMBER, a line each. */
static void print_steps(const struct spool_record *r, int64_t number)
{
	int last = 0;

	for (size_t i = 0; i < r->nsteps; i++) {
		const struct spool_record_step *s = &r->steps[i];
		char time[TEXT_TIME_SIZE];
		struct buf b;

		if (s->delivery != number)
			continue;
		if (s->n != last + 1)
			(void)printf("  %-11s … (%d lines are not kept)\n", "", s->n - last - 1);
		last = s->n;
		text_time(s->at_ms, time);
		buf_init(&b, LINE_BYTES);
		(void)buf_addf(&b, "%s %s", time, delivery_state_name(s->state));
		if (s->words != NULL)
			(void)buf_addf(&b, ": %s", s->words);
		print_line(s->n == 1 ? "  history" : "", buf_str(&b));
		buf_free(&b);
	}
}

static void print_delivery(const struct spool_record *r, const struct spool_record_delivery *d,
			   const struct holds *holds)
{
	char time[TEXT_TIME_SIZE];
	struct buf b;

	buf_init(&b, LINE_BYTES);
	if (is_outward(d))
		(void)buf_addf(&b, "%s: %s, to %s by the relay", d->id, delivery_state_name(d->state), d->folder);
	else
		(void)buf_addf(&b, "%s: %s, %s of account %s", d->id, delivery_state_name(d->state), d->folder,
			       d->account);
	if (d->uid != 0)
		(void)buf_addf(&b, ", UID %u (UIDVALIDITY %u)", (unsigned)d->uid, (unsigned)d->uidvalidity);
	if (d->since_ms != 0) {
		text_time(d->since_ms, time);
		(void)buf_addf(&b, ", since %s", time);
	}
	if (d->attempts > 1)
		(void)buf_addf(&b, ", sent %d times", d->attempts);
	print_line("delivery", buf_str(&b));
	print_line("  rule", d->rule);
	print_line("  flags", d->flags);
	print_line("  note", d->note);
	if (is_outward(d) && d->state == DELIVERY_DONE)
		print_line("  answer", d->reason);
	buf_clear(&b);
	delivery_why(d, holds_of(holds, d->account), &b);
	print_line("  why", buf_str(&b));
	buf_free(&b);
	print_steps(r, d->number);
}

void record_print(const struct spool_record *r, const struct holds *holds)
{
	(void)printf("message %s\n", r->id);
	print_received(r);
	print_source(r);
	print_line("caused by", r->parent);
	print_line("caused", r->causes);
	print_line("sender", r->sender == NULL || r->sender[0] == '\0' ? "<> (the null sender)" : r->sender);
	print_line("from", r->from);
	print_line("subject", r->subject);
	print_line("message-id", r->message_id);
	print_line("session", r->session);
	for (size_t i = 0; i < r->nrecipients; i++)
		print_recipient(&r->recipients[i]);
	for (size_t i = 0; i < r->ndeliveries; i++)
		print_delivery(r, &r->deliveries[i], holds);
	if (r->ndeliveries == 0)
		print_line("delivery", "none: the rules asked for none");
}

/* ---- for programs ---- */

static void put_str(json_t *o, const char *key, const char *value)
{
	struct buf b;

	if (value == NULL) {
		(void)json_object_set_new(o, key, json_null());
		return;
	}
	buf_init(&b, LINE_BYTES);
	text_utf8(&b, value);
	(void)json_object_set_new(o, key, json_string(buf_str(&b)));
	buf_free(&b);
}

static void put_time(json_t *o, const char *key, int64_t wall_ms)
{
	char stamp[CLOCK_STAMP_SIZE];

	if (wall_ms != 0 && wall_ms != INT64_MAX)
		clock_stamp(wall_ms, stamp);
	put_str(o, key, wall_ms != 0 && wall_ms != INT64_MAX ? stamp : NULL);
}

static void put_number(json_t *o, const char *key, int64_t n)
{
	(void)json_object_set_new(o, key, json_integer(n));
}

static json_t *delivery_object(const struct spool_record_delivery *d, const char *id_key, const struct holds *holds)
{
	const struct hold *hold = delivery_waits(d->state) ? holds_of(holds, d->account) : NULL;
	json_t *o = json_object();

	put_str(o, id_key, d->id);
	put_str(o, "account", d->account);
	put_str(o, "state", delivery_state_name(d->state));
	put_str(o, "folder", d->folder);
	put_str(o, "flags", d->flags);
	put_str(o, "rule", d->rule);
	put_str(o, "note", d->note);
	put_str(o, "reason", d->reason);
	put_number(o, "attempts", d->attempts);
	put_time(o, "due", delivery_waits(d->state) ? d->due_ms : 0);
	put_time(o, "since", d->since_ms);
	put_time(o, "doubt", d->doubt_ms);
	put_time(o, "account_held_until", hold == NULL ? 0 : hold->until_ms);
	put_str(o, "account_held_for", hold == NULL ? NULL : hold->reason);
	if (d->uid != 0) {
		put_number(o, "uidvalidity", d->uidvalidity);
		put_number(o, "uid", d->uid);
	}
	return o;
}

static void put_message(json_t *o, const struct spool_record *r)
{
	put_str(o, "id", r->id);
	put_time(o, "received", r->received_ms);
	put_number(o, "size", (int64_t)r->size);
	put_str(o, "sender", r->sender);
	put_str(o, "from", r->from);
	put_str(o, "subject", r->subject);
	put_str(o, "message_id", r->message_id);
}

static void put_source(json_t *o, const struct spool_record *r)
{
	put_str(o, "source", r->source);
	if (r->source == NULL)
		return;
	put_str(o, "source_folder", r->origin_folder);
	put_str(o, "source_uidl", r->uidl);
	if (r->uid != 0)
		put_number(o, "source_uid", r->uid);
}

static void print_object(json_t *o)
{
	/* A failure to write is found when standard output is closed. */
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(o);
}

static json_t *steps_array(const struct spool_record *r, int64_t number)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nsteps; i++) {
		const struct spool_record_step *s = &r->steps[i];
		json_t *o;

		if (s->delivery != number)
			continue;
		o = json_object();
		put_number(o, "n", s->n);
		put_time(o, "at", s->at_ms);
		put_str(o, "state", delivery_state_name(s->state));
		put_number(o, "attempts", s->attempt);
		put_str(o, "what", s->words);
		(void)json_array_append_new(list, o);
	}
	return list;
}

void record_print_json(const struct spool_record *r, const struct holds *holds)
{
	json_t *o = json_object(), *list = json_array();

	put_message(o, r);
	put_time(o, "finished", r->finished_ms);
	put_str(o, "session", r->session);
	put_str(o, "protocol", r->protocol);
	put_str(o, "client", r->client);
	put_str(o, "helo", r->helo);
	put_str(o, "listener", r->listener);
	put_str(o, "auth", r->auth);
	put_source(o, r);
	put_str(o, "caused_by", r->parent);
	put_str(o, "caused", r->causes);
	for (size_t i = 0; i < r->nrecipients; i++) {
		json_t *rcpt = json_object();

		put_str(rcpt, "address", r->recipients[i].address);
		put_str(rcpt, "account", r->recipients[i].account);
		put_str(rcpt, "verdict", r->recipients[i].verdict);
		(void)json_array_append_new(list, rcpt);
	}
	(void)json_object_set_new(o, "recipients", list);
	list = json_array();
	for (size_t i = 0; i < r->ndeliveries; i++) {
		json_t *d = delivery_object(&r->deliveries[i], "id", holds);

		(void)json_object_set_new(d, "history", steps_array(r, r->deliveries[i].number));
		(void)json_array_append_new(list, d);
	}
	(void)json_object_set_new(o, "deliveries", list);
	print_object(o);
}

void delivery_print_json(const struct spool_record *r, const struct spool_record_delivery *d, const struct holds *holds)
{
	json_t *o = json_object(), *more = delivery_object(d, "delivery", holds);

	put_message(o, r);
	put_source(o, r);
	(void)json_object_update(o, more);
	json_decref(more);
	print_object(o);
}
