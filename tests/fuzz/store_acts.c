/* What the server in store_peer.h does instead, when the input says so; how it reads. */
#include "store_peer_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

static void do_later(struct connection *c, const char *rest)
{
	char name[NAME_MAX_BYTES];
	int64_t at = peer.now + (int64_t)peer_draw() * LATER_STEP_MS;
	struct folder *f;

	peer_take_word(&rest, name, sizeof name);
	f = peer_folder(name);
	for (size_t i = 0; f != NULL && i < c->nliterals && peer.nlater < LATER_MAX; i++) {
		struct later *l = &peer.later[peer.nlater++];

		*l = (struct later){ .at = at, .folder = (size_t)(f - peer.folders) };
		memcpy(l->id, c->ids[i], PEER_ID + 1);
	}
}

static void do_part(struct connection *c, const char *tag, const char *rest)
{
	char name[NAME_MAX_BYTES];
	size_t n = c->nliterals == 0 ? 0 : peer_draw() % c->nliterals;
	struct folder *f;

	peer_take_word(&rest, name, sizeof name);
	f = peer_folder(name);
	for (size_t i = 0; f != NULL && i < n; i++)
		(void)peer_keep(f, c->ids[i]);
	if (n > 0 && peer_draw() % 2 == 0)
		peer_say(c, "%s NO only a part\r\n", tag);
	else
		c->hang_up = true;
}

/* Done, but the answer is thrown away. */
static void do_quietly(struct connection *c, const char *tag, const char *verb, const char *rest)
{
	size_t before = c->out.n;

	peer_do(c, tag, verb, rest);
	buf_truncate(&c->out, before);
}

static void decide(struct connection *c, enum act act, const char *tag, const char *verb, const char *rest)
{
	size_t before = c->out.n;
	unsigned long number = strtoul(tag, NULL, 10);
	bool append = strcmp(verb, "APPEND") == 0;

	/* What may have been done or not. */
	if ((act == ACT_FAULT || act == ACT_BAD || act == ACT_SILENT || act == ACT_OTHER_TAG) && peer_draw() % 2 == 0)
		do_quietly(c, tag, verb, rest);
	switch (act) {
	case ACT_CUT_AFTER:
		do_quietly(c, tag, verb, rest);
		c->hang_up = true;
		return;
	case ACT_CUT_BEFORE:
		c->hang_up = true;
		return;
	case ACT_CUT_WITHIN:
		peer_do(c, tag, verb, rest);
		buf_truncate(&c->out, before + (c->out.n - before) * peer_draw() / 256);
		c->hang_up = true;
		return;
	case ACT_LATER:
		if (append)
			do_later(c, rest);
		c->hang_up = true;
		return;
	case ACT_REFUSE:
		peer_say(c, "%s NO %s\r\n", tag, append ? peer_refusal() : peer_fault());
		return;
	case ACT_FAULT:
		peer_say(c, "%s NO %s\r\n", tag, peer_fault());
		return;
	case ACT_BAD:
		peer_say(c, "%s BAD %s\r\n", tag, peer_fault());
		return;
	case ACT_SILENT:
		c->silent = true;
		return;
	case ACT_BYE:
		peer_say(c, "* BYE %s\r\n", peer_fault());
		c->hang_up = true;
		return;
	case ACT_OTHER_TAG:
		peer_say(c, "%lu OK done\r\n", number + 1 + peer_draw() % 3);
		return;
	case ACT_PART:
		do_part(c, tag, rest);
		return;
	case ACT_RAW:
		peer_say_raw(c, tag);
		return;
	case ACT_NOISE:
		peer_say_noise(c);
		break;
	case ACT_USER:
		peer_user_acts();
		break;
	case ACT_SLOW:
		c->slow = true;
		break;
	default:
		break;
	}
	peer_do(c, tag, verb, rest);
}

static bool is_login(const char *verb)
{
	static const char *const verbs[] = { "CAPABILITY", "LOGIN", "AUTHENTICATE", "NAMESPACE", "ENABLE", "ID" };

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (strcmp(verb, verbs[i]) == 0)
			return true;
	}
	return false;
}

static enum act choose(const char *verb, const char *rest)
{
	if ((is_login(verb) || strcmp(rest, " \"\" \"\"") == 0) && !peer.login_too)
		return 0;
	return (enum act)(peer_draw() % (ACTS + 12));
}

static void finish_command(struct connection *c)
{
	const char *at = buf_str(&c->command);
	char tag[24], verb[24];

	peer_take_word(&at, tag, sizeof tag);
	peer_take_word(&at, verb, sizeof verb);
	decide(c, choose(verb, at), tag, verb, at);
	buf_clear(&c->command);
	c->nliterals = 0;
}

/* The head of a literal was read: how many octets it has, and whether the client waits for leave. */
static void begin_literal(struct connection *c, uint64_t n, bool waits)
{
	const char *at = buf_str(&c->command);
	char tag[24];
	enum act act = waits ? (enum act)(peer_draw() % (ACTS + 12)) : 0;

	c->in_literal = true;
	c->left = n;
	buf_clear(&c->literal);
	if (!waits)
		return;
	peer_take_word(&at, tag, sizeof tag);
	switch (act) {
	case ACT_CUT_BEFORE:
	case ACT_CUT_AFTER:
	case ACT_LATER:
		c->hang_up = true;
		return;
	case ACT_BYE:
		peer_say(c, "* BYE %s\r\n", peer_fault());
		c->hang_up = true;
		return;
	case ACT_SILENT:
		c->silent = true;
		return;
	case ACT_REFUSE:
	case ACT_FAULT:
	case ACT_BAD:
		peer_say(c, "%s %s %s\r\n", tag, act == ACT_BAD ? "BAD" : "NO",
			 act == ACT_REFUSE ? peer_refusal() : peer_fault());
		c->in_literal = false;
		buf_clear(&c->command);
		c->nliterals = 0;
		return;
	case ACT_RAW:
		peer_say_raw(c, tag);
		return;
	case ACT_NOISE:
		peer_say_noise(c);
		break;
	default:
		break;
	}
	peer_say(c, "+ go on\r\n");
}

static void end_literal(struct connection *c)
{
	static const char mark[] = " id ";
	const char *at;

	(void)buf_str(&c->literal);
	at = c->literal.n == 0 ? NULL : strstr(c->literal.p, mark);
	c->in_literal = false;
	if (c->nliterals == LITERALS_MAX)
		abort();
	memset(c->ids[c->nliterals], 0, PEER_ID + 1);
	if (at != NULL && strlen(at) > sizeof mark + PEER_ID)
		memcpy(c->ids[c->nliterals], at + sizeof mark - 1, PEER_ID);
	c->nliterals++;
}

/* A line of a command; "{N}" or "{N+}" at its end. */
static void take_line(struct connection *c, struct slice line)
{
	size_t at = line.n;
	uint64_t n;
	bool plus;

	(void)buf_add_slice(&c->command, line);
	if (line.n < 3 || line.p[line.n - 1] != '}') {
		finish_command(c);
		return;
	}
	while (at > 0 && line.p[at - 1] != '{')
		at--;
	plus = line.p[line.n - 2] == '+';
	if (slice_number(slice_of(line.p + at, line.n - at - (plus ? 2 : 1)), UINT32_MAX, &n) != 0)
		abort();
	begin_literal(c, n, !plus);
}

/* One step of what was read; false when more is needed. */
bool peer_parse(struct connection *c)
{
	size_t n;

	if (c->silent || c->hang_up || c->in.n == 0)
		return false;
	if (c->in_literal) {
		n = c->left < c->in.n ? (size_t)c->left : c->in.n;
		(void)buf_add(&c->literal, c->in.p, n);
		buf_consume(&c->in, n);
		c->left -= n;
		if (c->left == 0)
			end_literal(c);
		return true;
	}
	for (n = 0; n + 1 < c->in.n; n++) {
		if (c->in.p[n] == '\r' && c->in.p[n + 1] == '\n') {
			char *line = slice_dup(slice_of(c->in.p, n));

			buf_consume(&c->in, n + 2);
			take_line(c, slice_of(line, n));
			free(line);
			return true;
		}
	}
	return false;
}
