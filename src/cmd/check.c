/* mailferry check: is the configuration good, with all that it names? */
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"
#include "cmd/certificates.h"
#include "cmd/check_folders.h"
#include "cmd/check_source.h"
#include "cmd/command.h"
#include "cmd/rules.h"
#include "cmd/users.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/value.h"
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

static const char *address_port(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon == NULL ? "" : colon + 1;
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
		const bool open = config_is_open(l) && !is_local(l->address);
		/* Whoever has logged in is no stranger. */
		const bool strangers = open && l->auth != CONFIG_AUTH_REQUIRED;

		if (open && l->bare_newlines == CONFIG_NEWLINES_ACCEPT)
			warn(file, "listener", l->name,
			     "takes bare newlines from everybody, which lets messages be smuggled: give networks");
		else if (strangers)
			warn(file, "listener", l->name,
			     "everybody may connect; right for the MX of a domain, else give networks");
		if (strangers && l->nmilters == 0)
			warn(file, "listener", l->name,
			     "everybody may connect, and no milter looks at what comes: the store's own spam filter "
			     "does not see mail that mailferry files; see docs/milters.md");
		if (open && l->tls == CONFIG_OFFER_NONE)
			warn(file, "listener", l->name,
			     "it has no TLS: everybody on the way can read the mail; give certificates");
		if (open && l->tls == CONFIG_OFFER_REQUIRED && strcmp(address_port(l->address), "25") == 0)
			warn(file, "listener", l->name,
			     "tls is \"required\" on port 25: senders that can't encrypt can't reach you (RFC 3207, 4)");
		if (n > 2 && strcmp(l->address + n - 2, ":0") == 0)
			warn(file, "listener", l->name, "port 0: the system picks another port at each start");
	}
}

static void auth_warn(const char *file, const struct config *c)
{
	bool any = false;

	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct config_listener *l = &c->listeners[i];
		bool local = strncmp(l->address, "unix:", 5) == 0 || is_local(l->address);

		if (l->auth == CONFIG_AUTH_OFF)
			continue;
		any = true;
		if (l->auth_plaintext)
			warn(file, "listener", l->name,
			     "auth_plaintext: whoever can listen on its networks learns the passwords");
		else if (l->tls == CONFIG_OFFER_NONE && !local)
			warn(file, "listener", l->name,
			     "it has auth and no TLS: only clients that know SCRAM can log in");
		if (l->auth == CONFIG_AUTH_REQUIRED && config_is_open(l) && strcmp(address_port(l->address), "25") == 0)
			warn(file, "listener", l->name,
			     "auth is \"required\" on port 25: other mail servers never log in, so none can reach you");
	}
	if (c->users != NULL && !any)
		warn(file, "users", c->users, "no listener has auth: nobody can log in");
}

static void certificates_warn(const char *file, const struct config *c)
{
	struct buf why;

	buf_init(&why, TEXT_MAX);
	for (size_t i = 0; i < c->ncertificates; i++) {
		if (certificate_state(&c->certificates[i], clock_wall_ms(), &why) != CERTIFICATE_GOOD)
			warn(file, "certificate", c->certificates[i].name, buf_str(&why));
		buf_clear(&why);
		if (certificate_doubt(&c->certificates[i], &why))
			warn(file, "certificate", c->certificates[i].name, buf_str(&why));
		buf_clear(&why);
	}
	buf_free(&why);
}

static void certificates_tell(const struct config *c)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	certificates_print(c, &text);
	(void)fputs(buf_str(&text), stdout);
	buf_free(&text);
}

static void accounts_warn(const char *file, const struct config *c, bool has_user)
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
	if (c->sandbox == CONFIG_SANDBOX_OFF)
		warn(file, "sandbox", "off", "a program that is taken over by what it reads can do all that its user can");
	if (!has_user)
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

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

/* One line for each that may send to others. */
static void relay_tell(const struct config_relay_for *g, struct buf *out)
{
	(void)buf_addf(out, "relay_for `%s': ", g->name);
	for (size_t i = 0; i < g->nnetworks; i++) {
		(void)buf_add_str(out, i > 0 ? ", " : "");
		value_network_print(&g->networks[i], out);
	}
	for (size_t i = 0; i < g->nusers; i++)
		(void)buf_addf(out, "%suser %s", i > 0 || g->nnetworks > 0 ? ", " : "", g->users[i]);
	(void)buf_add_str(out, " may send to others as ");
	for (size_t i = 0; i < g->nsenders; i++)
		(void)buf_addf(out, "%s%s", i > 0 ? ", " : "", g->senders[i]);
	(void)buf_addf(out, ", to %u recipient%s a day\n", g->daily, plural(g->daily));
}

/* A user of relay_for whom the users file does not have can't log in, so that nobody sends as he may. */
static void relay_users_warn(const char *file, const struct config *c, const struct sasl_users *users)
{
	for (size_t i = 0; i < c->nrelay_for; i++)
		for (size_t k = 0; k < c->relay_for[i].nusers; k++)
			if (users == NULL || sasl_users_find(users, c->relay_for[i].users[k]) == NULL)
				warn(file, "relay_for: there is no user", c->relay_for[i].users[k],
				     "`mailferry user add' makes one");
}

static void relay_warn(const char *file, const struct config *c)
{
	const struct config_server *s = c->relay == NULL ? NULL : &c->relay->server;

	if (s == NULL)
		return;
	if (s->tls == CONFIG_TLS_NONE && !is_local(s->host))
		warn(file, "relay: tls is \"none\": everybody on the way to it can read password and mail", "", "");
	if (s->user == NULL && !is_local(s->host))
		warn(file, "relay: it has no user: right only for a server that knows this machine by its address", "", "");
	if (c->nrelay_for == 0)
		warn(file, "relay: nobody may use it: say who in relay_for", "", "");
	for (size_t i = 0; i < c->nrelay_for; i++)
		if (c->relay_for[i].nnetworks > 0 && c->relay_for[i].nusers > 0)
			warn(file, "relay_for", c->relay_for[i].name,
			     "clients from its networks need not log in, and its users may come from anywhere");
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
	for (size_t i = 0; i < c->nrelay_for; i++) {
		relay_tell(&c->relay_for[i], &text);
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
	warn(file, config_field(a), a->name, text);
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

static void good_print(const char *file, const struct config *c, size_t nrules)
{
	char sources[40] = "";

	if (c->nsources > 0)
		(void)snprintf(sources, sizeof sources, "%zu source%s, ", c->nsources, plural(c->nsources));
	(void)printf("%s: %zu listener%s, %zu account%s, %s%zu rules file%s: good\n", file, c->nlisteners,
		     plural(c->nlisteners), c->naccounts, plural(c->naccounts), sources, nrules, plural(nrules));
}

/* Everything that is read from a file is read before it; scripts, keys and certificates are then looked at by a program that
 * can't open, send or start anything. 0, or -1 with an error in ERRORS. */
static int shut_in(const struct config *c, struct buf *errors)
{
	struct err e;

	if (command_confine("check", c, NULL, 0, &e) == 0)
		return 0;
	(void)buf_addf(errors, "%s\n", e.text);
	return -1;
}

int command_check(const struct command *self, const char *config_file, int argc, char **argv)
{
	struct check_folders folders = { 0 };
	struct rules rules = { 0 };
	struct sasl_users *users = NULL;
	struct config *c;
	struct buf errors, users_text;
	bool done = false, good = false, has_user = true;
	int status = options_parse(self, argc, argv, &done);

	if (done || status != EX_OK)
		return status;
	buf_init(&errors, TEXT_MAX);
	buf_init(&users_text, SASL_USERS_TEXT_MAX);
	(void)guard_secrets();
	c = config_load(config_file, &errors);
	if (c != NULL) {
		has_user = geteuid() != 0 || getpwnam(c->user) != NULL;
		good = rules_read(c, &rules, &errors) == 0;
		good = users_read(c, &users_text, &errors) == 0 && good;
		check_folders_ask(c, config_file, &folders);
		good = shut_in(c, &errors) == 0 && rules_compile_all(c, &rules, true, &errors) == 0 &&
		       certificates_check(c, config_file, &errors) == 0 && good &&
		       users_parse(c, &users_text, &users, &errors) == 0;
	}
	if (good) {
		if (grants_check(config_file, c) != 0)
			status = EX_CONFIG;
		listeners_warn(config_file, c);
		auth_warn(config_file, c);
		certificates_warn(config_file, c);
		accounts_warn(config_file, c, has_user);
		sources_warn(config_file, c);
		relay_warn(config_file, c);
		relay_users_warn(config_file, c, users);
		check_folders_warn(c, &rules, &folders, &rules.warnings);
		(void)fputs(buf_str(&rules.warnings), stderr);
		if (status == EX_OK) {
			good_print(config_file, c, rules.nnamed);
			certificates_tell(c);
			plans_print(c);
		}
	} else {
		(void)fputs(buf_str(&errors), stderr);
		status = EX_CONFIG;
	}
	check_folders_free(&folders);
	rules_free(&rules);
	sasl_users_free(&users);
	buf_wipe(&users_text);
	config_free(&c);
	buf_free(&errors);
	return status;
}
