/* mailferry route: which account and which rules does an address meet, and why? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "cmd/command.h"
#include "config/config.h"
#include "msg/address.h"

enum { TEXT_MAX = 256 * 1024 };

/* ADDRESS as in RCPT TO, with or without its brackets. */
static int address_read(const char *text, struct address *out)
{
	struct slice s = slice_str(text);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = slice_of(s.p + 1, s.n - 2);
	if (slice_eq_nocase(s, SLICE_LIT("postmaster"))) {
		*out = (struct address){ slice_dup(s), slice_dup(SLICE_NONE) };
		return 0;
	}
	return address_parse(s, true, out) == ADDRESS_OK ? 0 : -1;
}

static const char *match_name(enum route_match match)
{
	switch (match) {
	case ROUTE_NONE:
		return "none";
	case ROUTE_EXACT:
		return "exact";
	case ROUTE_DETAIL:
		return "detail";
	case ROUTE_DOMAIN:
		return "domain";
	case ROUTE_POSTMASTER:
		return "postmaster";
	}
	return "";
}

static void json_print(const char *text, const struct route *r, const char *why)
{
	const struct config_account *a = r->account;
	json_t *o =
	    json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s}", "address", text, "account", a ? a->name : NULL, "match",
		      match_name(r->match), "configured", r->address, "rules", a ? a->rules : NULL, "why", why);
	char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

	(void)printf("%s\n", line == NULL ? "{}" : line);
	free(line);
	json_decref(o);
}

static void text_print(const char *text, const struct route *r, const char *why)
{
	const struct config_account *a = r->account;

	if (a == NULL) {
		(void)printf("%s\n  refused: 550\n  why:     %s\n", text, why);
		return;
	}
	(void)printf("%s\n  account: %s (%s at %s, port %u)\n  rules:   %s\n  why:     %s\n", text, a->name, a->user,
		     a->host, a->port, a->rules == NULL ? "none, all mail goes to INBOX" : a->rules, why);
}

static int address_route(const struct command *self, const struct config *c, const char *text, bool json)
{
	struct address address;
	struct route r;
	struct buf why;

	if (address_read(text, &address) != 0)
		return command_usage(self, "\"%s\" is no address: expected NAME@DOMAIN", text);
	r = config_route(c, address.local, address.domain);
	buf_init(&why, 2000);
	if (r.account == NULL && strpbrk(address.local, "%!@") != NULL && config_has_domain(c, address.domain))
		(void)buf_add_str(
		    &why, "it asks for mail to be sent on to another server, and no account has just this address");
	else
		(void)route_explain(&r, &why);
	(json ? json_print : text_print)(text, &r, buf_str(&why));
	buf_free(&why);
	address_free(&address);
	return r.account == NULL ? EX_NOUSER : EX_OK;
}

int command_route(const struct command *self, const char *config_file, int argc, char **argv)
{
	static const struct option known[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	bool json = false;
	struct config *c;
	struct buf errors;
	int status = EX_OK, o;

	opterr = 0;
	optind = 0;
	while ((o = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (o != 'j')
			return command_usage(self, "unknown option %s", argv[optind - 1]);
		json = true;
	}
	if (optind >= argc)
		return command_usage(self, "expected an address");
	buf_init(&errors, TEXT_MAX);
	c = config_look(config_file, &errors);
	(void)fputs(buf_str(&errors), stderr);
	buf_free(&errors);
	if (c == NULL)
		return EX_CONFIG;
	for (int i = optind; i < argc; i++) {
		int one = address_route(self, c, argv[i], json);

		status = one != EX_OK ? one : status;
	}
	config_free(&c);
	return status;
}
