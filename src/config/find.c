/* A configuration, asked for what it has. */
#include <string.h>

#include "config/config.h"

const struct config_account *config_account(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->naccounts; i++) {
		if (strcmp(c->accounts[i].name, name) == 0)
			return &c->accounts[i];
	}
	return NULL;
}

const struct config_milter *config_milter(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nmilters; i++) {
		if (strcmp(c->milters[i].name, name) == 0)
			return &c->milters[i];
	}
	return NULL;
}

bool config_is_open(const struct config_listener *l)
{
	const bool is_unix = l->address != NULL && strncmp(l->address, "unix:", 5) == 0;
	bool open = l->nnetworks == 0;

	for (size_t i = 0; i < l->nnetworks; i++)
		open = open || config_network_is_wide(&l->networks[i]);
	return open && (!is_unix || l->nproxy > 0);
}

const struct config_source *config_source(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nsources; i++) {
		if (strcmp(c->sources[i].name, name) == 0)
			return &c->sources[i];
	}
	return NULL;
}

const struct config_server *config_server(const struct config *c, const char *name)
{
	const struct config_account *a = config_account(c, name);
	const struct config_source *s = a == NULL ? config_source(c, name) : NULL;

	if (a == NULL && s == NULL && c->relay != NULL && strcmp(name, CONFIG_RELAY) == 0)
		return &c->relay->server;
	return a != NULL ? &a->server : s != NULL ? &s->server : NULL;
}

size_t config_servers(const struct config *c)
{
	return c->naccounts + c->nsources + (c->relay != NULL);
}

const struct config_server *config_server_at(const struct config *c, size_t i)
{
	if (i >= c->naccounts + c->nsources)
		return &c->relay->server;
	return i < c->naccounts ? &c->accounts[i].server : &c->sources[i - c->naccounts].server;
}

const char *config_kind(const struct config_server *s)
{
	return s->of_relay ? "the" : s->of_source ? "source" : "account";
}

const char *config_field(const struct config_server *s)
{
	return s->of_relay ? "relay" : s->of_source ? "source" : "account";
}

bool config_has_oauth(const struct config *c)
{
	for (size_t i = 0; i < config_servers(c); i++) {
		if (config_server_at(c, i)->oauth)
			return true;
	}
	return false;
}
