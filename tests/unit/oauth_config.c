/* provider and oauth in the configuration: what is filled in, what must be there, who gets what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/keys.h"
#include "config/load.h"
#include "config/provider.h"
#include "config/url.h"
#include "config/value.h"

#define ACCOUNT(keys)                                                                                                  \
	"accounts = { a = { user = \"u@office.example\"; addresses = [ \"@office.example\" ];\n" keys "\n}; };\n"
#define MS(keys)     ACCOUNT("provider = \"microsoft365\";\noauth = { client_id = \"i\"; " keys " };")
#define GOOGLE(keys) ACCOUNT("provider = \"gmail\";\noauth = { " keys " };")
#define OWN(keys)    ACCOUNT("host = \"imap.example.net\";\noauth = { client_id = \"i\"; " keys " };")

static void what_is_missing_is_named(void **state)
{
	static const struct {
		const char *text, *errors;
	} rows[] = {
		{ MS("grant = \"application\"; tenant = \"t\"; client_secret = \"s\";"), "" },
		{ MS("grant = \"user\"; tenant = \"office.example\";"), "" },
		{ OWN("grant = \"user\"; token_endpoint = \"https://x.example/t\"; authorization_endpoint = "
		      "\"https://x.example/a\";"),
		  "" },
		{ GOOGLE("grant = \"service-account\"; service_account_file = \"/s\";"), "" },
		{ ACCOUNT("provider = \"fastmail\"; password = \"p\";"), "" },
		{ MS("tenant = \"t\";"),
		  "t:3: key `accounts.a.oauth.grant': missing: expected \"application\", \"user\", "
		  "\"device\" or \"service-account\"\n"
		  "t:3: key `accounts.a.oauth.certificate_file': missing: grant \"application\" "
		  "needs certificate_file and key_file, or client_secret_file\n" },
		{ MS("grant = \"user\";"),
		  "t:3: key `accounts.a.oauth.tenant': missing: give the id or the domain of the "
		  "organisation's directory\n" },
		{ MS("grant = \"user\"; tenant = \"a/b\";"), "t:3: key `accounts.a.oauth.tenant': expected an id or a "
							     "domain: letters, digits, `-' and `.'\n" },
		{ MS("grant = \"service-account\"; tenant = \"t\"; service_account_file = \"/s\";"),
		  "t:3: key `accounts.a.oauth.grant': \"service-account\" is not possible with provider "
		  "\"microsoft365\": "
		  "passwords are switched off there: use oauth, best with grant \"application\"\n" },
		{ MS("grant = \"application\"; tenant = \"t\"; certificate_file = \"/c\";"),
		  "t:3: key `accounts.a.oauth.key_file': missing: certificate_file and key_file go together\n" },
		{ MS("grant = \"application\"; tenant = \"t\"; certificate_file = \"/c\"; key_file = \"/k\"; "
		     "client_secret = "
		     "\"s\";"),
		  "t:3: key `accounts.a.oauth.certificate_file': a client secret is given too: give one of the two\n" },
		{ MS("grant = \"application\"; tenant = \"t\"; client_secret = \"s\"; client_secret_file = \"/s\";"),
		  "t:3: key `accounts.a.oauth.client_secret_file': client_secret is given too: give one of the two\n" },
		{ MS("grant = \"application\"; tenant = \"t\"; client_secret = \"s\"; client_secret_expires = "
		     "\"2027-02-45\";"),
		  "t:3: key `accounts.a.oauth.client_secret_expires': expected a day such as \"2027-05-01\"\n" },
		{ MS("grant = \"user\"; tenant = \"t\"; secret_key = \"x\";"),
		  "t:3: key `accounts.a.oauth.secret_key': unknown; mailferry.conf(5) lists all keys\n" },
		{ GOOGLE("grant = \"service-account\";"),
		  "t:3: key `accounts.a.oauth.service_account_file': missing: give the JSON key file of the service "
		  "account\n" },
		{ GOOGLE("grant = \"user\";"),
		  "t:3: key `accounts.a.oauth.client_id': missing: give the id of the application "
		  "that you registered; `mailferry login a' says how\n" },
		{ OWN("grant = \"user\";"),
		  "t:3: key `accounts.a.oauth.token_endpoint': missing: give it, or provider\n"
		  "t:3: key `accounts.a.oauth.authorization_endpoint': missing: give it, or provider\n" },
		{ OWN("grant = \"device\"; token_endpoint = \"http://x.example/t\"; device_endpoint = "
		      "\"https://x.example/d\";"),
		  "t:3: key `accounts.a.oauth.token_endpoint': expected a URL such as "
		  "\"https://login.example.net/token\", "
		  "of 1000 octets at most, got \"http://x.example/t\": http:// is for this machine only: secrets would "
		  "go "
		  "unencrypted\n"
		  "t:3: key `accounts.a.oauth.token_endpoint': missing: give it, or provider\n" },
		{ ACCOUNT("oauth = { };"), NULL },
		{ ACCOUNT("provider = \"gmail\"; password = \"p\"; oauth = { grant = \"user\"; client_id = \"i\"; };"),
		  "t:2: key `accounts.a.oauth': password is given too: give one of the two\n" },
		{ ACCOUNT("provider = \"nobody\"; password = \"p\";"), NULL },
		{ ACCOUNT("password = \"p\";"),
		  "t:1: key `accounts.a.host': missing: expected a host name in quotes; or give provider\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *c;
		struct buf errors;

		buf_init(&errors, 10000);
		c = config_check("t", slice_str(rows[i].text), &errors);
		if (rows[i].errors != NULL)
			assert_string_equal(buf_str(&errors), rows[i].errors);
		assert_int_equal(c == NULL, rows[i].errors == NULL || rows[i].errors[0] != '\0');
		config_free(&c);
		buf_free(&errors);
	}
}

static struct config *check(const char *text)
{
	struct buf errors;
	struct config *c;

	buf_init(&errors, 10000);
	c = config_check("t", slice_str(text), &errors);
	if (c == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	return c;
}

static void a_provider_fills_in_what_is_not_given(void **state)
{
	struct config *c = check(MS("grant = \"application\"; tenant = \"t.example\"; client_secret = \"s\";"));
	struct config_account *a = &c->accounts[0];

	(void)state;
	assert_string_equal(a->server.host, "outlook.office365.com");
	assert_int_equal(a->server.port, 993);
	assert_true(a->server.oauth);
	assert_string_equal(a->server.token.token_endpoint,
			    "https://login.microsoftonline.com/t.example/oauth2/v2.0/token");
	assert_string_equal(a->server.token.scope, "https://outlook.office365.com/.default");
	config_free(&c);
	c = check(
	    ACCOUNT("provider = \"outlook.com\"; host = \"h.example\"; tls = \"starttls\"; oauth = { grant = \"user\"; "
		    "client_id = \"i\"; scope = \"s\"; token_endpoint = \"https://x.example/{tenant}/{tenant}\"; };"));
	a = &c->accounts[0];
	assert_string_equal(a->server.host, "h.example");
	assert_int_equal(a->server.port, 143);
	assert_string_equal(a->server.token.token_endpoint, "https://x.example/consumers/consumers");
	assert_string_equal(a->server.token.authorization_endpoint,
			    "https://login.microsoftonline.com/consumers/oauth2/v2.0/authorize");
	assert_string_equal(a->server.token.scope, "s");
	config_free(&c);
	c = check(ACCOUNT("provider = \"gmail\"; password = \"p\";"));
	assert_false(c->accounts[0].server.oauth);
	assert_false(config_has_oauth(c));
	assert_string_equal(c->accounts[0].server.host, "imap.gmail.com");
	config_free(&c);
}

static void the_table_of_providers_is_sound(void **state)
{
	const struct key *k = key_find(KEYS_ACCOUNT, SLICE_LIT("provider"));
	size_t words = 0, n = 0;

	(void)state;
	for (; k->words[words] != NULL; words++)
		assert_non_null(provider_find(k->words[words]));
	for (const struct provider *p = provider_table; p->name != NULL; p++, n++) {
		const char *urls[] = { p->authorization_endpoint, p->token_endpoint, p->device_endpoint };
		char hint[VALUE_HINT_SIZE];
		struct url u;

		assert_int_equal(value_host(slice_str(p->host), hint), 0);
		assert_true(p->port != 0 && p->advice != NULL);
		for (size_t i = 0; i < 3; i++) {
			assert_true(urls[i] == NULL || url_parse(urls[i], &u, hint) == 0);
			assert_true(urls[i] == NULL || u.tls);
		}
		assert_int_equal(p->grants != 0, p->token_endpoint != NULL);
		assert_int_equal((p->grants & 1u << CONFIG_GRANT_APPLICATION) != 0, p->app_scope != NULL);
		assert_int_equal((p->grants & 1u << CONFIG_GRANT_DEVICE) != 0, p->device_endpoint != NULL);
	}
	assert_int_equal(n, words);
	assert_null(provider_find("Microsoft365"));
}

static char dir[] = "/tmp/mailferry-unit-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = mem_printf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	struct err e;

	assert_int_equal(file_write_all(fd, text, strlen(text), &e), 0);
	(void)fchmod(fd, mode);
	(void)close(fd);
	free(path);
}

static struct config *load(const char *text, struct buf *errors)
{
	char *path = mem_printf("%s/conf", dir);
	struct config *c;

	put("conf", text, 0600);
	buf_clear(errors);
	c = config_load(path, errors);
	free(path);
	return c;
}

static void secrets_reach_the_token_role_alone(void **state)
{
	static const char both[] =
	    "hostname = \"h.example\";\naccounts = {\n"
	    "a = { provider = \"microsoft365\"; user = \"u\"; addresses = [ \"@a.example\" ];\n"
	    "oauth = { grant = \"application\"; client_id = \"id\"; tenant = \"t\";\n"
	    "certificate_file = \"c.pem\"; key_file = \"k.pem\"; }; };\n"
	    "b = { host = \"h\"; user = \"u\"; addresses = [ \"@b.example\" ]; password = \"swordfish\"; };\n"
	    "g = { provider = \"gmail\"; user = \"u\"; addresses = [ \"@g.example\" ];\n"
	    "oauth = { grant = \"service-account\"; service_account_file = \"s.json\"; }; };\n"
	    "u = { provider = \"outlook.com\"; user = \"u\"; addresses = [ \"@u.example\" ];\n"
	    "oauth = { grant = \"user\"; client_id = \"id\"; client_secret_file = \"s\"; }; }; };\n";
	static const char *const secrets[] = { "CERTIFICATE\nline", "PRIVATE\n\"key\"\\x", "{ \"json\": \"secret\" }",
					       "client-secret" };
	static const enum config_part others[] = { CONFIG_PART_RECEIVER, CONFIG_PART_SPOOL, CONFIG_PART_CONNECT,
						   CONFIG_PART_STORE };
	struct config *c, *again;
	struct buf errors, part;

	(void)state;
	buf_init(&errors, 10000);
	buf_init(&part, 100000);
	put("c.pem", secrets[0], 0644);
	put("k.pem", secrets[1], 0600);
	put("s.json", secrets[2], 0600);
	put("s", "client-secret\n", 0600);
	c = load(both, &errors);
	if (c == NULL)
		fail_msg("%s", buf_str(&errors));
	assert_int_equal(config_render(c, CONFIG_PART_TOKEN, NULL, &part), 0);
	assert_null(strstr(buf_str(&part), "swordfish"));
	again = config_parse("part", buf_slice(&part), &errors);
	assert_non_null(again);
	assert_int_equal(again->naccounts, 3);
	assert_string_equal(again->accounts[0].server.token.certificate, secrets[0]);
	assert_string_equal(again->accounts[0].server.token.key, secrets[1]);
	assert_string_equal(again->accounts[1].server.token.service_account, secrets[2]);
	assert_string_equal(again->accounts[2].server.token.client_secret, secrets[3]);
	assert_int_equal(again->accounts[1].server.token.grant, CONFIG_GRANT_SERVICE_ACCOUNT);
	assert_string_equal(again->accounts[1].server.token.token_endpoint, "https://oauth2.googleapis.com/token");
	config_free(&again);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		for (size_t n = 0; n < c->naccounts; n++) {
			buf_clear(&part);
			assert_int_equal(config_render(c, others[i], c->accounts[n].name, &part), 0);
			assert_null(strstr(buf_str(&part), "CERTIFICATE"));
			assert_null(strstr(buf_str(&part), "PRIVATE"));
			assert_null(strstr(buf_str(&part), "json"));
			assert_null(strstr(buf_str(&part), "client-secret"));
			assert_int_equal(strstr(buf_str(&part), "token_endpoint") != NULL,
					 others[i] == CONFIG_PART_CONNECT);
		}
	}
	buf_clear(&part);
	assert_int_equal(config_render(c, CONFIG_PART_STORE, "u", &part), 0);
	again = config_parse("part", buf_slice(&part), &errors);
	assert_true(again->accounts[0].server.oauth);
	assert_int_equal(again->accounts[0].server.token.grant, CONFIG_GRANT_USER);
	config_free(&again);
	config_free(&c);

	put("k.pem", secrets[1], 0644);
	put("s.json", "", 0600);
	put("s", "\n", 0600);
	c = load(both, &errors);
	assert_null(c);
	assert_non_null(strstr(buf_str(&errors), "/conf:5: key `accounts.a.oauth.key_file': "));
	assert_non_null(strstr(buf_str(&errors), "/conf:8: key `accounts.g.oauth.service_account_file': "));
	assert_non_null(strstr(buf_str(&errors), "/conf:10: key `accounts.u.oauth.client_secret_file': "));
	assert_null(strstr(buf_str(&errors), "PRIVATE"));
	buf_free(&part);
	buf_free(&errors);
}

static int dir_make(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int dir_remove(void **state)
{
	char *command = mem_printf("rm -rf %s", dir);
	int r = system(command);

	(void)state;
	free(command);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(a_provider_fills_in_what_is_not_given),
		cmocka_unit_test(the_table_of_providers_is_sound),
		cmocka_unit_test(secrets_reach_the_token_role_alone),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
