/* What `mailferry probe' shows of the relay: how it is reached, and what it offers. */
#include <jansson.h>
#include <stdio.h>

#include "cmd/probe.h"
#include "cmd/text.h"

enum { WORDS_BYTES = 16 * 1024 };

static void line(const char *label, const char *value)
{
	struct buf clean;

	if (value == NULL || value[0] == '\0')
		return;
	buf_init(&clean, WORDS_BYTES);
	(void)text_clean(&clean, value, 0);
	(void)printf("  %-12s %s\n", label, buf_str(&clean));
	buf_free(&clean);
}

void probe_relay_print(const struct config_server *s, const struct probe_report *r)
{
	const struct probe_step *login = &r->step[SURVEY_LOGIN];

	(void)printf("relay: %s, port %u%s%s\n", s->host, (unsigned)s->port, s->user == NULL ? "" : ", as ",
		     s->user == NULL ? "" : s->user);
	line("tls", s->tls == CONFIG_TLS_NONE ? "none: everything can be read on the way" : r->text[SURVEY_TLS_VERSION]);
	line("certificate", r->text[SURVEY_NAMES]);
	line("issuer", r->text[SURVEY_ISSUER]);
	line("pin_sha256", r->text[SURVEY_PIN]);
	line("login", r->text[SURVEY_MECHANISM]);
	line("offers", r->text[SURVEY_CAPABILITIES]);
	if (login->begun && login->err.class == ERR_NONE)
		(void)printf("  ready to take mail after %lld ms; nothing was sent\n", (long long)login->ms);
}

static void put(json_t *o, const char *key, const char *text)
{
	struct buf clean;

	buf_init(&clean, WORDS_BYTES);
	text_utf8(&clean, text == NULL ? "" : text);
	(void)json_object_set_new(o, key, text == NULL ? json_null() : json_string(buf_str(&clean)));
	buf_free(&clean);
}

void probe_relay_json(const struct config_server *s, const struct probe_report *r, const struct err *e)
{
	json_t *o = json_object();
	const char *step = "";
	const struct err *failure = probe_failure(r, &step);

	failure = failure == NULL ? e : failure;
	put(o, "relay", s->name);
	put(o, "host", s->host);
	(void)json_object_set_new(o, "port", json_integer(s->port));
	(void)json_object_set_new(o, "ok", json_boolean(failure == NULL));
	put(o, "step", failure == NULL ? NULL : step);
	put(o, "error", failure == NULL ? NULL : failure->text);
	put(o, "tls", r->text[SURVEY_TLS_VERSION]);
	put(o, "pin_sha256", r->text[SURVEY_PIN]);
	put(o, "login", r->text[SURVEY_MECHANISM]);
	put(o, "offers", r->text[SURVEY_CAPABILITIES]);
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(o);
}
