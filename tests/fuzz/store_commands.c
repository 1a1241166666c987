/* What the server in store_peer.h does with a command. */
#include "store_peer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The word behind *AT, unquoted. */
void peer_take_word(const char **at, char *out, size_t size)
{
	size_t n = 0;
	bool quoted;

	while (**at == ' ')
		++*at;
	quoted = **at == '"';
	*at += quoted;
	while (**at != '\0' && (quoted ? **at != '"' : **at != ' ')) {
		if (quoted && **at == '\\' && (*at)[1] != '\0')
			++*at;
		if (n + 1 < size)
			out[n++] = **at;
		++*at;
	}
	out[n] = '\0';
	*at += quoted && **at == '"';
}

static void capabilities(struct connection *c)
{
	peer_say(c, "* CAPABILITY IMAP4rev1%s%s%s%s%s\r\n", peer.abilities & ABLE_PLUS ? " LITERAL+" : "",
		 peer.abilities & ABLE_MINUS ? " LITERAL-" : "", peer.abilities & ABLE_MULTI ? " MULTIAPPEND" : "",
		 peer.abilities & ABLE_UIDPLUS ? " UIDPLUS" : "", peer.abilities & ABLE_NAMESPACE ? " NAMESPACE" : "");
}

static void do_append(struct connection *c, const char *tag, const char *rest)
{
	char name[NAME_MAX_BYTES], uids[LITERALS_MAX * 12] = "";
	struct folder *f;

	peer_take_word(&rest, name, sizeof name);
	f = peer_folder(name);
	if (f == NULL) {
		peer_say(c, "%s NO [TRYCREATE] there is none\r\n", tag);
		return;
	}
	for (size_t i = 0; i < c->nliterals; i++) {
		size_t n = strlen(uids);

		(void)snprintf(uids + n, sizeof uids - n, "%s%lu", i > 0 ? "," : "",
			       (unsigned long)peer_keep(f, c->ids[i]));
	}
	if (peer.abilities & ABLE_UIDPLUS)
		peer_say(c, "%s OK [APPENDUID %lu %s] done\r\n", tag, (unsigned long)f->validity, uids);
	else
		peer_say(c, "%s OK done\r\n", tag);
}

static void do_fetch(struct connection *c, const char *tag, const char *rest)
{
	char set[60], *colon;
	unsigned long first, last;
	struct folder *f = c->selected;

	peer_take_word(&rest, set, sizeof set);
	first = strtoul(set, &colon, 10);
	last = *colon == ':' && colon[1] != '*' ? strtoul(colon + 1, NULL, 10) : UINT32_MAX;
	if (f == NULL) {
		peer_say(c, "%s BAD nothing is selected\r\n", tag);
		return;
	}
	if (*colon == ':' && colon[1] == '*' && f->n > 0 && first > f->all[f->n - 1].uid)
		first = f->all[f->n - 1].uid;
	for (size_t i = 0; i < f->n; i++) {
		struct message *m = &f->all[i];
		char line[200];

		if (m->uid < first || m->uid > last)
			continue;
		(void)snprintf(line, sizeof line,
			       "Received: from client.example by mail.office.example with SMTP id %s;\r\n"
			       "\tMon, 23 Nov 2026 12:00:00 +0000\r\n\r\n",
			       m->id);
		peer_say(c, "* %zu FETCH (UID %lu BODY[HEADER.FIELDS (RECEIVED)]%s {%zu}\r\n%s)\r\n", i + 1,
			 (unsigned long)m->uid, strstr(rest, "<0.") != NULL ? "<0>" : "", strlen(line), line);
	}
	peer_say(c, "%s OK done\r\n", tag);
}

static void do_search(struct connection *c, const char *tag, const char *rest)
{
	const char *id = strrchr(rest, ' ');

	peer_say(c, "* SEARCH");
	for (size_t i = 0; id != NULL && c->selected != NULL && i < c->selected->n; i++) {
		if (strcmp(c->selected->all[i].id, id + 1) == 0)
			peer_say(c, " %lu", (unsigned long)c->selected->all[i].uid);
	}
	peer_say(c, "\r\n%s OK done\r\n", tag);
}

static void do_list(struct connection *c, const char *tag, const char *rest)
{
	char reference[20], pattern[NAME_MAX_BYTES];

	peer_take_word(&rest, reference, sizeof reference);
	peer_take_word(&rest, pattern, sizeof pattern);
	if (pattern[0] == '\0')
		peer_say(c, "* LIST (\\Noselect) \"/\" \"\"\r\n");
	for (size_t i = 0; i < peer.nfolders; i++) {
		if (strchr(pattern, '*') != NULL || peer_folder(pattern) == &peer.folders[i])
			peer_say(c, "* LIST () \"/\" \"%s\"\r\n", peer.folders[i].name);
	}
	peer_say(c, "%s OK done\r\n", tag);
}

static void do_named(struct connection *c, const char *tag, const char *verb, const char *rest)
{
	char name[NAME_MAX_BYTES];
	struct folder *f;

	peer_take_word(&rest, name, sizeof name);
	f = peer_folder(name);
	if (strcmp(verb, "CREATE") == 0) {
		if (f == NULL && peer_folder_make(name) != NULL)
			peer_say(c, "%s OK made\r\n", tag);
		else
			peer_say(c, "%s NO [ALREADYEXISTS] no\r\n", tag);
	} else if (f == NULL) {
		peer_say(c, "%s NO [NONEXISTENT] no\r\n", tag);
	} else if (strcmp(verb, "STATUS") == 0) {
		peer_say(c, "* STATUS \"%s\" (UIDVALIDITY %lu UIDNEXT %lu)\r\n%s OK done\r\n", name,
			 (unsigned long)f->validity, (unsigned long)f->next, tag);
	} else {
		c->selected = f;
		peer_say(
		    c, "* %zu EXISTS\r\n* OK [UIDVALIDITY %lu] x\r\n* OK [UIDNEXT %lu] x\r\n%s OK [READ-ONLY] done\r\n",
		    f->n, (unsigned long)f->validity, (unsigned long)f->next, tag);
	}
}

/* Does what the client asked for, and says so. */
void peer_do(struct connection *c, const char *tag, const char *verb, const char *rest)
{
	if (strcmp(verb, "APPEND") == 0) {
		do_append(c, tag, rest);
	} else if (strcmp(verb, "UID") == 0 && strncmp(rest, " FETCH", 6) == 0) {
		do_fetch(c, tag, rest + 6);
	} else if (strcmp(verb, "UID") == 0) {
		do_search(c, tag, rest);
	} else if (strcmp(verb, "LIST") == 0) {
		do_list(c, tag, rest);
	} else if (strcmp(verb, "STATUS") == 0 || strcmp(verb, "EXAMINE") == 0 || strcmp(verb, "CREATE") == 0) {
		do_named(c, tag, verb, rest);
	} else if (strcmp(verb, "CAPABILITY") == 0) {
		capabilities(c);
		peer_say(c, "%s OK done\r\n", tag);
	} else if (strcmp(verb, "NAMESPACE") == 0) {
		peer_say(c, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%s OK done\r\n", tag);
	} else if (strcmp(verb, "LOGOUT") == 0) {
		peer_say(c, "* BYE\r\n%s OK done\r\n", tag);
		c->hang_up = true;
	} else {
		peer_say(c, "%s OK done\r\n", tag);
	}
}
