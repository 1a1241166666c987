/* Who may send outward: what is worked out and checked about `relay' and `relay_for', and the question itself. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/provider.h"
#include "config/value.h"
#include "config/verify.h"
#include "msg/address.h"

enum { PORT_SUBMISSION = 587, PORT_SUBMISSIONS = 465, PORT_SMTP = 25 };

/* ---- what hangs on other keys ---- */

void relay_complete(const struct holder *h)
{
	struct config_server *s = h->server;
	const struct provider *p = s->provider == NULL ? NULL : provider_find(s->provider);

	if (p != NULL && s->host == NULL && p->smtp_host != NULL) {
		s->host = mem_strdup(p->smtp_host);
		if (!holder_given(h, "tls") && s->port == 0)
			s->tls = p->smtp_tls;
	}
	/* RFC 8314, 3.3: who speaks there at first is known. */
	if (!holder_given(h, "tls") && (s->port == PORT_SUBMISSION || s->port == PORT_SMTP))
		s->tls = CONFIG_TLS_STARTTLS;
	if (s->port == 0)
		s->port = s->tls == CONFIG_TLS_IMPLICIT ? PORT_SUBMISSIONS : PORT_SUBMISSION;
	if (!holder_given(h, "timeout"))
		s->timeout = 0;
}

/* ---- checks ---- */

static void name_verify(const struct build *b, const struct group_lines *lines, const char *group, const char *name)
{
	char path[REPORT_PATH_SIZE];

	if (strcmp(name, CONFIG_RELAY) != 0)
		return;
	(void)snprintf(path, sizeof path, "%s.%s", group, name);
	report_error(b->report, lines->line, path,
		     "the name belongs to the relay, in commands and in the queue: give it another");
}

static void group_error(struct build *b, size_t i, const char *key, const char *text)
{
	char path[REPORT_PATH_SIZE];

	(void)snprintf(path, sizeof path, "relay_for.%.120s.%s", b->config->relay_for[i].name, key);
	report_error(b->report, build_line(&b->relay_for[i], KEYS_RELAY_FOR, key), path, "%s", text);
}

static void group_verify(struct build *b, size_t i)
{
	const struct config_relay_for *g = &b->config->relay_for[i];
	struct buf text;

	if (g->nnetworks == 0 && g->nusers == 0 && !build_given(&b->relay_for[i], KEYS_RELAY_FOR, "networks") &&
	    !build_given(&b->relay_for[i], KEYS_RELAY_FOR, "users"))
		group_error(b, i, "networks",
			    "missing: give networks or users, or everybody on the Internet could send through you");
	for (size_t k = 0; k < g->nnetworks; k++) {
		if (!config_network_is_wide(&g->networks[k]))
			continue;
		buf_init(&text, 500);
		(void)buf_addf(&text, "\"");
		value_network_print(&g->networks[k], &text);
		(void)buf_addf(&text, g->networks[k].bits == 0
					  ? "\" is the whole Internet: whoever sends spam would send it through you; name "
					    "the office's own networks"
					  : "\" is a large part of the Internet: name the office's own networks, or give users");
		group_error(b, i, "networks", buf_str(&text));
		buf_free(&text);
	}
}

/* The address that our own messages bear. */
static void from_verify(const struct holder *h)
{
	const struct config_relay *r = h->b->config->relay;
	struct address a = { 0 };

	if (r->from == NULL && r->redirect_sender == CONFIG_PATH_FROM)
		verify_error(h, "redirect_sender", "is from, but the key from names no address");
	if (r->from != NULL && (address_parse(slice_str(r->from), true, &a) != ADDRESS_OK || a.domain[0] == '\0'))
		verify_error(h, "from", "is no address: give one such as \"office@example.net\"");
	address_free(&a);
}

void relay_verify(struct build *b)
{
	const struct config *c = b->config;

	for (size_t i = 0; i < c->naccounts; i++)
		name_verify(b, &b->accounts[i], "accounts", c->accounts[i].name);
	for (size_t i = 0; i < c->nsources; i++)
		name_verify(b, &b->sources[i], "sources", c->sources[i].name);
	if (c->nrelay_for > 0 && c->relay == NULL)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "relay_for"), "relay_for",
			     "there is no relay: give the server that mail goes out through, relay = { host = … }");
	for (size_t i = 0; i < c->nrelay_for; i++)
		group_verify(b, i);
	if (c->relay != NULL) {
		struct holder h = holder_relay(b);

		if (c->relay->retry_max < c->relay->retry_min)
			verify_error(&h, "retry_max", "smaller than retry_min");
		from_verify(&h);
		if (holder_given(&h, "compress"))
			verify_error(&h, "compress", "SMTP has no compression: take it away");
	}
}

/* ---- who may ---- */

static bool has_client(const struct config_relay_for *g, const char *ip, const char *user)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };
	const void *address = NULL;

	for (size_t i = 0; i < g->nusers && user != NULL; i++)
		if (strcmp(g->users[i], user) == 0)
			return true;
	if (ip == NULL || ip[0] == '\0')
		return false;
	if (inet_pton(AF_INET, ip, &four.sin_addr) == 1)
		address = &four;
	else if (inet_pton(AF_INET6, ip, &six.sin6_addr) == 1)
		address = &six;
	for (size_t i = 0; i < g->nnetworks && address != NULL; i++)
		if (config_network_has(&g->networks[i], address))
			return true;
	return false;
}

static bool has_sender(const struct config_relay_for *g, struct slice sender)
{
	const char *at = sender.n == 0 ? NULL : strrchr(sender.p, '@');

	for (size_t i = 0; i < g->nsenders && at != NULL; i++) {
		struct slice allowed = slice_str(g->senders[i]);

		if (slice_eq_nocase(allowed, allowed.p[0] == '@' ? slice_str(at) : sender))
			return true;
	}
	return false;
}

const struct config_relay_for *config_relay_group(const struct config *c, const char *ip, const char *user,
						  const char *sender)
{
	for (size_t i = 0; i < c->nrelay_for && c->relay != NULL; i++) {
		const struct config_relay_for *g = &c->relay_for[i];

		if (has_sender(g, slice_str(sender)) && has_client(g, ip, user))
			return g;
	}
	return NULL;
}

bool config_relay_client(const struct config *c, const char *ip, const char *user)
{
	for (size_t i = 0; i < c->nrelay_for && c->relay != NULL; i++)
		if (has_client(&c->relay_for[i], ip, user))
			return true;
	return false;
}
