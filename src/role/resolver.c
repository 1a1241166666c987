#include "role/resolver.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/slice.h"
#include "role/landlock.h"

enum { NSSWITCH_MAX = 64 * 1024, MODULE_NAME = 64 };

/* Links and what replaces resolv.conf lie in other directories than /etc. */
const char *const resolver_directories[] = { "/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
					     "/run/connman", "/run/nscd", "/var/cache/nscd", NULL };

static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts",	  "/etc/nsswitch.conf", "/etc/host.conf",
				     "/etc/gai.conf",	 "/etc/services", "/etc/mdns.allow",	"/run/systemd/resolve",
				     "/run/nscd",	 "/var/cache/nscd" };

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
			return false;
	return s.n > 0 && s.n < MODULE_NAME - 20;
}

/* It stays loaded. What is part of the C library has no file, and one that is missing is passed over by that too. */
static void module_load(struct slice name)
{
	char file[MODULE_NAME];

	if (!is_name(name))
		return;
	(void)snprintf(file, sizeof file, "libnss_%.*s.so.2", (int)name.n, name.p);
	(void)dlopen(file, RTLD_NOW | RTLD_GLOBAL);
}

/* "hosts: files resolve [!UNAVAIL=return] dns" */
static void line_load(struct slice line)
{
	static const char hosts[] = "hosts:";
	bool inside = false;

	line = slice_trim(line);
	if (line.n < sizeof hosts - 1 || memcmp(line.p, hosts, sizeof hosts - 1) != 0)
		return;
	line = slice_skip(line, sizeof hosts - 1);
	while (line.n > 0) {
		size_t n = 0;

		while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t' && line.p[n] != '#')
			n++;
		if (n > 0 && line.p[0] == '[')
			inside = true;
		if (!inside)
			module_load(slice_of(line.p, n));
		if (n > 0 && line.p[n - 1] == ']')
			inside = false;
		if (n < line.n && line.p[n] == '#')
			return;
		line = slice_skip(line, n < line.n ? n + 1 : n);
	}
}

static void modules_load(void)
{
	struct slice rest;
	struct buf text;
	struct err e;

	buf_init(&text, NSSWITCH_MAX);
	(void)file_read("/etc/nsswitch.conf", &text, &e);
	for (rest = buf_slice(&text); rest.n > 0;) {
		size_t n = slice_find(rest, '\n');

		line_load(slice_of(rest.p, n));
		rest = slice_skip(rest, n < rest.n ? n + 1 : n);
	}
	buf_free(&text);
}

void resolver_prepare(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	modules_load();
	/* The C library's own beginnings; asks no name server. */
	if (getaddrinfo("localhost", NULL, &hints, &list) == 0)
		freeaddrinfo(list);
}

void resolver_narrow(uint16_t port)
{
	int abi = landlock_abi(), set = abi < 2 ? -1 : landlock_new(abi);

	if (set < 0)
		return;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)landlock_allow_path(set, abi, files[i], LANDLOCK_READ);
	(void)landlock_allow_port(set, abi, port);
	(void)landlock_allow_port(set, abi, RESOLVER_DNS_PORT);
	(void)landlock_enter(set, abi);
	(void)close(set);
}
