/* What looking up names needs of the file system, and a connector's child that does it. */
#ifndef MAILFERRY_ROLE_RESOLVER_H
#define MAILFERRY_ROLE_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

enum { RESOLVER_DNS_PORT = 53 };

/* Directories in which the files lie that the C library reads again when they change. NULL ends them. */
extern const char *const resolver_directories[];

/* Loads now what the C library would load with the first name: the modules that /etc/nsswitch.conf names, which are
 * program code and can't be loaded later. */
void resolver_prepare(void);

/* For a child that connects to PORT and does nothing else: of the files it keeps those of the resolver as they are now, and
 * of the ports PORT and that of name servers. Where that can't be done, what its parent is confined to holds. */
void resolver_narrow(uint16_t port);

#endif
