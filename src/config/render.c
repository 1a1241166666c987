#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/value.h"

struct renderer {
	struct buf *out;
	unsigned part; /* a bit of struct key's parts */
	unsigned depth;
};

static void indent(const struct renderer *r)
{
	for (unsigned i = 0; i < r->depth; i++)
		(void)buf_add_char(r->out, '\t');
}

static void text_print(struct buf *out, const char *s)
{
	(void)buf_add_char(out, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			(void)buf_add_char(out, '\\');
		if (c < 0x20 || c >= 0x7f)
			(void)buf_addf(out, "\\x%02x", c);
		else
			(void)buf_add_char(out, (char)c);
	}
	(void)buf_add_char(out, '"');
}

static void list_print(const struct key *k, const void *at, size_t n, struct buf *out)
{
	const struct config_network *networks;
	char *const *texts; /* all the others */

	memcpy(&networks, at, sizeof(networks));
	memcpy(&texts, at, sizeof(texts));
	(void)buf_add_str(out, "[");
	for (size_t i = 0; i < n; i++) {
		(void)buf_add_str(out, i == 0 ? " " : ",\n\t\t\t");
		if (k->type != KEY_NETWORKS) {
			text_print(out, texts[i]);
			continue;
		}
		(void)buf_add_char(out, '"');
		value_network_print(&networks[i], out);
		(void)buf_add_char(out, '"');
	}
	(void)buf_add_str(out, " ]");
}

static void delete_print(const struct key *k, const void *base, struct buf *out)
{
	enum config_delete when;
	int64_t after;

	memcpy(&when, (const char *)base + k->offset, sizeof when);
	memcpy(&after, (const char *)base + k->offset2, sizeof after);
	(void)buf_add_char(out, '"');
	if (when == CONFIG_DELETE_ACCEPTED && after > 0)
		value_duration_print(after, out);
	else
		(void)buf_add_str(out, when == CONFIG_DELETE_NEVER	? "never"
				       : when == CONFIG_DELETE_ACCEPTED ? "at-once"
									: "after-delivery");
	(void)buf_add_char(out, '"');
}

static bool is_list(const struct key *k)
{
	return k->type >= KEY_NETWORKS && k->type < KEY_GROUP;
}

/* Nothing for a key that has no value. */
static void key_print(const struct renderer *r, const struct key *k, const void *base)
{
	const char *at = (const char *)base + k->offset;
	const char *text = NULL;
	unsigned count = 0;
	uint16_t port = 0;
	int64_t number = 0;
	size_t n = 0;
	bool flag = false;

	if (k->type == KEY_GROUP)
		return;
	if (k->type <= KEY_SECRETS)
		memcpy(&text, at, sizeof(text));
	if (is_list(k))
		memcpy(&n, (const char *)base + k->offset2, sizeof(n));
	if (k->type == KEY_SIZE || k->type == KEY_DURATION)
		memcpy(&number, at, sizeof(number));
	if ((k->type <= KEY_SECRETS && text == NULL) || (is_list(k) && n == 0 && !k->may_be_empty))
		return;
	if ((k->type == KEY_SIZE || k->type == KEY_DURATION) && number < k->min)
		return;
	indent(r);
	(void)buf_addf(r->out, "%s = ", k->name);
	switch (k->type) {
	case KEY_PORT:
		memcpy(&port, at, sizeof(port));
		(void)buf_addf(r->out, "%u", port);
		break;
	case KEY_ENUM:
		memcpy(&count, at, sizeof(count));
		text_print(r->out, k->words[count]);
		break;
	case KEY_COUNT:
		memcpy(&count, at, sizeof(count));
		(void)buf_addf(r->out, "%u", count);
		break;
	case KEY_BOOL:
		memcpy(&flag, at, sizeof(flag));
		(void)buf_add_str(r->out, flag ? "true" : "false");
		break;
	case KEY_SIZE:
	case KEY_DURATION:
		(void)buf_add_char(r->out, '"');
		if (k->type == KEY_SIZE)
			value_size_print(number, r->out);
		else
			value_duration_print(number, r->out);
		(void)buf_add_char(r->out, '"');
		break;
	case KEY_DELETE:
		delete_print(k, base, r->out);
		break;
	case KEY_NETWORKS:
	case KEY_ADDRESSES:
	case KEY_PINS:
	case KEY_FIELDS:
	case KEY_PATTERNS:
	case KEY_FOLDERS:
	case KEY_TIMES:
	case KEY_NAMES:
	case KEY_SENDERS:
		list_print(k, at, n, r->out);
		break;
	default:
		text_print(r->out, text);
	}
	(void)buf_add_str(r->out, ";\n");
}

static void group_print(const struct renderer *r, enum key_group group, const void *base)
{
	const struct key *k;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		if (k->group == group && (k->parts & r->part) != 0)
			key_print(r, k, base);
	}
}

static bool group_has(const struct renderer *r, enum key_group group)
{
	const struct key *k;

	for (size_t i = 0; (k = key_at(i)) != NULL; i++) {
		if (k->group == group && (k->parts & r->part) != 0)
			return true;
	}
	return false;
}

static void open_print(struct renderer *r, const char *name)
{
	indent(r);
	(void)buf_addf(r->out, "%s = {\n", name);
	r->depth++;
}

static void close_print(struct renderer *r)
{
	r->depth--;
	indent(r);
	(void)buf_add_str(r->out, "};\n");
}

/* What of SERVER is for the part in hand. */
static void server_print(struct renderer *r, const struct config_server *server)
{
	struct renderer inner = *r;

	/* The fetcher stands to its source as a store to its account; so does the relay. */
	if ((server->of_source && r->part == 1u << CONFIG_PART_FETCH) ||
	    (server->of_relay && r->part == 1u << CONFIG_PART_RELAY))
		inner.part = 1u << CONFIG_PART_STORE;
	group_print(&inner, KEYS_SERVER, server);
	if (server->oauth && group_has(&inner, KEYS_OAUTH)) {
		open_print(&inner, "oauth");
		group_print(&inner, KEYS_OAUTH, server);
		close_print(&inner);
	}
}

static void account_print(struct renderer *r, const struct config_account *a)
{
	open_print(r, a->name);
	server_print(r, &a->server);
	group_print(r, KEYS_ACCOUNT, a);
	close_print(r);
}

static void source_print(struct renderer *r, const struct config_source *s)
{
	open_print(r, s->name);
	server_print(r, &s->server);
	group_print(r, KEYS_SOURCE, s);
	if (group_has(r, KEYS_SKIP)) {
		open_print(r, "skip");
		group_print(r, KEYS_SKIP, s);
		close_print(r);
	}
	close_print(r);
}

static void relay_print(struct renderer *r, const struct config *c)
{
	if (c->relay != NULL) {
		open_print(r, CONFIG_RELAY);
		server_print(r, &c->relay->server);
		group_print(r, KEYS_RELAY, c->relay);
		close_print(r);
	}
	if (c->nrelay_for == 0 || !group_has(r, KEYS_RELAY_FOR))
		return;
	open_print(r, "relay_for");
	for (size_t i = 0; i < c->nrelay_for; i++) {
		open_print(r, c->relay_for[i].name);
		group_print(r, KEYS_RELAY_FOR, &c->relay_for[i]);
		close_print(r);
	}
	close_print(r);
}

/* The relay's server is the business of those who connect and log in; what rules may send, of those who ask the rules. */
static bool part_has_relay(const struct config *c, enum config_part part)
{
	return part != CONFIG_PART_STORE &&
	       (part != CONFIG_PART_TOKEN || (c->relay != NULL && c->relay->server.oauth));
}

int config_render(const struct config *c, enum config_part part, const char *name, struct buf *out)
{
	struct renderer r = { out, 1u << part, 0 };

	group_print(&r, KEYS_TOP, c);
	open_print(&r, "limits");
	group_print(&r, KEYS_LIMITS, c);
	close_print(&r);
	if (part == CONFIG_PART_RECEIVER && c->ncertificates > 0) {
		open_print(&r, "certificates");
		for (size_t i = 0; i < c->ncertificates; i++) {
			open_print(&r, c->certificates[i].name);
			group_print(&r, KEYS_CERTIFICATE, &c->certificates[i]);
			close_print(&r);
		}
		close_print(&r);
	}
	if (part == CONFIG_PART_RECEIVER) {
		open_print(&r, "listeners");
		for (size_t i = 0; i < c->nlisteners; i++) {
			open_print(&r, c->listeners[i].name);
			group_print(&r, KEYS_LISTENER, &c->listeners[i]);
			close_print(&r);
		}
		close_print(&r);
	}
	if (c->nmilters > 0 && (part == CONFIG_PART_RECEIVER || part == CONFIG_PART_CONNECT)) {
		open_print(&r, "milters");
		for (size_t i = 0; i < c->nmilters; i++) {
			open_print(&r, c->milters[i].name);
			group_print(&r, KEYS_MILTER, &c->milters[i]);
			close_print(&r);
		}
		close_print(&r);
	}
	if (part_has_relay(c, part))
		relay_print(&r, c);
	open_print(&r, "accounts");
	for (size_t i = 0; i < c->naccounts; i++) {
		const struct config_account *a = &c->accounts[i];

		if (part == CONFIG_PART_RELAY ||
		    (part == CONFIG_PART_STORE && (name == NULL || strcmp(a->name, name) != 0)))
			continue;
		if (part != CONFIG_PART_TOKEN || a->server.oauth)
			account_print(&r, a);
	}
	close_print(&r);
	/* The spool is told by each fetcher whose it is: it need not start anew for a change of sources. */
	if (part == CONFIG_PART_RECEIVER || part == CONFIG_PART_STORE || part == CONFIG_PART_SPOOL ||
	    part == CONFIG_PART_RELAY || c->nsources == 0)
		return buf_failed(out) ? -1 : 0;
	open_print(&r, "sources");
	for (size_t i = 0; i < c->nsources; i++) {
		const struct config_source *s = &c->sources[i];

		if (part == CONFIG_PART_FETCH && (name == NULL || strcmp(s->name, name) != 0))
			continue;
		if (part != CONFIG_PART_TOKEN || s->server.oauth)
			source_print(&r, s);
	}
	close_print(&r);
	return buf_failed(out) ? -1 : 0;
}
