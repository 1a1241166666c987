#include "outgoing.h"

#include <stdlib.h>

#include "base/encode.h"
#include "base/mem.h"
#include "reply/reply.h"

static const char postmaster[] = "postmaster@example.com";

/* Text as it is, or NULL as an empty one. */
static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

char *outgoing_sender(const struct suite *s, const char *name)
{
	const char *value = settings_get(&s->settings, name);
	const char *user = settings_get(&s->settings, "sieve_user_email");
	struct slice policy = slice_trim(slice_str(value));
	char *address;

	/* What came from nobody goes on from nobody: else two machines could send each other errors for ever. */
	if (or_empty(s->envelope.from)[0] == '\0' || policy.n == 0 || slice_eq_nocase(policy, SLICE_LIT("sender")))
		return mem_strdup(or_empty(s->envelope.from));
	if (slice_eq_nocase(policy, SLICE_LIT("recipient")))
		return mem_strdup(or_empty(s->envelope.to));
	if (slice_eq_nocase(policy, SLICE_LIT("orig_recipient")))
		return mem_strdup(or_empty(s->envelope.orig_to));
	if (slice_eq_nocase(policy, SLICE_LIT("postmaster")))
		return mem_strdup(postmaster);
	if (slice_eq_nocase(policy, SLICE_LIT("user_email"))) {
		address = user != NULL ? envelope_address(slice_str(user), 0) : NULL;
		return address != NULL ? address : mem_strdup(or_empty(s->envelope.to));
	}
	address = envelope_address(policy, ENVELOPE_NULL_OK);
	return address != NULL ? address : mem_strdup(or_empty(s->envelope.from));
}

bool outgoing_render(const struct suite *s, const struct plan_content *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct plan_piece *piece = &c->pieces[i];

		if (piece->text == NULL && (piece->at > s->letter->n || piece->n > s->letter->n - piece->at))
			return false;
		if (buf_add(out, piece->text != NULL ? piece->text : s->letter->bytes + piece->at, piece->n) != 0)
			return false;
	}
	return true;
}

/* The subject of an answer to a message that has one, in the form of the setting, "%{subject}" in it replaced; from
 * mem_alloc. NULL: the usual one. */
static char *default_subject(const struct suite *s, const struct plan_seen *seen)
{
	static const struct slice place = { "%{subject}", 10 };
	const char *form = settings_get(&s->settings, "sieve_vacation_default_subject_template");
	struct slice rest = slice_str(form), subject = SLICE_LIT("");
	const struct header_field *f;
	struct buf text, out;
	size_t at = 0;
	char *made = NULL;

	f = header_find(&s->letter->message.header, SLICE_LIT("subject"), &at);
	if (seen->changed ? seen->subject == NULL : f == NULL)
		return mem_strdup(settings_get(&s->settings, "sieve_vacation_default_subject"));
	buf_init(&text, HEADER_TEXT_MAX);
	buf_init(&out, HEADER_TEXT_MAX);
	if (!seen->changed)
		(void)header_decode(f->value, &text);
	subject = seen->changed ? slice_str(seen->subject) : buf_slice(&text);
	while (rest.n > 0) {
		const char *found = memmem(rest.p, rest.n, place.p, place.n);
		size_t n = found != NULL ? (size_t)(found - rest.p) : rest.n;

		(void)buf_add(&out, rest.p, n);
		if (found != NULL)
			(void)buf_add_slice(&out, subject);
		rest = slice_skip(rest, found != NULL ? n + place.n : n);
	}
	if (out.n > 0)
		made = mem_strdup(buf_str(&out));
	buf_free(&text);
	buf_free(&out);
	return made;
}

static int make_answer(struct suite *s, const struct reply_frame *f, const struct plan_action *a, struct reply *r,
		       struct err *e)
{
	struct plan_answer answer = *a->answer;
	static const char *const from_fields[] = { "sender", "resent-from", "from", NULL };
	char *subject = answer.subject == NULL ? default_subject(s, &answer.seen) : NULL, *to = NULL;
	int ret;

	if (subject != NULL)
		answer.subject = subject;
	if (settings_flag(&s->settings, "sieve_vacation_to_header_ignore_envelope", false))
		to = letter_address(s->letter, from_fields);
	if (to != NULL)
		answer.to = to;
	ret = reply_vacation(f, &answer, r, e);
	free(subject);
	if (ret == 0 && to != NULL && r->nto > 0) {
		free(r->to[0]);
		r->to[0] = mem_strdup(or_empty(s->envelope.from));
	}
	free(to);
	if (ret == 0 && settings_flag(&s->settings, "sieve_vacation_send_from_recipient", false)) {
		free(r->sender);
		r->sender = mem_strdup(or_empty(s->envelope.to));
	}
	return ret;
}

static int make_notice(struct suite *s, const struct reply_frame *f, const struct plan_action *a, struct reply *r,
		       struct err *e)
{
	if (reply_notify(f, a->notice, r, e) != 0)
		return -1;
	if (settings_get(&s->settings, "sieve_notify_mailto_envelope_from") != NULL) {
		free(r->sender);
		r->sender = outgoing_sender(s, "sieve_notify_mailto_envelope_from");
	}
	return 0;
}

/* Nobody is told of what came from nobody (RFC 5429, 2.2). */
static int make_refusal(struct suite *s, const struct reply_frame *f, const struct plan_action *a, struct reply *r,
			struct err *e)
{
	if (or_empty(s->envelope.from)[0] == '\0')
		return 0;
	return reply_refusal(f, slice_str(a->reason), r, e);
}

/* The envelope, and what it holds. */
static int take(const struct suite *s, struct reply *r, struct outgoing *out, struct err *e)
{
	if (!outgoing_render(s, &r->content, &out->text))
		return err_set(e, ERR_LIMIT, 0, "the message is too large");
	out->from = mem_strdup(or_empty(r->sender));
	out->to = mem_array(r->nto + 1, sizeof *out->to);
	for (out->nto = 0; out->nto < r->nto; out->nto++)
		out->to[out->nto] = mem_strdup(r->to[out->nto]);
	return 0;
}

int outgoing_make(struct suite *s, const struct plan_action *a, struct outgoing *out, struct err *e)
{
	char id[RANDOM_ID_SIZE];
	const struct reply_frame frame = {
		.message = &s->letter->message,
		.sender = slice_str(or_empty(s->envelope.from)),
		.recipient = slice_str(or_empty(s->envelope.to)),
		.orcpt = s->input.orcpt,
		.any_author = true,
		.hostname = s->host,
		.id = id,
		.now_ms = s->input.now_ms,
	};
	struct reply r = { .nto = 0 };
	int ret = 0;

	random_id(id);
	*out = (struct outgoing){ .nto = 0 };
	buf_init(&out->text, LETTER_MAX);
	if (a->kind == PLAN_VACATION)
		ret = make_answer(s, &frame, a, &r, e);
	else if (a->kind == PLAN_NOTIFY)
		ret = make_notice(s, &frame, a, &r, e);
	else
		ret = make_refusal(s, &frame, a, &r, e);
	if (ret == 0)
		ret = take(s, &r, out, e);
	if (a->kind == PLAN_VACATION)
		out->fcc = &a->answer->fcc;
	else if (a->kind == PLAN_NOTIFY)
		out->fcc = &a->notice->fcc;
	reply_free(&r);
	return ret;
}

void outgoing_free(struct outgoing *o)
{
	for (size_t i = 0; i < o->nto; i++)
		free(o->to[i]);
	free(o->to);
	free(o->from);
	buf_free(&o->text);
}
