/* AUTH (RFC 4954): who the client is. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/sasl_server.h"
#include "smtp/guesses.h"
#include "smtp/internal.h"

enum {
	FAILURES_MAX = 5, /* of a session; then it is ended */
	DELAY_MS = 1000,  /* after the first; doubled each time */
	DELAY_MS_MAX = 8000
};

/* An exchange that is going on. */
struct smtp_auth {
	struct sasl_server *sasl;
	struct sasl_server_setup setup;
	struct binding bindings[BINDING_TYPES];
	int way;
};

/* ---- what there is ---- */
bool smtp_has_auth(const struct smtp_session *s)
{
	return s->listener->auth != CONFIG_AUTH_OFF && s->service->users != NULL;
}

bool smtp_needs_auth(const struct smtp_session *s)
{
	return s->listener->auth == CONFIG_AUTH_REQUIRED && s->user == NULL;
}

size_t smtp_line_max(const struct smtp_session *s, struct slice in)
{
	return s->state == SMTP_AUTH || (smtp_has_auth(s) && slice_starts_nocase(in, SLICE_LIT("AUTH "))) ? SMTP_AUTH_MAX
												      : SMTP_COMMAND_MAX;
}

/* Nobody can listen in: TLS, a UNIX socket; or the operator takes the risk. */
static bool is_private(const struct smtp_session *s)
{
	return s->tls.on || s->ip[0] == '\0' || s->listener->auth_plaintext;
}

static void setup_fill(const struct smtp_session *s, struct binding bindings[BINDING_TYPES],
		       struct sasl_server_setup *setup)
{
	*setup = (struct sasl_server_setup){ .users = s->service->users };
	if (!s->tls.on || s->tls.bind == NULL)
		return;
	s->tls.bind(s->tls.bind_arg, bindings);
	setup->bindings = bindings;
}

bool smtp_auth_list(const struct smtp_session *s, struct buf *line)
{
	struct binding bindings[BINDING_TYPES];
	struct sasl_server_setup setup;
	bool any = false;

	if (!smtp_has_auth(s) || s->user != NULL || smtp_needs_tls(s))
		return false;
	setup_fill(s, bindings, &setup);
	for (int way = 0; way < SASL_SERVER_WAYS; way++) {
		if (!sasl_server_able(way, &setup) || (sasl_server_shows(way) && !is_private(s)))
			continue;
		(void)buf_addf(line, "%s%s", any ? " " : "", sasl_server_name(way));
		any = true;
	}
	return any && !buf_failed(line);
}

void smtp_auth_free(struct smtp_session *s)
{
	if (s->auth == NULL)
		return;
	sasl_server_free(&s->auth->sasl);
	mem_wipe(s->auth, sizeof *s->auth);
	free(s->auth);
	s->auth = NULL;
}

/* ---- how it ends ---- */
static void leave(struct smtp_session *s)
{
	smtp_auth_free(s);
	smtp_enter(s, SMTP_IDLE);
}

static void passed(struct smtp_session *s, const struct guess *g)
{
	guess_right(g, s->service->now());
	s->user = mem_strdup(sasl_server_user(s->auth->sasl));
	s->mechanism = sasl_server_name(s->auth->way);
	s->failures = 0;
	log_info("authenticated", LOG_STR("client", s->client), LOG_STR("user", s->user),
		 LOG_STR("mechanism", s->mechanism), LOG_STR("session", s->id));
	leave(s);
	smtp_say(s, 235, "2.7.0", "Authentication succeeded");
}

/* The line that fail2ban reads (docs/users.md): the client stands in front of all that it has said itself. */
static void log_failure(const struct smtp_session *s, const char *user, const char *reason)
{
	log_warning("auth-failed", LOG_STR("client", s->client), LOG_STR("user", user),
		    LOG_STR("mechanism", sasl_server_name(s->auth->way)), LOG_STR("reason", reason),
		    LOG_STR("session", s->id));
}

static void failed(struct smtp_session *s, const struct guess *g, bool checked)
{
	const unsigned before = s->failures < 3 ? s->failures : 3;
	const int64_t delay = (int64_t)DELAY_MS << before;

	_Static_assert(DELAY_MS << 3 == DELAY_MS_MAX, "doubled three times");
	if (checked)
		guess_wrong(g, s->service->now());
	log_failure(s, g->user, sasl_server_reason(s->auth->sasl));
	leave(s);
	if (++s->failures >= FAILURES_MAX) {
		smtp_end(s, 421, "4.7.0", "Too many failures to authenticate");
		return;
	}
	smtp_say(s, 535, "5.7.8", "User or password are not right");
	s->delay_ms = s->service->now() + delay;
}

/* Before the password was even looked at. */
static void put_off(struct smtp_session *s, const struct guess *g, enum guess_answer answer)
{
	static const char *const reasons[] = { [GUESS_ADDRESS] = "too many failures from this address",
					       [GUESS_USER] = "too many failures for this user",
					       [GUESS_WORK] = "too many logins at once" };

	/* To the one who watches the log it is no less a guess. */
	if (answer == GUESS_WORK)
		log_warning("auth-put-off", LOG_STR("client", s->client), LOG_STR("user", g->user),
			    LOG_STR("reason", reasons[answer]), LOG_STR("session", s->id));
	else
		log_failure(s, g->user, reasons[answer]);
	leave(s);
	if (answer == GUESS_ADDRESS)
		smtp_end(s, 421, "4.7.0", "Too many failures to authenticate from your address, try again later");
	else
		smtp_say(s, 454, "4.7.0", "Not just now, try again later");
}

static void go_on(struct smtp_session *s, enum sasl_server_said said, struct buf *challenge)
{
	struct guess g = { .meter = s->service->meter,
			   .config = s->service->config,
			   .address = s->known.address,
			   .user = sasl_server_user(s->auth->sasl) };
	const bool checked = said == SASL_CLAIMS;
	enum guess_answer answer;

	if (said == SASL_REFUSED && guess_refused(&g, s->service->now()) != GUESS_ALLOWED) {
		put_off(s, &g, GUESS_ADDRESS);
		return;
	}
	if (checked) {
		g.cost = sasl_server_cost(s->auth->sasl);
		answer = guess_ask(&g, s->service->now());
		if (answer != GUESS_ALLOWED) {
			put_off(s, &g, answer);
			return;
		}
		said = sasl_server_check(s->auth->sasl, challenge);
	}
	switch (said) {
	case SASL_ASKS:
		(void)buf_addf(&s->out, "334 %s\r\n", buf_str(challenge));
		break;
	case SASL_PASSED:
		passed(s, &g);
		break;
	case SASL_REFUSED:
		failed(s, &g, checked);
		break;
	case SASL_NONSENSE:
		leave(s);
		smtp_say(s, 501, "5.5.2", "That is not base64 of what the mechanism asks for");
		break;
	case SASL_CLAIMS:
	case SASL_BROKEN:
		leave(s);
		smtp_say(s, 454, "4.7.0", "Passwords can't be checked just now, try again later");
		break;
	}
}

/* RESPONSE: NULL where there is none. */
static void step(struct smtp_session *s, const struct slice *response)
{
	struct buf challenge;

	buf_init(&challenge, SMTP_AUTH_MAX);
	go_on(s, sasl_server_step(s->auth->sasl, response, &challenge), &challenge);
	buf_wipe(&challenge);
}

/* ---- what is said ---- */
/* True when the command has been answered: it can't be. */
static bool refuse(struct smtp_session *s, int way, const struct sasl_server_setup *setup)
{
	if (way == SASL_SERVER_NONE || !sasl_server_able(way, setup))
		smtp_say(s, 504, "5.5.4", "That mechanism is not known here");
	else if (sasl_server_shows(way) && !is_private(s))
		smtp_say(s, 538, "5.7.11", "Encryption is required for that mechanism: give STARTTLS first");
	else
		return false;
	return true;
}

/* True when AUTH is out of order, and that was answered. */
static bool out_of_order(struct smtp_session *s)
{
	if (s->service->leaving)
		smtp_end(s, 421, "4.3.2", "The service has new settings, connect again");
	else if (!smtp_has_auth(s))
		smtp_say(s, 502, "5.5.1", "AUTH is not offered here");
	else if (s->user != NULL)
		smtp_say(s, 503, "5.5.1", "You have authenticated already");
	else if (s->state != SMTP_IDLE)
		smtp_say(s, 503, "5.5.1", s->state == SMTP_GREETED ? "Send EHLO first" : "Not inside a transaction");
	else if (smtp_needs_tls(s))
		smtp_say(s, 538, "5.7.11", "Encryption is required: give STARTTLS first");
	else
		return false;
	return true;
}

void smtp_auth(struct smtp_session *s, struct slice args)
{
	struct slice name = slice_of(args.p, slice_find(args, ' '));
	struct slice response = slice_trim(slice_skip(args, name.n));
	const struct slice none = SLICE_NONE;
	struct smtp_auth *a;

	if (out_of_order(s))
		return;
	if (name.n == 0 || slice_find(response, ' ') < response.n) {
		smtp_say(s, 501, "5.5.4", "Expected AUTH, a mechanism, and perhaps an initial response");
		return;
	}
	a = s->auth = mem_alloc(sizeof *a);
	a->way = sasl_server_way(name);
	setup_fill(s, a->bindings, &a->setup);
	if (refuse(s, a->way, &a->setup)) {
		smtp_auth_free(s);
		return;
	}
	a->sasl = sasl_server_new(a->way, &a->setup);
	smtp_enter(s, SMTP_AUTH);
	/* "=" is an initial response of no octets (RFC 4954, 4). */
	step(s, response.n == 0 ? NULL : slice_eq(response, SLICE_LIT("=")) ? &none : &response);
}

void smtp_auth_answer(struct smtp_session *s, struct slice line, bool more)
{
	if (more) {
		smtp_auth_hasty(s);
	} else if (slice_eq(line, SLICE_LIT("*"))) {
		leave(s);
		smtp_say(s, 501, "5.7.0", "Authentication cancelled");
	} else {
		step(s, &line);
	}
}

void smtp_auth_hasty(struct smtp_session *s)
{
	smtp_end(s, 554, "5.5.0", "You must wait for the reply to AUTH before you go on");
}

void smtp_auth_long(struct smtp_session *s)
{
	if (s->state == SMTP_AUTH)
		leave(s);
	smtp_say(s, 500, "5.5.6", "A line of AUTH may have %d octets at most", SMTP_AUTH_MAX);
}
