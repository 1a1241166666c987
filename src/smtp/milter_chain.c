#include "smtp/milter_chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "smtp/internal.h"
#include "smtp/milter_apply.h"
#include "smtp/milter_content.h"

enum { TEXTS_MAX = 8 };

struct slot {
	struct milter_chain *chain;
	struct milter *m;
	void *wire;		   /* NULL: closed */
	bool again;		   /* the wire was used before */
	bool connected, greeted;   /* was told of the client, of HELO */
	bool in_message, told;	   /* was told of MAIL; was told the stage under way */
	bool spared, done;	   /* has accepted: all of the session; this message */
	bool broken;		   /* failed in this message, and nothing goes on without it */
	bool asked;		   /* a step is under way: */
	enum milter_stage step;
	struct milter_content content;
};

struct milter_chain {
	struct smtp_session *s;
	const struct milter_wires *wires;
	struct slot *all;
	size_t n, at; /* at: whose turn it is */
	enum milter_stage stage;
	char *texts[TEXTS_MAX];
	size_t ntexts;
	bool running; /* a stage is under way */
	bool inside;  /* a call is: no smtp_resume from it */
	enum milter_verdict verdict;
	struct milter_reply reply;
	const char *by;
};

struct milter_chain *milter_chain_new(struct smtp_session *s, const struct milter_wires *wires)
{
	const struct config_listener *l = s->listener;
	struct milter_chain *c;

	if (l->nmilters == 0 || wires == NULL)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->s = s;
	c->wires = wires;
	c->all = mem_array(l->nmilters, sizeof *c->all);
	for (size_t i = 0; i < l->nmilters; i++) {
		const struct config_milter *config = config_milter(s->service->config, l->milters[i]);

		if (config == NULL)
			continue; /* `mailferry check' has the rule that it is there */
		c->all[c->n].chain = c;
		c->all[c->n++].m = milter_new(config, s->service->now);
	}
	return c;
}

static void decision_clear(struct milter_chain *c)
{
	free(c->reply.text);
	c->reply = (struct milter_reply){ 0 };
	c->verdict = MILTER_CONTINUE;
	c->by = NULL;
}

static void texts_clear(struct milter_chain *c)
{
	for (size_t i = 0; i < c->ntexts; i++)
		free(c->texts[i]);
	c->ntexts = 0;
}

/* Gives the connection back. */
static void slot_close(struct slot *x)
{
	struct milter_terms terms;
	const bool again = milter_end(x->m, &terms);

	if (x->wire != NULL)
		x->chain->wires->close(x->wire, again ? &terms : NULL);
	milter_terms_free(&terms);
	x->wire = NULL;
	x->connected = x->greeted = x->in_message = x->asked = x->spared = false;
}

void milter_chain_free(struct milter_chain **chain)
{
	struct milter_chain *c = *chain;

	if (c == NULL)
		return;
	c->running = false;
	for (size_t i = 0; i < c->n; i++) {
		slot_close(&c->all[i]);
		milter_content_end(&c->all[i].content);
		milter_free(&c->all[i].m);
	}
	decision_clear(c);
	texts_clear(c);
	free(c->all);
	free(c);
	*chain = NULL;
}

enum milter_verdict milter_chain_verdict(const struct milter_chain *c)
{
	return c->verdict;
}

const struct milter_reply *milter_chain_reply(const struct milter_chain *c)
{
	return &c->reply;
}

const char *milter_chain_by(const struct milter_chain *c)
{
	return c->by == NULL ? "" : c->by;
}

bool milter_chain_takes_refused(const struct milter_chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->all[i].in_message && !c->all[i].done &&
		    (milter_terms(c->all[i].m)->protocol & MILTER_TAKES_REFUSED) != 0)
			return true;
	return false;
}

/* ---- one milter ---- */

enum go { GO_WAIT, GO_NEXT /* this milter has had the stage */, GO_DECIDED };

static const char *name_of(const struct slot *x)
{
	return milter_config(x->m)->name;
}

static void moved(void *arg);

static void slot_open(struct slot *x, bool fresh)
{
	struct milter_chain *c = x->chain;

	milter_open(x->m);
	x->again = false;
	x->connected = x->greeted = x->in_message = x->asked = x->told = false;
	x->wire = c->wires->open(c->wires->arg, x->m, fresh, &x->again, moved, x);
}

static enum go refuse(struct slot *x, int code, const char *enhanced, const char *text)
{
	struct milter_chain *c = x->chain;

	c->verdict = MILTER_REFUSE;
	c->reply.code = code;
	memcpy(c->reply.enhanced, enhanced, strlen(enhanced) + 1);
	c->reply.text = mem_strdup(text);
	c->by = name_of(x);
	return GO_DECIDED;
}

static enum go unavailable(struct slot *x)
{
	return refuse(x, 451, "4.7.1", "A filter that must see this mail is not available, try again later");
}

static bool before_mail(enum milter_stage stage)
{
	return stage == MILTER_AT_CONNECT || stage == MILTER_AT_HELO || stage == MILTER_AT_UNKNOWN;
}

static enum go slot_failed(struct slot *x)
{
	struct milter_chain *c = x->chain;
	const bool accept = milter_config(x->m)->on_failure == CONFIG_FAILURE_ACCEPT;
	/* What of the new body is there can't be taken back, and the old one is no longer what it asked for. */
	const bool torn = x->content.new_body;
	/* No message suffers: there is none that it has heard of. */
	const bool outside = before_mail(c->stage) && !x->in_message;

	/* An old connection that the milter had given up says nothing about the milter. */
	if (x->again && !milter_heard(x->m) && (outside || c->stage == MILTER_AT_MAIL)) {
		slot_close(x);
		slot_open(x, true);
		return GO_NEXT; /* once more */
	}
	log_warning("milter-failed", LOG_STR("session", c->s->id), LOG_STR("milter", name_of(x)),
		    LOG_STR("reason", milter_why(x->m)),
		    LOG_STR("effect", outside	    ? "it is tried again when mail comes"
				      : accept && !torn	    ? "mail is taken without it"
							    : "the client is told to come back later"));
	slot_close(x);
	milter_content_end(&x->content);
	if (outside)
		return GO_NEXT;
	x->done = accept && !torn;
	x->broken = !x->done;
	return x->done ? GO_NEXT : unavailable(x);
}

static void copy_reply(struct milter_chain *c, const struct milter_reply *r)
{
	free(c->reply.text);
	c->reply = *r;
	c->reply.text = mem_strdup(r->text);
}

/* The answer to a step. GO_WAIT: go on with this milter. */
static enum go answered(struct slot *x)
{
	struct milter_chain *c = x->chain;

	x->asked = false;
	switch (milter_verdict(x->m)) {
	case MILTER_CONTINUE:
		return GO_WAIT;
	case MILTER_SKIP:
		milter_content_skip(&x->content);
		return GO_WAIT;
	case MILTER_ACCEPT:
		if (x->step == MILTER_AT_CONNECT || x->step == MILTER_AT_HELO)
			x->spared = true;
		else if (x->step != MILTER_AT_EOM && x->step != MILTER_AT_UNKNOWN)
			x->done = true;
		return GO_WAIT;
	case MILTER_REFUSE:
		copy_reply(c, milter_reply(x->m));
		break;
	default:
		break;
	}
	c->verdict = milter_verdict(x->m);
	c->by = name_of(x);
	return GO_DECIDED;
}

/* Tells the next step towards the stage. False: there is none left. */
static bool step(struct slot *x)
{
	struct milter_chain *c = x->chain;
	struct smtp_session *s = c->s;
	struct slice texts[TEXTS_MAX];

	if (x->spared || x->done)
		return false;
	x->asked = true;
	if (!x->connected) {
		x->connected = true;
		x->step = MILTER_AT_CONNECT;
		milter_connect_tell(x->m, s);
		return true;
	}
	if (!x->greeted && s->helo != NULL && (c->stage != MILTER_AT_HELO || c->ntexts == 0)) {
		x->greeted = true;
		x->step = MILTER_AT_HELO;
		texts[0] = slice_str(s->helo);
		milter_tell(x->m, MILTER_AT_HELO, texts, 1, milter_fact, s);
		return true;
	}
	x->asked = false;
	if (x->told || c->stage == MILTER_AT_CONNECT)
		return false;
	/* A milter that came later has not heard of this message. */
	if (c->stage != MILTER_AT_HELO && c->stage != MILTER_AT_MAIL && c->stage != MILTER_AT_UNKNOWN && !x->in_message)
		return false;
	x->asked = true;
	if (c->stage == MILTER_AT_EOM) {
		x->step = milter_content_tell(&x->content, x->m, s);
		x->told = x->step == MILTER_AT_EOM;
		return true;
	}
	x->told = true;
	x->step = c->stage;
	for (size_t i = 0; i < c->ntexts; i++)
		texts[i] = slice_str(c->texts[i]);
	if (c->stage == MILTER_AT_HELO)
		x->greeted = true;
	if (c->stage == MILTER_AT_MAIL)
		x->in_message = true;
	milter_tell(x->m, c->stage, texts, c->ntexts, milter_fact, s);
	return true;
}

/* A new body comes in. */
static enum go take_body(struct slot *x)
{
	struct milter_chain *c = x->chain;

	while (milter_edits(x->m)->body.n > 0) {
		switch (milter_content_body(&x->content, x->m, c->s)) {
		case INTAKE_GO:
			break;
		case INTAKE_WAIT:
			return GO_WAIT;
		case INTAKE_STOP:
		default:
			if (c->s->t->message != NULL && x->content.refused) {
				milter_lost(x->m, "the body that it wants is larger than a message may be, or holds a NUL");
				return slot_failed(x);
			}
			c->verdict = MILTER_NONE;
			return GO_DECIDED;
		}
		(void)milter_input(x->m, SLICE_NONE);
	}
	return GO_NEXT;
}

static enum go slot_go(struct slot *x)
{
	struct milter_chain *c = x->chain;
	enum go go;

	for (;;) {
		if (x->broken && !before_mail(c->stage))
			return unavailable(x);
		if (x->spared || x->done)
			return GO_NEXT;
		if (x->content.waits)
			return GO_WAIT;
		switch (milter_state(x->m)) {
		case MILTER_CLOSED:
			/* It is opened where a session or a message begins. */
			if (c->stage != MILTER_AT_CONNECT && c->stage != MILTER_AT_MAIL)
				return GO_NEXT;
			slot_open(x, false);
			break;
		case MILTER_FAILED:
			go = slot_failed(x);
			if (go == GO_NEXT && milter_state(x->m) == MILTER_CLOSED)
				return GO_NEXT;
			if (go == GO_DECIDED)
				return go;
			break;
		case MILTER_OPENING:
		case MILTER_ASKED:
			if (x->wire == NULL)
				return GO_WAIT;
			if (milter_edits(x->m)->body.n > 0) {
				go = take_body(x);
				if (go != GO_NEXT)
					return go;
				break;
			}
			c->wires->flush(x->wire);
			if (milter_state(x->m) == MILTER_OPENING || milter_state(x->m) == MILTER_ASKED)
				return GO_WAIT;
			break;
		case MILTER_READY:
			if (x->asked) {
				const bool end = x->step == MILTER_AT_EOM;

				go = answered(x);
				if (end) {
					x->in_message = false;
					if (go == GO_WAIT && !milter_content_told(&x->content, x->m, c->s)) {
						c->verdict = MILTER_NONE;
						return GO_DECIDED;
					}
					if (go == GO_WAIT && milter_apply(c->s, x->m) != 0) {
						milter_lost(x->m, "its changes can't be made: the header would be too large");
						break;
					}
					milter_content_end(&x->content);
				}
				if (go != GO_WAIT)
					return go;
				break;
			}
			if (milter_output(x->m)->n > MILTER_OUTPUT_PAUSE) {
				c->wires->flush(x->wire);
				if (milter_state(x->m) == MILTER_READY && milter_output(x->m)->n > MILTER_OUTPUT_PAUSE)
					return GO_WAIT;
				break;
			}
			if (!step(x))
				return GO_NEXT;
			if (c->stage == MILTER_AT_EOM && c->s->t->message != NULL && x->content.lost) {
				c->verdict = MILTER_NONE;
				return GO_DECIDED;
			}
			break;
		}
	}
}

/* ---- all of them ---- */

/* True: the stage is over. */
static bool chain_go(struct milter_chain *c)
{
	enum go go;

	while (c->at < c->n) {
		go = slot_go(&c->all[c->at]);
		if (go == GO_WAIT)
			return false;
		if (go == GO_DECIDED)
			break;
		c->at++;
	}
	c->running = false;
	return true;
}

/* From a wire, or from intake. */
static void moved(void *arg)
{
	struct slot *x = arg;
	struct milter_chain *c = x->chain;

	if (c->inside)
		return; /* whoever is inside looks again */
	if (!c->running || &c->all[c->at] != x) {
		/* It has closed the connection, or talks out of turn, while nothing is asked of it. */
		if (milter_state(x->m) == MILTER_FAILED && !x->in_message)
			slot_close(x);
		return;
	}
	c->inside = true;
	const bool over = chain_go(c);

	c->inside = false;
	if (over)
		smtp_resume(c->s);
}

bool milter_chain_tell(struct milter_chain *c, enum milter_stage stage, const struct slice *texts, size_t n)
{
	bool over;

	decision_clear(c);
	texts_clear(c);
	for (size_t i = 0; i < n && i < TEXTS_MAX; i++)
		c->texts[c->ntexts++] = slice_dup(texts[i]);
	c->stage = stage;
	c->at = 0;
	for (size_t i = 0; i < c->n; i++)
		c->all[i].told = false;
	c->running = c->inside = true;
	over = chain_go(c);
	c->inside = false;
	return over;
}

bool milter_chain_resumed(struct milter_chain *c)
{
	struct slot *x;

	if (c == NULL || !c->running)
		return false;
	x = &c->all[c->at];
	if (x->content.waits) {
		x->content.waits = false;
		/* What came meanwhile was not looked at. */
		if (milter_edits(x->m)->body.n == 0)
			(void)milter_input(x->m, SLICE_NONE);
	}
	moved(x);
	return true;
}

void milter_chain_forget(struct milter_chain *c)
{
	c->running = false;
	for (size_t i = 0; i < c->n; i++) {
		struct slot *x = &c->all[i];

		milter_content_end(&x->content);
		x->done = x->broken = false;
		if (!x->in_message)
			continue;
		x->in_message = x->asked = false;
		milter_abort(x->m);
		/* It may hold much for a message that will not come. */
		if (x->wire != NULL && milter_state(x->m) == MILTER_READY)
			c->wires->flush(x->wire);
		if (milter_state(x->m) == MILTER_FAILED)
			slot_close(x);
	}
}
