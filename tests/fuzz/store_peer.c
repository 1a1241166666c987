#include "store_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/slice.h"

enum {
	CONNECTIONS_MAX = 1000,
	FOLDERS_MAX = 24,
	NAME_MAX_BYTES = 200,
	LITERALS_MAX = 64,
	KEPT_MAX = 2000,
	LATER_MAX = 64,
	STREAM_MAX = 16 * 1024 * 1024,
	LATER_STEP_MS = 200 /* times a byte: up to 51 seconds, less than the settle time */
};

/* What the input can make of one command. Honest ones keep to what they say. */
enum act {
	ACT_CUT_AFTER = 1, /* does it, and hangs up */
	ACT_CUT_BEFORE,
	ACT_CUT_WITHIN, /* does it, and hangs up within the answer */
	ACT_LATER,	/* hangs up, and does it some seconds later */
	ACT_REFUSE,	/* NO, not done */
	ACT_FAULT,	/* NO of a kind that says nothing, done or not */
	ACT_BAD,	/* done or not */
	ACT_SILENT,	/* done or not */
	ACT_BYE,
	ACT_OTHER_TAG, /* done or not */
	ACT_NOISE,
	ACT_USER,
	ACT_PART, /* keeps a part of several, and hangs up or says NO */
	ACT_SLOW, /* the answer comes in small pieces */
	ACT_RAW,
	ACTS
};

struct message {
	uint32_t uid;
	char id[PEER_ID + 1];
};

struct folder {
	char name[NAME_MAX_BYTES];
	uint32_t validity, next;
	struct message *all;
	size_t n;
};

struct connection {
	int fd; /* -1: over */
	struct buf in, out, seen, fed;
	struct buf command; /* the lines of the command so far, without literals */
	char ids[LITERALS_MAX][PEER_ID + 1];
	size_t nliterals;
	struct buf literal;
	uint64_t left; /* octets of a literal that are to come */
	bool in_literal, silent, hang_up, greeted, slow;
	struct folder *selected;
};

struct later {
	int64_t at;
	size_t folder;
	char id[PEER_ID + 1];
};

static struct {
	const uint8_t *p;
	size_t n, at;
	unsigned abilities;
	bool login_too, lied;
	struct connection all[CONNECTIONS_MAX];
	size_t nall;
	struct folder folders[FOLDERS_MAX];
	size_t nfolders;
	char kept[KEPT_MAX][PEER_ID + 1];
	size_t nkept;
	struct later later[LATER_MAX];
	size_t nlater;
	int64_t now;
	bool moved;
} peer;

enum { ABLE_PLUS = 1, ABLE_MINUS = 2, ABLE_MULTI = 4, ABLE_UIDPLUS = 8, ABLE_NAMESPACE = 16 };

static uint8_t draw(void)
{
	return peer.at < peer.n ? peer.p[peer.at++] : 0;
}

/* ---- folders ---- */

static struct folder *folder_of(const char *name)
{
	for (size_t i = 0; i < peer.nfolders; i++) {
		const char *have = peer.folders[i].name;

		if (strcmp(have, name) == 0 || (strcasecmp(have, "INBOX") == 0 && strcasecmp(name, "INBOX") == 0))
			return &peer.folders[i];
	}
	return NULL;
}

static struct folder *folder_make(const char *name)
{
	static uint32_t validity;
	struct folder *f;

	if (peer.nfolders == FOLDERS_MAX)
		return NULL;
	if (peer.nfolders == 0)
		validity = 1000;
	f = &peer.folders[peer.nfolders++];
	*f = (struct folder){ .validity = ++validity, .next = 5 };
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

static uint32_t put(struct folder *f, const char *id)
{
	f->all = mem_resize(f->all, f->n + 1, sizeof *f->all);
	f->all[f->n].uid = f->next;
	memcpy(f->all[f->n++].id, id, PEER_ID + 1);
	return f->next++;
}

static uint32_t keep(struct folder *f, const char *id)
{
	if (peer.nkept == KEPT_MAX)
		abort(); /* nobody is given that much mail */
	memcpy(peer.kept[peer.nkept++], id, PEER_ID + 1);
	return put(f, id);
}

static void user_acts(void)
{
	struct folder *from = &peer.folders[draw() % peer.nfolders], *to = &peer.folders[draw() % peer.nfolders];

	switch (draw() % 5) {
	case 0: /* moves all */
		if (from == to)
			return;
		for (size_t i = 0; i < from->n; i++)
			(void)put(to, from->all[i].id);
		from->n = 0;
		break;
	case 1: /* removes the newest */
		from->n -= from->n > 0;
		break;
	case 2: /* removes the oldest */
		if (from->n > 0)
			memmove(from->all, from->all + 1, --from->n * sizeof *from->all);
		break;
	case 3: /* renames */
		if (from != &peer.folders[0])
			(void)snprintf(from->name, sizeof from->name, "Old %zu", (size_t)draw());
		break;
	default: /* deletes and makes anew */
		from->validity += 500;
		from->next = 1 + draw() % 12;
		from->n = 0;
		break;
	}
}

/* ---- talking ---- */

static void say(struct connection *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct connection *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)buf_vaddf(&c->out, fmt, ap);
	va_end(ap);
}

/* Bytes of the input; "$" is TAG, and every line feed but one behind 0x01 a whole line end. */
static void say_raw(struct connection *c, const char *tag)
{
	size_t n = draw();

	peer.lied = true;
	while (n-- > 0 && peer.at < peer.n) {
		char b = (char)draw();

		if (b == '$')
			(void)buf_add_str(&c->out, tag);
		else if (b == '\n')
			(void)buf_add_str(&c->out, "\r\n");
		else if (b == '\x01')
			(void)buf_add_char(&c->out, '\n');
		else
			(void)buf_add_char(&c->out, b);
	}
}

static void say_noise(struct connection *c)
{
	static const char *const lines[] = { "* 23 EXISTS",
					     "* 1 EXPUNGE",
					     "* OK [ALERT] the disk is old",
					     "* 3 FETCH (FLAGS (\\Seen))",
					     "* NO a warning",
					     "* BAD a thought",
					     "* FLAGS (\\Seen)",
					     "* STATUS \"Other\" (UIDVALIDITY 7 UIDNEXT 7)",
					     "* X-NEWS (1 2 3)",
					     "* VANISHED 4:5" };

	say(c, "%s\r\n", lines[draw() % (sizeof lines / sizeof lines[0])]);
}

static const char *refusal(void)
{
	/* Not stored, for certain. */
	static const char *const texts[] = {
		"[TRYCREATE] no such folder",
		"[OVERQUOTA] Quota exceeded",
		"[TOOBIG] too big",
		"[NOPERM] Permission denied",
		"[CANNOT] no",
		"[LIMIT] not so many",
		"[INUSE] locked",
		"[READ-ONLY] no",
		"Message contains bare newlines",
		"[LIMIT] bandwidth",
		"[UNKNOWN-CTE] no",
		"[NONEXISTENT] gone",
	};

	return texts[draw() % (sizeof texts / sizeof texts[0])];
}

static const char *fault(void)
{
	static const char *const texts[] = {
		"Unexpected exception",
		"[SERVERBUG] Internal error occurred",
		"[UNAVAILABLE] later",
		"[THROTTLED] slowly",
		"Request is throttled. Suggested Backoff Time: 9000 milliseconds",
		"User is authenticated but not connected.",
		"no",
		"",
		"[ALERT] Too many simultaneous connections. (Failure)",
	};

	return texts[draw() % (sizeof texts / sizeof texts[0])];
}

/* ---- commands ---- */

/* The word behind *AT, unquoted. */
static void take_word(const char **at, char *out, size_t size)
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
	say(c, "* CAPABILITY IMAP4rev1%s%s%s%s%s\r\n", peer.abilities & ABLE_PLUS ? " LITERAL+" : "",
	    peer.abilities & ABLE_MINUS ? " LITERAL-" : "", peer.abilities & ABLE_MULTI ? " MULTIAPPEND" : "",
	    peer.abilities & ABLE_UIDPLUS ? " UIDPLUS" : "", peer.abilities & ABLE_NAMESPACE ? " NAMESPACE" : "");
}

static void do_append(struct connection *c, const char *tag, const char *rest)
{
	char name[NAME_MAX_BYTES], uids[LITERALS_MAX * 12] = "";
	struct folder *f;

	take_word(&rest, name, sizeof name);
	f = folder_of(name);
	if (f == NULL) {
		say(c, "%s NO [TRYCREATE] there is none\r\n", tag);
		return;
	}
	for (size_t i = 0; i < c->nliterals; i++) {
		size_t n = strlen(uids);

		(void)snprintf(uids + n, sizeof uids - n, "%s%lu", i > 0 ? "," : "", (unsigned long)keep(f, c->ids[i]));
	}
	if (peer.abilities & ABLE_UIDPLUS)
		say(c, "%s OK [APPENDUID %lu %s] done\r\n", tag, (unsigned long)f->validity, uids);
	else
		say(c, "%s OK done\r\n", tag);
}

static void do_fetch(struct connection *c, const char *tag, const char *rest)
{
	char set[60], *colon;
	unsigned long first, last;
	struct folder *f = c->selected;

	take_word(&rest, set, sizeof set);
	first = strtoul(set, &colon, 10);
	last = *colon == ':' && colon[1] != '*' ? strtoul(colon + 1, NULL, 10) : UINT32_MAX;
	if (f == NULL) {
		say(c, "%s BAD nothing is selected\r\n", tag);
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
		say(c, "* %zu FETCH (UID %lu BODY[HEADER.FIELDS (RECEIVED)]%s {%zu}\r\n%s)\r\n", i + 1,
		    (unsigned long)m->uid, strstr(rest, "<0.") != NULL ? "<0>" : "", strlen(line), line);
	}
	say(c, "%s OK done\r\n", tag);
}

static void do_search(struct connection *c, const char *tag, const char *rest)
{
	const char *id = strrchr(rest, ' ');

	say(c, "* SEARCH");
	for (size_t i = 0; id != NULL && c->selected != NULL && i < c->selected->n; i++) {
		if (strcmp(c->selected->all[i].id, id + 1) == 0)
			say(c, " %lu", (unsigned long)c->selected->all[i].uid);
	}
	say(c, "\r\n%s OK done\r\n", tag);
}

static void do_list(struct connection *c, const char *tag, const char *rest)
{
	char reference[20], pattern[NAME_MAX_BYTES];

	take_word(&rest, reference, sizeof reference);
	take_word(&rest, pattern, sizeof pattern);
	if (pattern[0] == '\0')
		say(c, "* LIST (\\Noselect) \"/\" \"\"\r\n");
	for (size_t i = 0; i < peer.nfolders; i++) {
		if (strchr(pattern, '*') != NULL || folder_of(pattern) == &peer.folders[i])
			say(c, "* LIST () \"/\" \"%s\"\r\n", peer.folders[i].name);
	}
	say(c, "%s OK done\r\n", tag);
}

static void do_named(struct connection *c, const char *tag, const char *verb, const char *rest)
{
	char name[NAME_MAX_BYTES];
	struct folder *f;

	take_word(&rest, name, sizeof name);
	f = folder_of(name);
	if (strcmp(verb, "CREATE") == 0) {
		if (f == NULL && folder_make(name) != NULL)
			say(c, "%s OK made\r\n", tag);
		else
			say(c, "%s NO [ALREADYEXISTS] no\r\n", tag);
	} else if (f == NULL) {
		say(c, "%s NO [NONEXISTENT] no\r\n", tag);
	} else if (strcmp(verb, "STATUS") == 0) {
		say(c, "* STATUS \"%s\" (UIDVALIDITY %lu UIDNEXT %lu)\r\n%s OK done\r\n", name,
		    (unsigned long)f->validity, (unsigned long)f->next, tag);
	} else {
		c->selected = f;
		say(c, "* %zu EXISTS\r\n* OK [UIDVALIDITY %lu] x\r\n* OK [UIDNEXT %lu] x\r\n%s OK [READ-ONLY] done\r\n",
		    f->n, (unsigned long)f->validity, (unsigned long)f->next, tag);
	}
}

/* Does what the client asked for, and says so. */
static void do_command(struct connection *c, const char *tag, const char *verb, const char *rest)
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
		say(c, "%s OK done\r\n", tag);
	} else if (strcmp(verb, "NAMESPACE") == 0) {
		say(c, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n%s OK done\r\n", tag);
	} else if (strcmp(verb, "LOGOUT") == 0) {
		say(c, "* BYE\r\n%s OK done\r\n", tag);
		c->hang_up = true;
	} else {
		say(c, "%s OK done\r\n", tag);
	}
}

/* ---- decisions ---- */

static void do_later(struct connection *c, const char *rest)
{
	char name[NAME_MAX_BYTES];
	int64_t at = peer.now + (int64_t)draw() * LATER_STEP_MS;
	struct folder *f;

	take_word(&rest, name, sizeof name);
	f = folder_of(name);
	for (size_t i = 0; f != NULL && i < c->nliterals && peer.nlater < LATER_MAX; i++) {
		struct later *l = &peer.later[peer.nlater++];

		*l = (struct later){ .at = at, .folder = (size_t)(f - peer.folders) };
		memcpy(l->id, c->ids[i], PEER_ID + 1);
	}
}

static void do_part(struct connection *c, const char *tag, const char *rest)
{
	char name[NAME_MAX_BYTES];
	size_t n = c->nliterals == 0 ? 0 : draw() % c->nliterals;
	struct folder *f;

	take_word(&rest, name, sizeof name);
	f = folder_of(name);
	for (size_t i = 0; f != NULL && i < n; i++)
		(void)keep(f, c->ids[i]);
	if (n > 0 && draw() % 2 == 0)
		say(c, "%s NO only a part\r\n", tag);
	else
		c->hang_up = true;
}

/* Done, but the answer is thrown away. */
static void do_quietly(struct connection *c, const char *tag, const char *verb, const char *rest)
{
	size_t before = c->out.n;

	do_command(c, tag, verb, rest);
	buf_truncate(&c->out, before);
}

static void decide(struct connection *c, enum act act, const char *tag, const char *verb, const char *rest)
{
	size_t before = c->out.n;
	unsigned long number = strtoul(tag, NULL, 10);
	bool append = strcmp(verb, "APPEND") == 0;

	/* What may have been done or not. */
	if ((act == ACT_FAULT || act == ACT_BAD || act == ACT_SILENT || act == ACT_OTHER_TAG) && draw() % 2 == 0)
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
		do_command(c, tag, verb, rest);
		buf_truncate(&c->out, before + (c->out.n - before) * draw() / 256);
		c->hang_up = true;
		return;
	case ACT_LATER:
		if (append)
			do_later(c, rest);
		c->hang_up = true;
		return;
	case ACT_REFUSE:
		say(c, "%s NO %s\r\n", tag, append ? refusal() : fault());
		return;
	case ACT_FAULT:
		say(c, "%s NO %s\r\n", tag, fault());
		return;
	case ACT_BAD:
		say(c, "%s BAD %s\r\n", tag, fault());
		return;
	case ACT_SILENT:
		c->silent = true;
		return;
	case ACT_BYE:
		say(c, "* BYE %s\r\n", fault());
		c->hang_up = true;
		return;
	case ACT_OTHER_TAG:
		say(c, "%lu OK done\r\n", number + 1 + draw() % 3);
		return;
	case ACT_PART:
		do_part(c, tag, rest);
		return;
	case ACT_RAW:
		say_raw(c, tag);
		return;
	case ACT_NOISE:
		say_noise(c);
		break;
	case ACT_USER:
		user_acts();
		break;
	case ACT_SLOW:
		c->slow = true;
		break;
	default:
		break;
	}
	do_command(c, tag, verb, rest);
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
	return (enum act)(draw() % (ACTS + 12));
}

static void finish_command(struct connection *c)
{
	const char *at = buf_str(&c->command);
	char tag[24], verb[24];

	take_word(&at, tag, sizeof tag);
	take_word(&at, verb, sizeof verb);
	decide(c, choose(verb, at), tag, verb, at);
	buf_clear(&c->command);
	c->nliterals = 0;
}

/* The head of a literal was read: how many octets it has, and whether the client waits for leave. */
static void begin_literal(struct connection *c, uint64_t n, bool waits)
{
	const char *at = buf_str(&c->command);
	char tag[24];
	enum act act = waits ? (enum act)(draw() % (ACTS + 12)) : 0;

	c->in_literal = true;
	c->left = n;
	buf_clear(&c->literal);
	if (!waits)
		return;
	take_word(&at, tag, sizeof tag);
	switch (act) {
	case ACT_CUT_BEFORE:
	case ACT_CUT_AFTER:
	case ACT_LATER:
		c->hang_up = true;
		return;
	case ACT_BYE:
		say(c, "* BYE %s\r\n", fault());
		c->hang_up = true;
		return;
	case ACT_SILENT:
		c->silent = true;
		return;
	case ACT_REFUSE:
	case ACT_FAULT:
	case ACT_BAD:
		say(c, "%s %s %s\r\n", tag, act == ACT_BAD ? "BAD" : "NO", act == ACT_REFUSE ? refusal() : fault());
		c->in_literal = false;
		buf_clear(&c->command);
		c->nliterals = 0;
		return;
	case ACT_RAW:
		say_raw(c, tag);
		return;
	case ACT_NOISE:
		say_noise(c);
		break;
	default:
		break;
	}
	say(c, "+ go on\r\n");
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
static bool parse(struct connection *c)
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

/* ---- connections ---- */

int peer_connect(void)
{
	struct connection *c;
	int pair[2];

	if (peer.nall == CONNECTIONS_MAX || (peer.login_too && draw() % 16 == 15))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	c = &peer.all[peer.nall++];
	*c = (struct connection){ .fd = pair[1] };
	buf_init(&c->in, STREAM_MAX);
	buf_init(&c->out, STREAM_MAX);
	buf_init(&c->seen, STREAM_MAX);
	buf_init(&c->fed, STREAM_MAX);
	buf_init(&c->command, STREAM_MAX);
	buf_init(&c->literal, STREAM_MAX);
	return pair[0];
}

static void close_one(struct connection *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
}

static void read_one(struct connection *c)
{
	char chunk[16 * 1024];
	ssize_t n;

	while (c->fd >= 0 && (n = read(c->fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		peer.moved = true;
		(void)buf_add(&c->in, chunk, (size_t)n);
		(void)buf_add(&c->seen, chunk, (size_t)n);
	}
	close_one(c);
}

static void write_one(struct connection *c)
{
	size_t most = c->slow ? 1 + (size_t)draw() % 7 : c->out.n;

	while (c->fd >= 0 && c->out.n > 0 && most > 0) {
		size_t n = c->out.n < most ? c->out.n : most;
		ssize_t put = send(c->fd, c->out.p, n, MSG_NOSIGNAL);

		if (put < 0 && errno == EAGAIN)
			return;
		if (put < 0) {
			close_one(c);
			return;
		}
		peer.moved = true;
		(void)buf_add(&c->fed, c->out.p, (size_t)put);
		buf_consume(&c->out, (size_t)put);
		most -= (size_t)put;
	}
	if (c->hang_up && c->out.n == 0) {
		peer.moved = true;
		close_one(c);
	}
}

static void greet(struct connection *c)
{
	enum act act = peer.login_too ? (enum act)(draw() % (ACTS + 12)) : 0;

	c->greeted = true;
	if (act == ACT_RAW)
		say_raw(c, "*");
	else if (act == ACT_BYE)
		say(c, "* BYE %s\r\n", fault());
	else if (act == ACT_SILENT)
		c->silent = true;
	else
		say(c, "* OK ready\r\n");
	c->hang_up = act == ACT_BYE || act == ACT_CUT_BEFORE;
}

static void late_comers(void)
{
	for (size_t i = 0; i < peer.nlater;) {
		struct later l = peer.later[i];

		if (l.at > peer.now) {
			i++;
			continue;
		}
		(void)keep(&peer.folders[l.folder], l.id);
		peer.later[i] = peer.later[--peer.nlater];
	}
}

void peer_listen(void)
{
	for (size_t i = 0; i < peer.nall; i++)
		read_one(&peer.all[i]);
}

bool peer_step(int64_t now)
{
	peer.now = now;
	peer.moved = false;
	late_comers();
	for (size_t i = 0; i < peer.nall; i++) {
		struct connection *c = &peer.all[i];

		if (c->fd < 0)
			continue;
		if (!c->greeted)
			greet(c);
		read_one(c);
		while (parse(c))
			;
		write_one(c);
	}
	return peer.moved;
}

/* ---- life ---- */

void peer_begin(const uint8_t *p, size_t n, struct peer_setup *setup)
{
	uint8_t b;

	peer.p = p;
	peer.n = n;
	peer.at = 0;
	peer.lied = false;
	peer.nall = peer.nfolders = peer.nkept = peer.nlater = 0;
	b = draw();
	peer.abilities = b & 31;
	peer.login_too = (b & 32) != 0;
	setup->kind = b >> 6;
	b = draw();
	setup->deliveries = 1 + b % 12;
	setup->connections = 1 + (b >> 4) % 3;
	b = draw();
	setup->window = 1 + b % 16;
	setup->batch = 1 + (b >> 4) % 8;
	setup->size = 200 + (uint64_t)draw() * 40;
	(void)folder_make("INBOX");
	(void)folder_make("Work");
	(void)folder_make("Archive");
}

void peer_end(void)
{
	for (size_t i = 0; i < peer.nall; i++) {
		struct connection *c = &peer.all[i];

		close_one(c);
		buf_free(&c->in);
		buf_free(&c->out);
		buf_free(&c->seen);
		buf_free(&c->fed);
		buf_free(&c->command);
		buf_free(&c->literal);
	}
	for (size_t i = 0; i < peer.nfolders; i++)
		free(peer.folders[i].all);
	peer.nall = peer.nfolders = 0;
}

/* ---- testimony ---- */

size_t peer_connections(void)
{
	return peer.nall;
}

bool peer_lied(void)
{
	return peer.lied;
}

unsigned peer_kept(const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < peer.nkept; i++)
		n += strcmp(peer.kept[i], id) == 0;
	return n;
}

/* WORD in B from AT on, or B's end. */
static size_t find(const struct buf *b, size_t at, const char *word)
{
	const char *hit = at < b->n ? memmem(b->p + at, b->n - at, word, strlen(word)) : NULL;

	return hit == NULL ? b->n : (size_t)(hit - b->p);
}

unsigned peer_seen(const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < peer.nall; i++) {
		const struct buf *b = &peer.all[i].seen;

		for (size_t at = find(b, 0, id); at < b->n; at = find(b, at + 1, id))
			n++;
	}
	return n;
}

bool peer_showed(const char *id)
{
	for (size_t i = 0; i < peer.nall; i++) {
		if (find(&peer.all[i].fed, 0, id) < peer.all[i].fed.n)
			return true;
	}
	return false;
}

/* The tag of the APPEND that the octet AT of B is in. */
static bool tag_at(const struct buf *b, size_t at, char out[24])
{
	static const char word[] = " APPEND ";

	for (; at > 0; at--) {
		size_t n = 0;

		if (at + sizeof word > b->n || memcmp(b->p + at, word, sizeof word - 1) != 0)
			continue;
		while (n < at && n < 20 && ascii_is_digit(b->p[at - n - 1]))
			n++;
		memcpy(out, b->p + at - n, n);
		out[n] = '\0';
		return n > 0;
	}
	return false;
}

static bool said(const struct buf *b, const char *tag, const char *word)
{
	size_t n = strlen(tag);

	for (size_t at = find(b, 0, tag); at < b->n; at = find(b, at + 1, tag)) {
		size_t next = at + n;

		while (next < b->n && b->p[next] == ' ')
			next++;
		if (next + strlen(word) <= b->n && strncasecmp(b->p + next, word, strlen(word)) == 0)
			return true;
	}
	return false;
}

bool peer_answered(const char *id, const char *word, bool last)
{
	bool yes = false;

	for (size_t i = 0; i < peer.nall; i++) {
		const struct connection *c = &peer.all[i];
		char tag[24];

		for (size_t at = find(&c->seen, 0, id); at < c->seen.n; at = find(&c->seen, at + 1, id)) {
			bool this = tag_at(&c->seen, at, tag) && said(&c->fed, tag, word);

			yes = last ? this : yes || this;
		}
	}
	return yes;
}
