/* Apart from what needs OpenSSL: a session knows names without knowing TLS. */
#include "net/binding.h"

const char *binding_name(enum binding_type type)
{
	static const char *const names[] = { [BINDING_EXPORTER] = "tls-exporter",
					     [BINDING_UNIQUE] = "tls-unique",
					     [BINDING_END_POINT] = "tls-server-end-point" };

	return names[type];
}
