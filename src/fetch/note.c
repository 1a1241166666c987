#include "fetch/note.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "msg/summary.h"

enum { NOTE_MAX = 16 * 1024, WORD_MAX = 300 };

struct note {
	struct intake_message *message;
	bool done;
};

static void note_resume(void *arg)
{
	(void)arg; /* a note is never so large that it had to wait */
}

static void note_done(void *arg)
{
	struct note *n = arg;

	n->done = true;
}

static void add_line(struct buf *out, const char *label, const char *text)
{
	char *clean = summary_text(slice_str(text), WORD_MAX);

	if (*clean != '\0')
		(void)buf_addf(out, "%s%s\r\n", label, clean);
	free(clean);
}

/* Lines stay under 998 octets (RFC 5322, 2.1.1), as every word in them is cut. */
static void compose(const struct visit *v, const struct item *item, const char *reason, struct slice head,
		    const char *id, struct buf *out)
{
	const struct run *r = v->run;
	char date[CLOCK_RFC5322_SIZE];
	struct header header;
	struct summary sum;

	header_parse(&header, head);
	summary_init(&sum, &header);
	clock_rfc5322((time_t)(r->now_ms / 1000), date);
	(void)buf_addf(out, "From: mailferry <postmaster@%s>\r\n", r->setup->config->hostname);
	(void)buf_addf(out, "Subject: mailferry: a message stays at source %s\r\n", r->source.name);
	(void)buf_addf(out, "Date: %s\r\nMessage-ID: <%s.skipped@%s>\r\n", date, id, r->setup->config->hostname);
	/* So that no vacation reply answers it; what reports that a message was not received is never "auto-generated" (RFC 3834,
	 * 5.2). */
	(void)buf_add_str(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	(void)buf_addf(out, "A message was not fetched. It stays where it is, on %s", r->source.server.host);
	if (*v->folder->name != '\0')
		add_line(out, ",\r\nin folder ", v->folder->name);
	else
		(void)buf_add_str(out, ".\r\n");
	(void)buf_add_str(out, "\r\n");
	add_line(out, "Why:        it is ", reason);
	add_line(out, "From:       ", sum.from);
	add_line(out, "Subject:    ", sum.subject);
	add_line(out, "Message-ID: ", sum.message_id);
	if (sum.date > 0) {
		clock_rfc5322(sum.date, date);
		(void)buf_addf(out, "Date:       %s\r\n", date);
	}
	(void)buf_addf(out, "Size:       %llu octets\r\n", (unsigned long long)item->size);
	summary_free(&sum);
	header_free(&header);
}

static int submit(struct visit *v, struct note *n, struct slice text)
{
	if (intake_add(n->message, text) != INTAKE_STOP && !intake_finish(n->message))
		while (!n->done)
			if (run_turn_wait(v->run) != 0)
				return -1;
	return 0;
}

int note_skipped(struct visit *v, const struct item *item, const struct spool_origin *o, struct slice head, bool *noted)
{
	static const struct intake_events events = { .resume = note_resume, .done = note_done };
	struct run *r = v->run;
	const struct intake_fetched fetched = { .origin = o,
						.flags = "",
						.source = &r->source,
						.folder = "INBOX",
						.account = config_account(r->setup->config, r->source.account) };
	const struct intake_envelope env = {
		.protocol = "notice", .helo = r->setup->config->hostname, .sender = "", .fetched = &fetched
	};
	struct note n = { 0 };
	enum intake_result result = INTAKE_LOST;
	const char *why = NULL;
	struct buf text;

	if (fetched.account == NULL)
		return 0;
	buf_init(&text, NOTE_MAX);
	n.message = intake_begin(r->setup->intake, &env, &events, &n);
	compose(v, item, o->reason, head, intake_id(n.message), &text);
	if (submit(v, &n, buf_slice(&text)) == 0)
		result = intake_outcome(n.message, &why);
	*noted = result == INTAKE_ACCEPTED;
	if (!*noted && result != INTAKE_LOST && result != INTAKE_FULL)
		log_warning("note-not-taken", LOG_STR("source", r->source.name), LOG_STR("why", why));
	intake_end(&n.message);
	buf_free(&text);
	if (r->stopped)
		return -1;
	if (result == INTAKE_LOST)
		return run_stop(r, RUN_LOST, "the spool went away");
	return result == INTAKE_FULL ? run_stop(r, RUN_FULL, "the spool takes nothing now") : 0;
}
