/* What `auth' of a listener asks of the other keys. */
#include "config/verify.h"

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
		/* Networks that were given and could not be read are an error already. */
		else if (config_is_open(l) &&
			 (l->nnetworks > 0 || !build_given(&b->listeners[i], KEYS_LISTENER, "networks")))
			listener_error(b, i, "auth_plaintext",
				       "everybody may connect here, and everybody on the way could read the passwords: "
				       "give networks, or use TLS");
	}
}
