#include "smtp/gate.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
enum { NETWORK_FACTOR = 4 }; /* how much more a network may than one address in it; told in mailferry.conf(5) */

static bool is_among(const struct config_network *networks, size_t n, const struct sockaddr *sa)
{
	for (size_t i = 0; i < n; i++)
		if (config_network_has(&networks[i], sa))
			return true;
	return false;
}

void gate_know(const struct config *c, const struct sockaddr *sa, struct smtp_client *out)
{
	*out = (struct smtp_client){ .address = meter_key_address(sa), .network = meter_key_network(sa) };
	out->counted = !out->address.none && !is_among(c->limits.exempt, c->limits.nexempt, sa);
}

static struct meter_rate rate_of(unsigned most, int64_t period_ms)
{
	return (struct meter_rate){ most, period_ms };
}

/* What one address may is RATE; its network, NETWORK_FACTOR times that. */
static bool take(const struct smtp_service *s, enum meter_kind kind, const struct smtp_client *client,
		 struct meter_rate rate)
{
	const int64_t now = s->now();

	if (!meter_take(s->meter, kind, client->address, rate, now))
		return false;
	rate.most *= NETWORK_FACTOR;
	return meter_take(s->meter, kind, client->network, rate, now);
}

static bool has_erred(const struct smtp_service *s, const struct smtp_client *client)
{
	struct meter_rate rate = rate_of(s->config->limits.errors_per_hour, HOUR_MS);
	const int64_t now = s->now();

	if (meter_is_over(s->meter, METER_ERRORS, client->address, rate, now))
		return true;
	rate.most *= NETWORK_FACTOR;
	return meter_is_over(s->meter, METER_ERRORS, client->network, rate, now);
}

const struct smtp_reply *gate_refusal(const struct smtp_service *s, const struct config_listener *l,
				      const struct sockaddr *sa, const struct smtp_client *client, const char **why)
{
	static const struct smtp_reply not_welcome = { 554, "5.7.1", "Your address may not send mail here" };
	static const struct smtp_reply too_fast = { 421, "4.7.0", "Too many connections from your address, try again later" };
	static const struct smtp_reply too_wrong = { 421, "4.7.0", "Too many errors from your address, try again later" };

	if (l->nnetworks > 0 && sa->sa_family != AF_UNIX && !is_among(l->networks, l->nnetworks, sa)) {
		*why = "the listener's networks do not hold this address";
		return &not_welcome;
	}
	if (s->meter == NULL || !client->counted)
		return NULL;
	if (has_erred(s, client)) {
		*why = "limits.errors_per_hour";
		return &too_wrong;
	}
	if (!take(s, METER_CONNECTIONS, client, rate_of(s->config->limits.connections_per_minute, MINUTE_MS))) {
		*why = "limits.connections_per_minute";
		return &too_fast;
	}
	return NULL;
}

bool gate_message(const struct smtp_service *s, const struct smtp_client *client)
{
	if (s->meter == NULL || !client->counted)
		return true;
	return take(s, METER_MESSAGES, client, rate_of(s->config->limits.messages_per_minute, MINUTE_MS));
}

void gate_error(const struct smtp_service *s, const struct smtp_client *client)
{
	struct meter_rate rate = rate_of(s->config->limits.errors_per_hour, HOUR_MS);

	if (s->meter == NULL || !client->counted)
		return;
	meter_add(s->meter, METER_ERRORS, client->address, rate, s->now());
	rate.most *= NETWORK_FACTOR;
	meter_add(s->meter, METER_ERRORS, client->network, rate, s->now());
}
