#include "config/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/build_impl.h"
#include "config/value.h"
#include "msg/address.h"

enum { HOSTS_MAX = 1024 * 1024, CERTIFICATES_MAX = 16 * 1024 * 1024 };

/* The name of this machine, with its domain where the machine itself knows it. DNS is not asked: the supervisor reads
 * this, and it must neither wait for the network nor read from it. */
static char *system_name(void)
{
	char name[256] = "";
	char *whole = NULL;
	struct buf hosts;

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return mem_strdup("localhost");
	buf_init(&hosts, HOSTS_MAX);
	if (strchr(name, '.') == NULL && file_read("/etc/hosts", &hosts, NULL) == 0)
		whole = value_full_name(buf_slice(&hosts), name);
	buf_free(&hosts);
	return whole != NULL ? whole : mem_strdup(name);
}

/* RFC 8314, 3 */
static uint16_t port_of(const struct holder *h)
{
	if (holder_speaks_pop3(h))
		return h->server->tls == CONFIG_TLS_IMPLICIT ? 995 : 110;
	return h->server->tls == CONFIG_TLS_IMPLICIT ? 993 : 143;
}

static void exempt_this_machine(struct config *c)
{
	c->limits.exempt = mem_array(2, sizeof *c->limits.exempt);
	c->limits.exempt[c->limits.nexempt++] = (struct config_network){ .bytes = { 127 }, .bits = 8 };
	c->limits.exempt[c->limits.nexempt++] =
	    (struct config_network){ .bytes = { [15] = 1 }, .ipv6 = true, .bits = 128 };
}

void verify_complete(struct build *b)
{
	struct config *c = b->config;

	if (c->hostname == NULL)
		c->hostname = b->files ? system_name() : mem_strdup("localhost");
	if (b->strict && !build_given(&b->limits, KEYS_LIMITS, "exempt"))
		exempt_this_machine(c);
	if (c->control == NULL)
		c->control = mem_printf("%s/control", c->spool);
	if (c->token_directory == NULL)
		c->token_directory = mem_printf("%s-tokens", c->spool);
	for (size_t i = 0; i < config_servers(c); i++) {
		struct holder h = holder_at(b, i);

		h.server->pop3 = h.source != NULL && h.source->protocol == CONFIG_POP3;
		if (b->strict)
			oauth_complete(&h);
		if (h.group == KEYS_RELAY)
			relay_complete(&h);
		if (h.server->port == 0)
			h.server->port = port_of(&h);
	}
	if (b->strict) {
		listeners_complete(b);
		milters_complete(b);
		sources_complete(b);
	}
}

struct holder holder_account(struct build *b, size_t i)
{
	return (struct holder){ b, &b->config->accounts[i].server, &b->accounts[i], KEYS_ACCOUNT, NULL };
}

struct holder holder_source(struct build *b, size_t i)
{
	return (struct holder){ b, &b->config->sources[i].server, &b->sources[i], KEYS_SOURCE, &b->config->sources[i] };
}

struct holder holder_relay(struct build *b)
{
	return (struct holder){ b, &b->config->relay->server, &b->relay, KEYS_RELAY, NULL };
}

struct holder holder_at(struct build *b, size_t i)
{
	const struct config *c = b->config;

	if (i >= c->naccounts + c->nsources)
		return holder_relay(b);
	return i < c->naccounts ? holder_account(b, i) : holder_source(b, i - c->naccounts);
}

bool holder_speaks_pop3(const struct holder *h)
{
	return h->server->pop3;
}

bool holder_given(const struct holder *h, const char *key)
{
	return build_given(h->lines, h->group, key);
}

void holder_path(const struct holder *h, char out[REPORT_PATH_SIZE])
{
	if (h->group == KEYS_RELAY)
		(void)snprintf(out, REPORT_PATH_SIZE, "%s", h->server->name);
	else
		(void)snprintf(out, REPORT_PATH_SIZE, "%ss.%.120s", config_kind(h->server), h->server->name);
}

void verify_error(const struct holder *h, const char *key, const char *fmt, ...)
{
	char group[REPORT_PATH_SIZE], path[REPORT_PATH_SIZE], text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	holder_path(h, group);
	place_path(group, key, path);
	report_error(h->b->report, build_line(h->lines, h->group, key), path, "%s", text);
}

static void limits_verify(struct build *b)
{
	struct config *c = b->config;
	char hint[VALUE_HINT_SIZE];

	if (value_host(slice_str(c->hostname), hint) != 0 || strchr(c->hostname, ':') != NULL)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "hostname"), "hostname",
			     "expected a host name, got \"%.100s\"%s", c->hostname,
			     build_given(&b->top, KEYS_TOP, "hostname") ? "" : " from the system: give the key");
	if (strlen(c->control) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		report_error(b->report, build_line(&b->top, KEYS_TOP, "control"), "control",
			     "\"%.200s\" is too long for a socket: give a shorter one", c->control);
	if (c->limits.unaccepted_per_address < c->limits.message_size)
		report_error(b->report, build_line(&b->limits, KEYS_LIMITS, "unaccepted_per_address"),
			     "limits.unaccepted_per_address",
			     "smaller than message_size: no message of that size could come in");
	if (c->limits.unaccepted < c->limits.unaccepted_per_address)
		report_error(b->report, build_line(&b->limits, KEYS_LIMITS, "unaccepted"), "limits.unaccepted",
			     "smaller than unaccepted_per_address");
}

/* Notices go the way of all mail, which knows no other addresses. */
static void operator_verify(struct build *b)
{
	const struct config *c = b->config;
	struct address a;

	if (c->operator == NULL)
		return;
	if (address_parse(slice_str(c->operator), false, &a) != ADDRESS_OK) {
		report_error(b->report, build_line(&b->top, KEYS_TOP, "operator"), "operator",
			     "expected an address such as \"admin@office.example\", got \"%.100s\"", c->operator);
		return;
	}
	if (config_route(c, a.local, a.domain).account == NULL)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "operator"), "operator",
			     "no account takes mail for \"%.200s\": name it, or another, among the addresses of one",
			     c->operator);
	address_free(&a);
}

static void server_verify(const struct holder *h)
{
	const struct config_server *s = h->server;

	if (s->host == NULL && !holder_given(h, "host")) {
		if (s->provider != NULL)
			verify_error(h, "provider",
				     h->group == KEYS_RELAY
					 ? "\"%s\" is not known to take mail to send: give host"
					 : "\"%s\" is not known to have POP3: use protocol \"imap\", or give host",
				     s->provider);
		else
			verify_error(h, "host", "missing: expected a host name in quotes; or give provider");
	}
	if (s->oauth)
		oauth_verify(h);
	login_verify(h);
	if (s->npins > 0 && s->tls == CONFIG_TLS_NONE)
		verify_error(h, "pin_sha256", "tls is \"none\": the server shows no key");
}

void verify_values(struct build *b)
{
	struct config *c = b->config;
	const char *flagged = NULL;

	if (c->nlisteners > CONFIG_LISTENERS_MAX)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "listeners"), "listeners",
			     "there are %zu; %d are the most that mailferry takes", c->nlisteners,
			     CONFIG_LISTENERS_MAX);
	if (c->ncertificates > CONFIG_CERTIFICATES_MAX)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "certificates"), "certificates",
			     "there are %zu; %d are the most that mailferry takes", c->ncertificates,
			     CONFIG_CERTIFICATES_MAX);
	if (c->naccounts > CONFIG_ACCOUNTS_MAX)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "accounts"), "accounts",
			     "there are %zu; %d are the most that mailferry takes", c->naccounts, CONFIG_ACCOUNTS_MAX);
	if (c->nsources > CONFIG_SOURCES_MAX)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "sources"), "sources",
			     "there are %zu; %d are the most that mailferry takes", c->nsources, CONFIG_SOURCES_MAX);
	limits_verify(b);
	operator_verify(b);
	listeners_verify(b);
	auth_verify(b);
	milters_verify(b);
	rules_verify(b);
	for (size_t i = 0; i < config_servers(c); i++) {
		struct holder h = holder_at(b, i);

		server_verify(&h);
	}
	for (size_t i = 0; i < c->naccounts; i++) {
		struct config_account *a = &c->accounts[i];
		struct holder h = holder_account(b, i);

		if (a->retry_max < a->retry_min)
			verify_error(&h, "retry_max", "smaller than retry_min");
		if (a->postmaster && flagged != NULL)
			verify_error(&h, "postmaster", "account `%.64s' takes the postmaster's mail already", flagged);
		if (a->postmaster)
			flagged = a->name;
	}
	sources_verify(b);
	relay_verify(b);
}

/* Stores would find only when they start that a file of authorities holds none. */
static void certificates_verify(int fd, const char *file, struct err *e)
{
	static const char mark[] = "-----BEGIN ";
	struct buf text;

	buf_init(&text, CERTIFICATES_MAX);
	if (file_read_fd(fd, file, &text, e) == 0 &&
	    (text.n == 0 || memmem(text.p, text.n, mark, strlen(mark)) == NULL))
		(void)err_set(e, ERR_CONFIG, 0,
			      "%s holds no certificate: it must be a PEM file, with lines such as "
			      "-----BEGIN CERTIFICATE-----",
			      file);
	buf_free(&text);
}

static void readable_verify(const struct holder *h, const char *key, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	struct err e;

	err_clear(&e);
	if (fd < 0 || fstat(fd, &st) != 0)
		(void)file_unread(&e, errno, file);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(&e, ERR_CONFIG, 0, "%s is not a regular file", file);
	else if (file == h->server->ca_file)
		certificates_verify(fd, file, &e);
	if (e.class != ERR_NONE)
		verify_error(h, key, "%s", e.text);
	file_close(&fd);
}

void verify_files(struct build *b)
{
	struct config *c = b->config;

	for (size_t i = 0; i < c->naccounts; i++) {
		struct holder h = holder_account(b, i);

		if (c->accounts[i].rules != NULL)
			readable_verify(&h, "rules", c->accounts[i].rules);
	}
	for (size_t i = 0; i < config_servers(c); i++) {
		struct holder h = holder_at(b, i);

		if (h.server->ca_file != NULL)
			readable_verify(&h, "ca_file", h.server->ca_file);
		if (h.server->oauth && b->secrets)
			oauth_files(&h);
	}
	listeners_files(b);
	rules_files(b);
	if (b->secrets)
		login_files(b);
}
