/* What `auth' of a listener asks of the other keys. */
#include <stdio.h>

#include "config/verify.h"

static void listener_error(struct build *b, size_t i, const char *key, const char *text)
{
	char path[REPORT_PATH_SIZE];

	(void)snprintf(path, sizeof path, "listeners.%.120s.%s", b->config->listeners[i].name, key);
	report_error(b->report, build_line(&b->listeners[i], KEYS_LISTENER, key), path, "%s", text);
}

void auth_verify(struct build *b)
{
	const struct config *c = b->config;

	for (size_t i = 0; i < c->nlisteners; i++) {
		const struct config_listener *l = &c->listeners[i];

		if (l->auth != CONFIG_AUTH_OFF && c->users == NULL)
			listener_error(b, i, "auth",
				       "there is nobody who could log in: give the key users at the top level, such as "
				       "users = \"users\"; and make that file with: mailferry user add NAME");
		if (!l->auth_plaintext)
			continue;
		if (l->auth == CONFIG_AUTH_OFF)
			listener_error(b, i, "auth_plaintext", "auth is \"off\": nobody can log in here");
		else if (l->nnetworks == 0 && !build_given(&b->listeners[i], KEYS_LISTENER, "networks"))
			listener_error(b, i, "auth_plaintext",
				       "everybody may connect here, and everybody on the way could read the passwords: "
				       "give networks, or use TLS");
	}
}
