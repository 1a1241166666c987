/* The index behind config_route: all addresses of all accounts, sorted. */
#ifndef MAILFERRY_CONFIG_ROUTE_H
#define MAILFERRY_CONFIG_ROUTE_H

#include <stddef.h>

#include "config/config.h"
#include "config/report.h"

struct routes *routes_new(void);
void routes_free(struct routes **r);

/* ADDRESS, as configured on LINE, must live as long as R. LOCAL is "" for a whole domain. ACCOUNT counts in
 * c->accounts. */
void routes_add(struct routes *r, size_t account, const char *address, const char *local, const char *domain,
		unsigned line);

/* Sorts the index, once all is added; reports every address that stands in it twice. */
void routes_finish(struct config *c, struct report *report);

#endif
