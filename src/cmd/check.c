/* mailferry check: is the configuration good, with all that it names? */
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"
#include "cmd/check_source.h"
#include "cmd/command.h"
#include "cmd/rules.h"
#include "config/config.h"
#include "config/keys.h"
#include "oauth/grant.h"

enum { TEXT_MAX = 256 * 1024, WARN_DAYS = 30, DAY_MS = 24 * 3600 * 1000 };

/* 0, EX_OK with *DONE when the options asked for something else than a check, or EX_USAGE. */
static int options_parse(const struct command *self, int argc, char **argv, bool *done)
{
	static const struct option known[] = { { "keys", optional_argument, NULL, 'k' }, { NULL, 0, NULL, 0 } };
	struct buf text;
	int c;

	opterr = 0;
	optind = 0;
	buf_init(&text, TEXT_MAX);
	while ((c = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		*done = true;
		if (c != 'k')
			return command_usage(self, "unknown option %s", argv[optind - 1]);
		if (optarg == NULL)
			keys_print(&text);
		else if (strcmp(optarg, "man") == 0)
			keys_print_man(&text);
		else
			return command_usage(self, "--keys prints plain text, --keys=man the manual's list");
	}
	if (optind < argc)
		return command_usage(self, "unexpected argument \"%s\"; -c FILE names the configuration", argv[optind]);
	(void)fputs(buf_str(&text), stdout);
	buf_free(&text);
	return EX_OK;
}

/* Is HOST, or the address in front of a port, one that only this machine reaches? */
static bool is_local(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "localhost") == 0;
}

static void warn(const char *file, const char *what, const char *name, const char *text)
{
	(void)fprintf(stderr, "%s: warning: %s%s%s%s%s\n", file, what, name[0] == '\0' ? "" : " `", name,
		      name[0] == '\0' ? "" : "': ", text);
}

static void listeners_warn(const char *file, const struct config *c)
{
	if (c->nlisteners == 0 && c->nsources == 0)
		warn(file, "there are no listeners and no sources: no mail can come in", "", "");
	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct config_listener *l = &c->listeners[i];
		size_t n = strlen(l->address);
		bool open = l->nnetworks == 0 && strncmp(l->address, "unix:", 5) != 0 && !is_local(l->address);

		if (open && l->bare_newlines == CONFIG_NEWLINES_ACCEPT)
			warn(file, "listener", l->name,
			     "takes bare newlines from everybody, which lets messages be smuggled: give networks");
		else if (open)
			warn(file, "listener", l->name,
			     "everybody may connect; right for the MX of a domain, else give networks");
		if (n > 2 && strcmp(l->address + n - 2, ":0") == 0)
			warn(file, "listener", l->name, "port 0: the system picks another port at each start");
	}
}

static void accounts_warn(const char *file, const struct config *c)
{
	for (size_t i = 0; i < c->naccounts; i++) {
		const struct config_account *a = &c->accounts[i];

		if (a->server.tls == CONFIG_TLS_NONE && !is_local(a->server.host))
			warn(file, "account", a->name,
			     "tls is \"none\": everybody on the way to the store can read password and mail");
		if (a->rules == NULL)
			warn(file, "account", a->name, "it has no rules: all its mail goes to INBOX");
	}
	if (strchr(c->hostname, '.') == NULL)
		warn(file, "hostname", c->hostname,
		     "it has no domain: give the name by which others know this machine");
	if (geteuid() == 0 && getpwnam(c->user) == NULL)
		warn(file, "user", c->user, "there is no such user here; started as root, mailferry needs it");
}

static void source_warn(void *file, const char *name, const char *text)
{
	warn(file, "source", name, text);
}

static void sources_warn(const char *file, const struct config *c)
{
	for (size_t i = 0; i < c->nsources; i++)
		check_source_warn(c, &c->sources[i], is_local(c->sources[i].server.host), source_warn,
				  (void *)(uintptr_t)file);
}

/* What will happen, for those who look whether they meant it. */
static void plans_print(const struct config *c)
{
	int64_t now = clock_wall_ms();
	struct buf text;

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; i < c->naccounts + c->nsources; i++) {
		if (i < c->naccounts)
			check_account_tell(&c->accounts[i], now, &text);
		else
			check_source_tell(&c->sources[i - c->naccounts], now, &text);
		(void)fputs(buf_str(&text), stdout);
		buf_clear(&text);
	}
	buf_free(&text);
}

static void expiry_warn(const char *file, const struct config_server *a)
{
	const char *what;
	int64_t left = grant_expires(a, &what) - clock_wall_ms();
	char text[100];

	if (left > (int64_t)WARN_DAYS * DAY_MS)
		return;
	if (left <= 0)
		(void)snprintf(text, sizeof text, "its %s has expired", what);
	else
		(void)snprintf(text, sizeof text, "its %s expires in %lld days", what, (long long)(left / DAY_MS));
	warn(file, config_kind(a), a->name, text);
}

/* 0, or -1 after an error for each account or source whose key or certificate no program could use. */
static int grants_check(const char *file, const struct config *c)
{
	int ret = 0;

	for (size_t i = 0; i < config_servers(c); i++) {
		const struct config_server *s = config_server_at(c, i);
		struct err e;

		if (!s->oauth)
			continue;
		if (grant_check(s, &e) != 0) {
			(void)fprintf(stderr, "%s: %s\n", file, e.text);
			ret = -1;
		} else {
			expiry_warn(file, s);
		}
	}
	return ret;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void good_print(const char *file, const struct config *c, size_t nrules)
{
	char sources[40] = "";

	if (c->nsources > 0)
		(void)snprintf(sources, sizeof sources, "%zu source%s, ", c->nsources, plural(c->nsources));
	(void)printf("%s: %zu listener%s, %zu account%s, %s%zu rules file%s: good\n", file, c->nlisteners,
		     plural(c->nlisteners), c->naccounts, plural(c->naccounts), sources, nrules, plural(nrules));
}

int command_check(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct rules rules = { 0 };
	struct config *c;
	struct buf errors;
	bool done = false;
	int status = options_parse(self, argc, argv, &done);

	if (done || status != EX_OK)
		return status;
	buf_init(&errors, TEXT_MAX);
	(void)guard_secrets();
	c = config_load(config_file, &errors);
	if (c != NULL && rules_load(c, &rules, &errors) == 0) {
		if (grants_check(config_file, c) != 0)
			status = EX_CONFIG;
		listeners_warn(config_file, c);
		accounts_warn(config_file, c);
		sources_warn(config_file, c);
		if (status == EX_OK) {
			good_print(config_file, c, rules.n);
			plans_print(c);
		}
	} else {
		(void)fputs(buf_str(&errors), stderr);
		status = EX_CONFIG;
	}
	rules_free(&rules);
	config_free(&c);
	buf_free(&errors);
	return status;
}
