#include "config/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>

#include "base/mem.h"
#include "config/build.h"
#include "config/route.h"
#include "config/source.h"
#include "config/syntax.h"
#include "config/verify.h"

/* Gives every setting its line: in the order in which the text opens them (syntax.c bounds the depth). */
static void lines_give(config_setting_t *s, const struct syntax *syntax, size_t *at)
{
	int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

	for (int i = 0; i < n; i++) {
		config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		unsigned line = *at < syntax->nlines ? syntax->lines[*at] : 0;

		++*at;
		config_setting_set_hook(e, (void *)(uintptr_t)line);
		lines_give(e, syntax, at);
	}
}

/* libconfig frees its texts without wiping them. */
static void texts_wipe(config_setting_t *s)
{
	int n = config_setting_is_aggregate(s) ? config_setting_length(s) : 0;

	if (config_setting_type(s) == CONFIG_TYPE_STRING && s->value.sval != NULL)
		mem_wipe(s->value.sval, strlen(s->value.sval));
	for (int i = 0; i < n; i++)
		texts_wipe(config_setting_get_elem(s, (unsigned)i));
}

static void tree_build(struct build *b)
{
	struct syntax syntax = { 0 };
	config_t tree;
	size_t at = 0;

	config_init(&tree);
	if (syntax_check(buf_slice(&b->source->text), &syntax, b->report) != 0)
		goto done;
	if (b->source->text.n > 0 && config_read_string(&tree, b->source->text.p) != CONFIG_TRUE) {
		report_error(b->report, (unsigned)config_error_line(&tree), NULL, "%s",
			     config_error_text(&tree) == NULL ? "syntax error" : config_error_text(&tree));
		goto done;
	}
	lines_give(config_root_setting(&tree), &syntax, &at);
	build_config(b, config_root_setting(&tree));
	verify_complete(b);
	if (b->strict)
		verify_values(b);
	if (b->files)
		verify_files(b);
	texts_wipe(config_root_setting(&tree));
done:
	config_destroy(&tree);
	syntax_free(&syntax);
}

/* FILE: to be read with all that it names, the SECRETS only where they are wanted; or TEXT under that name. *CONTROL,
 * where it is asked for, becomes the path of the control socket (the caller's to free) even of a configuration with
 * errors, if it can be known. DRAFT: one with errors is given out too. */
static struct config *config_make(const char *file, const struct slice *text, bool strict, bool secrets,
				  struct buf *errors, char **control, bool draft)
{
	struct source source;
	struct report report = { errors, &source, 0 };
	struct build b = {
		.source = &source, .report = &report, .strict = strict, .files = text == NULL, .secrets = secrets
	};
	char *here = file[0] == '/' || text != NULL ? NULL : getcwd(NULL, 0);

	source_init(&source);
	b.config = mem_alloc(sizeof(*b.config));
	b.config->routes = routes_new();
	b.config->file = here == NULL ? mem_strdup(file) : mem_printf("%s/%s", here, file);
	if ((text == NULL ? source_read(&source, file, &report) : source_text(&source, file, *text, &report)) == 0)
		tree_build(&b);
	report_end(&report);
	if (control != NULL)
		*control = mem_strdup(b.config->control);
	if (report.n > 0 && !draft)
		config_free(&b.config);
	build_free(&b);
	source_free(&source);
	free(here);
	return b.config;
}

struct config *config_load(const char *file, struct buf *errors)
{
	return config_make(file, NULL, true, true, errors, NULL, false);
}

struct config *config_look(const char *file, struct buf *errors)
{
	return config_make(file, NULL, true, false, errors, NULL, false);
}

struct config *config_draft(const char *file, struct buf *errors)
{
	return config_make(file, NULL, true, false, errors, NULL, true);
}

char *config_control(const char *file, struct buf *errors)
{
	char *control = NULL;
	struct config *c = config_make(file, NULL, true, false, errors, &control, false);

	config_free(&c);
	return control;
}

struct config *config_parse(const char *name, struct slice text, struct buf *errors)
{
	return config_make(name, &text, false, false, errors, NULL, false);
}

struct config *config_check(const char *name, struct slice text, struct buf *errors)
{
	return config_make(name, &text, true, false, errors, NULL, false);
}

static void oauth_free(struct config_oauth *o)
{
	mem_wipe_str(&o->client_secret);
	mem_wipe_str(&o->key);
	mem_wipe_str(&o->service_account);
	free(o->client_id);
	free(o->client_secret_file);
	free(o->client_secret_expires);
	free(o->certificate_file);
	free(o->key_file);
	free(o->certificate);
	free(o->service_account_file);
	free(o->tenant);
	free(o->scope);
	free(o->authorization_endpoint);
	free(o->token_endpoint);
	free(o->device_endpoint);
	free(o->ca_file);
}

static void texts_free(char **texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	free(texts);
}

static void server_free(struct config_server *s)
{
	texts_free(s->pins, s->npins);
	mem_wipe_str(&s->password);
	mem_wipe_str(&s->client_key_pem);
	free(s->client_certificate_pem);
	free(s->client_certificate);
	free(s->client_key);
	free(s->host);
	free(s->ca_file);
	free(s->user);
	free(s->login_as);
	free(s->auth);
	free(s->password_file);
	free(s->password_command);
	free(s->password_credential);
	free(s->password_env);
	free(s->provider);
	oauth_free(&s->token);
}

static void account_free(struct config_account *a)
{
	texts_free(a->addresses, a->naddresses);
	texts_free(a->at, a->nat);
	server_free(&a->server);
	free(a->name);
	free(a->rules);
	free(a->recipient_delimiter);
}

static void source_free_fields(struct config_source *s)
{
	texts_free(s->recipient_headers, s->nrecipient_headers);
	texts_free(s->folders, s->nfolders);
	texts_free(s->at, s->nat);
	server_free(&s->server);
	free(s->name);
	free(s->account);
	free(s->to);
	free(s->unmatched);
	free(s->rejected);
	free(s->move_to);
}

static void relay_for_free(struct config_relay_for *g)
{
	texts_free(g->users, g->nusers);
	texts_free(g->senders, g->nsenders);
	free(g->networks);
	free(g->name);
}

void config_free(struct config **config)
{
	struct config *c = *config;

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->ncertificates; i++) {
		mem_wipe_str(&c->certificates[i].key_pem);
		free(c->certificates[i].certificate_pem);
		free(c->certificates[i].certificate);
		free(c->certificates[i].key);
		free(c->certificates[i].name);
	}
	for (size_t i = 0; i < c->nlisteners; i++) {
		free(c->listeners[i].client_ca_pem);
		free(c->listeners[i].client_ca);
		free(c->listeners[i].name);
		free(c->listeners[i].address);
		free(c->listeners[i].networks);
		free(c->listeners[i].proxy);
		texts_free(c->listeners[i].milters, c->listeners[i].nmilters);
		texts_free(c->listeners[i].remove_headers, c->listeners[i].nremove_headers);
	}
	for (size_t i = 0; i < c->nmilters; i++) {
		free(c->milters[i].name);
		free(c->milters[i].address);
		free(c->milters[i].quarantine);
	}
	for (size_t i = 0; i < c->naccounts; i++)
		account_free(&c->accounts[i]);
	for (size_t i = 0; i < c->nsources; i++)
		source_free_fields(&c->sources[i]);
	free(c->certificates);
	for (size_t i = 0; i < c->nrelay_for; i++)
		relay_for_free(&c->relay_for[i]);
	if (c->relay != NULL) {
		server_free(&c->relay->server);
		free(c->relay->from);
	}
	free(c->relay);
	free(c->relay_for);
	free(c->limits.exempt);
	free(c->listeners);
	free(c->milters);
	free(c->accounts);
	free(c->sources);
	routes_free(&c->routes);
	free(c->file);
	free(c->hostname);
	free(c->user);
	free(c->spool);
	free(c->control);
	free(c->token_directory);
	free(c->operator);
	free(c->users);
	free(c->rules_global);
	free(c->rules_lists);
	texts_free(c->rules_forbid_add, c->nrules_forbid_add);
	texts_free(c->rules_forbid_delete, c->nrules_forbid_delete);
	free(c->spam_verdict);
	free(c->spam_verdict_most);
	free(c->virus_verdict);
	free(c->log_level);
	free(c);
	*config = NULL;
}
