/* For the tests of access tokens: an account of a configuration. */
#ifndef MAILFERRY_TESTS_OAUTH_TOOLS_H
#define MAILFERRY_TESTS_OAUTH_TOOLS_H

#define SECRET "sesame-open-sesame"
#define ACCOUNT(keys)                                                                                                  \
	"accounts = { a = { provider = \"microsoft365\"; user = \"scan@office.example\"; "                             \
	"addresses = [ \"@office.example\" ]; oauth = { tenant = \"office.example\"; client_id = \"id 1\"; " keys      \
	" }; }; };\n"

extern struct config *account_config;

/* The account of a configuration with KEYS; lives until the next call. */
struct config_server *account_of(const char *text);
int account_forget(void **state);

#endif
