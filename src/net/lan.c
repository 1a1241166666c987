#include "net/lan.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool lan4(uint32_t a) /* host order */
{
	return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe;
}

bool lan_address(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const unsigned char *a = in6.sin6_addr.s6_addr;
	uint32_t mapped;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof in);
		return lan4(ntohl(in.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&in6, sa, sizeof in6);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			memcpy(&mapped, a + 12, sizeof mapped);
			return lan4(ntohl(mapped));
		}
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) ||
		       (a[0] & 0xfe) == 0xfc;
	default:
		return true;
	}
}

bool lan_peer(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;

	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0 && lan_address((struct sockaddr *)&sa);
}
