/* mailferry route: which account and which rules does an address meet, and why? */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "base/clock.h"
#include "cmd/command.h"
#include "cmd/control.h"
#include "cmd/text.h"
#include "config/config.h"
#include "msg/address.h"
#include "msg/special_use.h"
#include "spool/admin.h"

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

/* What a running daemon knows of the account's store. */
struct store {
	int64_t at_ms; /* 0: nothing */
	struct facts facts;
};

/* Without a daemon, or without leave to ask it, the route is all that there is to say. */
static void ask_store(struct spool_admin *admin, const struct route *r, struct store *s)
{
	struct err e;

	*s = (struct store){ .facts = { .append_limit = UINT64_MAX } };
	if (admin != NULL && r->account != NULL &&
	    spool_admin_facts(admin, r->account->name, &s->at_ms, &s->facts, &e) != 0)
		s->at_ms = 0;
}

static json_t *store_json(const struct store *s)
{
	json_t *o = json_object(), *folders = json_array();
	char at[CLOCK_STAMP_SIZE];

	clock_stamp(s->at_ms, at);
	(void)json_object_set_new(o, "told", json_string(at));
	(void)json_object_set_new(o, "append_limit",
				  s->facts.append_limit <= INT64_MAX ? json_integer((json_int_t)s->facts.append_limit)
								     : json_null());
	for (size_t i = 0; i < s->facts.n; i++) {
		const struct facts_folder *f = &s->facts.folders[i];
		char uses[SPECIAL_USE_NAMES_SIZE];

		special_use_names(f->uses, uses, sizeof uses);
		(void)json_array_append_new(folders, json_pack("{s:s, s:s}", "name", f->name, "use", uses));
	}
	(void)json_object_set_new(o, "folders", folders);
	(void)json_object_set_new(o, "utf8", json_boolean(s->facts.utf8));
	(void)json_object_set_new(o, "cut", json_boolean(s->facts.cut));
	return o;
}

/* Does source S bring mail for this recipient? All of its mail, or what names him in a field: HEADERS. */
static bool source_brings(const struct config_source *s, const struct address *to, const struct route *r, bool *headers)
{
	struct address all;
	bool same;

	*headers = s->nrecipient_headers > 0;
	if (*headers || r->account == NULL)
		return r->account != NULL;
	if (s->to == NULL || address_parse(slice_str(s->to), true, &all) != ADDRESS_OK)
		return false;
	same = slice_eq_nocase(slice_str(all.local), slice_str(to->local)) &&
	       slice_eq_nocase(slice_str(all.domain), slice_str(to->domain));
	address_free(&all);
	return same;
}

static json_t *sources_json(const struct config *c, const struct address *to, const struct route *r)
{
	json_t *all = json_array();
	bool headers;

	for (size_t i = 0; i < c->nsources; i++) {
		if (source_brings(&c->sources[i], to, r, &headers))
			(void)json_array_append_new(all, json_string(c->sources[i].name));
	}
	return all;
}

static void sources_print(const struct config *c, const struct address *to, const struct route *r)
{
	const char *before = "  sources: ";
	bool headers;

	for (size_t i = 0; i < c->nsources; i++) {
		if (!source_brings(&c->sources[i], to, r, &headers))
			continue;
		(void)printf("%s%s (%s)", before, c->sources[i].name,
			     headers ? "what names this address in its recipients_from" : "all its mail");
		before = ", ";
	}
	if (before[0] == ',')
		(void)printf("\n");
}

static void json_print(const char *text, const struct route *r, const char *why, const struct store *s, json_t *sources)
{
	const struct config_account *a = r->account;
	json_t *o =
	    json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s, s:o, s:o}", "address", text, "account", a ? a->name : NULL,
		      "match", match_name(r->match), "configured", r->address, "rules", a ? a->rules : NULL, "why", why,
		      "store", s->at_ms == 0 ? json_null() : store_json(s), "sources", sources);
	char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

	(void)printf("%s\n", line == NULL ? "{}" : line);
	free(line);
	json_decref(o);
}

static void store_print(const struct store *s)
{
	char at[TEXT_TIME_SIZE];

	if (s->at_ms == 0)
		return;
	text_time(s->at_ms, at);
	(void)printf("  store:   ");
	if (s->facts.append_limit == UINT64_MAX)
		(void)printf("does not tell how large a message may be");
	else
		(void)printf("messages of %llu octets at most", (unsigned long long)s->facts.append_limit);
	(void)printf("; %zu folders%s; told %s%s\n", s->facts.n, s->facts.cut ? " and more" : "", at,
		     s->facts.utf8 ? "; takes SMTPUTF8" : "");
}

static void text_print(const char *text, const struct route *r, const char *why, const struct store *s)
{
	const struct config_account *a = r->account;

	if (a == NULL) {
		(void)printf("%s\n  refused: 550\n  why:     %s\n", text, why);
		return;
	}
	(void)printf("%s\n  account: %s (%s at %s, port %u)\n  rules:   %s\n  why:     %s\n", text, a->name,
		     a->server.user, a->server.host, a->server.port,
		     a->rules == NULL ? "none, all mail goes to INBOX" : a->rules, why);
	store_print(s);
}

/* A source's name stands for the recipient of all its mail. 0, or -1 when it has none. */
static int source_read(const struct config_source *s, struct address *out)
{
	return s->to == NULL || address_parse(slice_str(s->to), true, out) != ADDRESS_OK ? -1 : 0;
}

static int address_route(const struct command *self, const struct config *c, struct spool_admin *admin,
			 const char *text, bool json)
{
	const struct config_source *source = config_source(c, text);
	struct store store;
	struct address address;
	struct route r;
	struct buf why;

	if (source != NULL && source_read(source, &address) != 0)
		return command_usage(self, "source %s takes recipients from each message: ask for one of the addresses",
				     text);
	if (source == NULL && address_read(text, &address) != 0)
		return command_usage(self, "\"%s\" is no address: expected NAME@DOMAIN", text);
	r = config_route(c, address.local, address.domain);
	buf_init(&why, 2000);
	if (r.account == NULL && strpbrk(address.local, "%!@") != NULL && config_has_domain(c, address.domain))
		(void)buf_add_str(
		    &why, "it asks for mail to be sent on to another server, and no account has just this address");
	else
		(void)route_explain(&r, &why);
	ask_store(admin, &r, &store);
	if (json) {
		json_print(text, &r, buf_str(&why), &store, sources_json(c, &address, &r));
	} else {
		text_print(text, &r, buf_str(&why), &store);
		sources_print(c, &address, &r);
	}
	facts_free(&store.facts);
	buf_free(&why);
	address_free(&address);
	return r.account == NULL ? EX_NOUSER : EX_OK;
}

int command_route(const struct command *self, const char *config_file, int argc, char **argv)
{
	static const struct option known[] = { { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	struct spool_admin *admin = NULL;
	bool json = false;
	struct config *c;
	struct buf errors;
	struct err e;
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
	o = control_connect(c->control, config_file, CONTROL_WANT_SPOOL, &e);
	if (o >= 0)
		admin = spool_admin_new(o);
	for (int i = optind; i < argc; i++) {
		int one = address_route(self, c, admin, argv[i], json);

		status = one != EX_OK ? one : status;
	}
	spool_admin_free(&admin);
	config_free(&c);
	return status;
}
