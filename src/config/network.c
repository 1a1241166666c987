#include "config/config.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "config/value.h"

bool config_network_has(const struct config_network *n, const void *sockaddr)
{
	const struct sockaddr *sa = sockaddr;
	unsigned char bytes[16];
	bool ipv6 = sa->sa_family == AF_INET6;
	unsigned whole = n->bits / 8, part = n->bits % 8;

	if (ipv6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sockaddr, sizeof(in6));
		memcpy(bytes, &in6.sin6_addr, 16);
		/* A socket that takes both sees IPv4 clients so (RFC 4291, 2.5.5.2). They are in no network of IPv6: one that
		 * looks small there may hold all of IPv4. */
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			memmove(bytes, bytes + 12, 4);
			ipv6 = false;
		}
	} else if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sockaddr, sizeof(in));
		memcpy(bytes, &in.sin_addr, 4);
	} else {
		return sa->sa_family == AF_UNIX && n->local;
	}
	if (n->local)
		return false;
	if (ipv6 != n->ipv6 || memcmp(bytes, n->bytes, whole) != 0)
		return false;
	return part == 0 || (((bytes[whole] ^ n->bytes[whole]) & (0xff << (8 - part))) & 0xff) == 0;
}

/* Blocks that are nobody's on the Internet (RFC 6890): as wide as you like. */
static bool is_private(const struct config_network *n)
{
	static const char *const blocks[] = { "10.0.0.0/8",  "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8",
					      "169.254.0.0/16", "100.64.0.0/10", "fc00::/7",	    "fe80::/10" };

	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
		struct config_network block;
		char hint[VALUE_HINT_SIZE];
		unsigned whole, part;

		if (value_network(slice_str(blocks[i]), &block, hint) != 0 || block.ipv6 != n->ipv6 || block.bits > n->bits)
			continue;
		whole = block.bits / 8;
		part = block.bits % 8;
		if (memcmp(block.bytes, n->bytes, whole) == 0 &&
		    (part == 0 || ((block.bytes[whole] ^ n->bytes[whole]) >> (8 - part)) == 0))
			return true;
	}
	return false;
}

bool config_network_is_wide(const struct config_network *n)
{
	return !is_private(n) && n->bits < (n->ipv6 ? 32 : 16);
}
