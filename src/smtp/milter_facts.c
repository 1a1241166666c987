/* What milters are told of a session: macros by the names of Postfix and Sendmail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/internal.h"
#include "smtp/milter_apply.h"

enum { FACT_SIZE = 1100 };

/* There is no look-up of names by address here; this is how Postfix says so. */
static const char *client_name(const struct smtp_session *s)
{
	return s->ip[0] == '\0' ? "localhost" : "unknown";
}

static const char *behind_last(const char *text, char c)
{
	const char *at = text == NULL ? NULL : strrchr(text, c);

	return at == NULL ? "" : at + 1;
}

static const char *daemon_addr(const struct smtp_session *s, char *out)
{
	const char *address = s->listener->address;
	size_t n = strlen(address);

	if (strncmp(address, "unix:", 5) == 0)
		return NULL;
	while (n > 0 && address[n - 1] != ':')
		n--;
	if (n > 2 && address[0] == '[')
		(void)snprintf(out, FACT_SIZE, "%.*s", (int)n - 3, address + 1);
	else
		(void)snprintf(out, FACT_SIZE, "%.*s", n > 0 ? (int)n - 1 : 0, address);
	return out;
}

static const char *of_session(const struct smtp_session *s, const char *name, char *out)
{
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "j", s->service->config->hostname },
		{ "{daemon_name}", s->service->config->hostname },
		{ "{if_name}", s->service->config->hostname },
		{ "v", PACKAGE_NAME " " PACKAGE_VERSION },
		{ "{client_addr}", s->ip[0] == '\0' ? NULL : s->ip },
		{ "{client_name}", client_name(s) },
		{ "{client_ptr}", client_name(s) },
		{ "{client_port}", s->ip[0] == '\0' ? NULL : behind_last(s->client, ':') },
		{ "{tls_version}", s->tls.on ? s->tls.version : NULL },
		{ "{cipher}", s->tls.on ? s->tls.cipher : NULL },
		{ "{cert_subject}", s->subject },
		{ "{cert_issuer}", s->issuer },
		{ "{auth_authen}", s->user },
		{ "{auth_type}", s->mechanism },
		{ "s", s->helo },
	};

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		if (strcmp(facts[i].name, name) == 0)
			return facts[i].value;
	if (strcmp(name, "{daemon_addr}") == 0 || strcmp(name, "{if_addr}") == 0)
		return daemon_addr(s, out);
	if (strcmp(name, "{daemon_port}") == 0 && strncmp(s->listener->address, "unix:", 5) != 0)
		return behind_last(s->listener->address, ':');
	if (strcmp(name, "{cipher_bits}") == 0 && s->tls.on) {
		(void)snprintf(out, FACT_SIZE, "%u", s->tls.bits);
		return out;
	}
	if (strcmp(name, "_") == 0) {
		(void)snprintf(out, FACT_SIZE, "%s [%s]", client_name(s), s->ip);
		return out;
	}
	return NULL;
}

/* The recipient that they are told of is the last one. */
static const char *mailer(const struct smtp_transaction *t)
{
	if (t->told_refusal != NULL)
		return "error";
	return t->nrecipients > 0 && t->recipients[t->nrecipients - 1].account == NULL ? "relay" : "local";
}

static const char *of_transaction(const struct smtp_session *s, const char *name)
{
	const struct smtp_transaction *t = s->t;

	if (t == NULL)
		return NULL;
	if (strcmp(name, "i") == 0)
		return t->id;
	if (strcmp(name, "{mail_addr}") == 0)
		return t->sender;
	if (strcmp(name, "{mail_host}") == 0)
		return behind_last(t->sender, '@');
	if (strcmp(name, "{mail_mailer}") == 0)
		return "smtp";
	if (t->told == NULL)
		return NULL;
	if (strcmp(name, "{rcpt_addr}") == 0)
		return t->told_refusal != NULL ? t->told_refusal : t->told;
	if (strcmp(name, "{rcpt_host}") == 0)
		return t->told_refusal != NULL ? "5.1.1" : behind_last(t->told, '@');
	if (strcmp(name, "{rcpt_mailer}") == 0)
		return mailer(t);
	return NULL;
}

const char *milter_fact(void *arg, const char *name)
{
	static char made[FACT_SIZE];
	const struct smtp_session *s = arg;
	const char *value = of_transaction(s, name);

	return value != NULL ? value : of_session(s, name, made);
}

void milter_connect_tell(struct milter *m, struct smtp_session *s)
{
	milter_tell_connect(m, client_name(s), s->ip, (uint16_t)strtoul(behind_last(s->client, ':'), NULL, 10),
			    milter_fact, s);
}
