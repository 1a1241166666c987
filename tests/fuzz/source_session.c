/*
 * A session with an IMAP source against a server that the input writes. The first
 * line is what the driver is told to do, a letter each (see act) and capabilities
 * in capitals; behind it stand answers, with a 0x1e between: one for each command.
 *
 *   $ is the command's tag, ^ its first number, LF is sent as CRLF; a `=' in front
 *   is what an honest server would say first, a `!' hangs up behind it, a `~' says
 *   only what stands there and lets the next command share it
 *
 * Commands behind the last answer are answered honestly. Time is not waited for: a
 * poll in which nothing comes moves the clock on.
 *
 * Watched for: that each message ends once, and none without having begun where it
 * counts as whole; that listings ascend and a complete one lacks nothing of an
 * honest server; that bodies of an honest server are its own; that no command
 * removes other messages than those asked for; that all ends by the deadline.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/source.h"
#include "imap/uid_set.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum {
	INPUT_MAX = 6000,
	DEADLINE_MS = 40 * 60 * 1000,
	TIMEOUT_MS = 30 * 1000,
	MESSAGES = 5,
	ITEMS_MAX = 2000,
	MESSAGE_MAX = 100 * 1000
};

/* libetpan loses memory on responses that it rejects; in life the connection ends then. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

/* ---- the server ---- */

static const uint32_t there[MESSAGES] = { 3, 4, 7, 8, 20 };

static struct {
	int fd;
	struct slice script;
	struct buf in, out;
	bool honest;	/* so far */
	bool logged_in; /* … and past what comes before the first folder */
	bool hangs_up;
	char idle[16]; /* tag of the IDLE that waits for DONE */
	uint32_t deletable[ITEMS_MAX];
	size_t ndeletable;
	const char *capabilities;
} peer;

static void body_of(uint32_t uid, char out[100])
{
	(void)snprintf(out, 100, "Message-ID: <%lu@example.org>\r\nSubject: x\r\n\r\nbody\r\n", (unsigned long)uid);
}

static bool is_there(struct slice set, uint32_t uid)
{
	size_t n = slice_find(set, '*');

	return uid_set_has(set, uid) || (n < set.n && uid == there[MESSAGES - 1]) ||
	       (n < set.n && n > 1 && set.p[n - 1] == ':' && slice_find(set, ':') == n - 1 &&
		(uint32_t)strtoul(set.p, NULL, 10) <= uid);
}

static void say_message(size_t i, struct slice what)
{
	char body[100];
	bool head = memmem(what.p, what.n, "HEADER", 6) != NULL, all = memmem(what.p, what.n, "BODY", 4) != NULL;

	body_of(there[i], body);
	(void)buf_addf(&peer.out, "* %zu FETCH (UID %lu", i + 1, (unsigned long)there[i]);
	if (memmem(what.p, what.n, "SIZE", 4) != NULL)
		(void)buf_addf(&peer.out, " FLAGS (\\Seen) INTERNALDATE \"17-Jul-2020 02:44:25 -0700\" RFC822.SIZE %zu",
			       strlen(body));
	if (memmem(what.p, what.n, "MESSAGE-ID", 10) != NULL)
		(void)buf_addf(&peer.out, " BODY[HEADER.FIELDS (MESSAGE-ID)] {%zu}\r\n%s", strlen(body) - 22, body + 22);
	else if (all)
		(void)buf_addf(&peer.out, " BODY[%s] {%zu}\r\n%s", head ? "HEADER" : "", strlen(body), body);
	(void)buf_add_str(&peer.out, ")\r\n");
}

static void say_honestly(struct slice verb, struct slice words, const char *tag)
{
	struct slice set = slice_of(words.p, slice_find(words, ' ')), what = slice_skip(words, set.n);

	if (slice_eq(verb, SLICE_LIT("CAPABILITY")))
		(void)buf_addf(&peer.out, "* CAPABILITY IMAP4rev1 NAMESPACE %s\r\n", peer.capabilities);
	else if (slice_eq(verb, SLICE_LIT("LIST")))
		(void)buf_add_str(&peer.out, "* LIST () \"/\" INBOX\r\n* LIST (\\Junk) \"/\" \"Spam &AOQ-\"\r\n");
	else if (slice_eq(verb, SLICE_LIT("NAMESPACE")))
		(void)buf_add_str(&peer.out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	else if (slice_eq(verb, SLICE_LIT("SELECT")) || slice_eq(verb, SLICE_LIT("EXAMINE")))
		(void)buf_add_str(&peer.out, "* 5 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 21] x\r\n"
					     "* OK [HIGHESTMODSEQ 9] x\r\n");
	else if (slice_eq(verb, SLICE_LIT("SEARCH")))
		(void)buf_add_str(&peer.out, "* SEARCH\r\n");
	else if (slice_eq(verb, SLICE_LIT("FETCH")))
		for (size_t i = 0; i < MESSAGES; i++)
			if (is_there(set, there[i]))
				say_message(i, what);
	if (slice_eq(verb, SLICE_LIT("IDLE"))) {
		(void)buf_add_str(&peer.out, "+ idling\r\n");
		(void)snprintf(peer.idle, sizeof peer.idle, "%s", tag);
	} else {
		(void)buf_addf(&peer.out, "%s OK done\r\n", tag);
	}
}

/* The next answer of the script. False: there is none. */
static bool say_script(struct slice verb, struct slice words, const char *tag)
{
	struct slice s = slice_of(peer.script.p, slice_find(peer.script, '\x1e'));
	char number[24];
	size_t at = 0;

	if (peer.script.n == 0)
		return false;
	peer.script = slice_skip(peer.script, s.n < peer.script.n ? s.n + 1 : s.n);
	if (s.n == 1 && s.p[0] == '=') {
		say_honestly(verb, words, tag);
		return true;
	}
	peer.honest = false;
	if (s.n > 0 && s.p[0] == '=') {
		say_honestly(verb, words, tag);
		s = slice_skip(s, 1);
	} else if (s.n > 0 && s.p[0] == '!') {
		peer.hangs_up = true;
		s = slice_skip(s, 1);
	}
	while (at < words.n && !ascii_is_digit(words.p[at]))
		at++;
	(void)snprintf(number, sizeof number, "%lu", at < words.n ? strtoul(words.p + at, NULL, 10) : 0);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '$')
			(void)buf_add_str(&peer.out, tag);
		else if (s.p[i] == '^')
			(void)buf_add_str(&peer.out, number);
		else if (s.p[i] == '\n')
			(void)buf_add_str(&peer.out, "\r\n");
		else
			(void)buf_add_char(&peer.out, s.p[i]);
	}
	return true;
}

/* What may never be sent, whatever the server says. */
static void check_command(struct slice verb, struct slice words, bool uid)
{
	struct slice set = slice_of(words.p, slice_find(words, ' '));

	if (slice_eq(verb, SLICE_LIT("CLOSE")) || (!uid && slice_eq(verb, SLICE_LIT("EXPUNGE"))))
		abort();
	if (words.n > 2000)
		abort();
	if (!slice_eq(verb, SLICE_LIT("STORE")) && !slice_eq(verb, SLICE_LIT("EXPUNGE")) &&
	    !slice_eq(verb, SLICE_LIT("MOVE")) && !slice_eq(verb, SLICE_LIT("COPY")))
		return;
	while (set.n > 0) {
		unsigned long first = strtoul(set.p, NULL, 10), last = first;
		struct slice one = slice_of(set.p, slice_find(set, ','));

		if (slice_find(one, ':') < one.n)
			last = strtoul(one.p + slice_find(one, ':') + 1, NULL, 10);
		if (last < first || last - first > ITEMS_MAX)
			abort();
		for (unsigned long u = first; u <= last; u++) {
			bool asked = false;

			for (size_t i = 0; i < peer.ndeletable; i++)
				asked = asked || peer.deletable[i] == u;
			if (!asked)
				abort();
		}
		set = slice_skip(set, one.n < set.n ? one.n + 1 : one.n);
	}
}

static struct slice take(struct slice *s)
{
	struct slice w = slice_of(s->p, slice_find(*s, ' '));

	*s = slice_skip(*s, w.n < s->n ? w.n + 1 : w.n);
	return w;
}

static void answer(struct slice line)
{
	struct slice words = line, t, verb;
	char tag[16];
	bool uid;

	if (peer.idle[0] != '\0') {
		if (!slice_eq(line, SLICE_LIT("DONE")))
			abort();
		if (!say_script(SLICE_NONE, SLICE_NONE, peer.idle))
			(void)buf_addf(&peer.out, "%s OK done\r\n", peer.idle);
		peer.idle[0] = '\0';
		return;
	}
	t = take(&words);
	if (t.n == 4 && memcmp(t.p, "DONE", 4) == 0)
		return; /* of an IDLE that the script let begin */
	if (t.n == 0 || t.n >= sizeof tag)
		abort();
	memcpy(tag, t.p, t.n);
	tag[t.n] = '\0';
	verb = take(&words);
	uid = slice_eq(verb, SLICE_LIT("UID"));
	if (uid)
		verb = take(&words);
	check_command(verb, words, uid);
	if (!peer.logged_in || !say_script(verb, words, tag))
		say_honestly(verb, words, tag);
}

/* True: something moved. */
static bool step(void)
{
	char chunk[4096];
	ssize_t n;
	bool moved = false;

	if (peer.fd < 0)
		return false;
	while ((n = read(peer.fd, chunk, sizeof chunk)) > 0) {
		(void)buf_add(&peer.in, chunk, (size_t)n);
		moved = true;
	}
	for (;;) {
		struct slice in = buf_slice(&peer.in);
		size_t end = slice_find(in, '\n');

		if (end == in.n)
			break;
		if (end == 0 || in.p[end - 1] != '\r')
			abort();
		answer(slice_of(in.p, end - 1));
		buf_consume(&peer.in, end + 1);
	}
	while (peer.out.n > 0 && (n = write(peer.fd, peer.out.p, peer.out.n)) > 0) {
		buf_consume(&peer.out, (size_t)n);
		moved = true;
	}
	if (peer.hangs_up && peer.out.n == 0) {
		(void)close(peer.fd);
		peer.fd = -1;
		return true;
	}
	return moved;
}

static int dial(void *arg, struct err *e)
{
	int pair[2];

	(void)arg;
	(void)e;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	peer.fd = pair[1];
	(void)buf_add_str(&peer.out, "* OK ready\r\n");
	return pair[0];
}

/* ---- the client ---- */

static struct source_session *session;
static struct source_mark mark;
static struct source_item items[ITEMS_MAX];
static size_t nitems;
static unsigned ends[ITEMS_MAX];
static const struct source_item *current;
static struct buf body;
static uint32_t last;
static bool heads;

static int on_item(void *arg, const struct source_item *i)
{
	(void)arg;
	if (i->number <= last || i->flags == NULL || i->name == NULL || strstr(i->flags, "Recent") != NULL)
		abort();
	last = i->number;
	if (nitems == ITEMS_MAX)
		return 1;
	items[nitems] = *i;
	items[nitems].flags = "";
	nitems++;
	return 0;
}

static size_t index_of(const struct source_item *i)
{
	if (i < items || i >= items + nitems)
		abort();
	return (size_t)(i - items);
}

static int on_begin(void *arg, const struct source_item *i)
{
	(void)arg;
	if (current != NULL || ends[index_of(i)] > 0)
		abort();
	current = i;
	buf_clear(&body);
	return 0;
}

static int on_piece(void *arg, struct slice bytes)
{
	(void)arg;
	if (current == NULL || bytes.n == 0)
		abort();
	if (buf_add_slice(&body, bytes) != 0)
		abort();
	return 0;
}

static int on_end(void *arg, const struct source_item *i, enum source_got got, const char *words)
{
	char expected[100];

	(void)arg;
	if (++ends[index_of(i)] > 1 || (current != NULL && current != i) || (got == SOURCE_GOT_WHOLE && current == NULL) ||
	    (got == SOURCE_GOT_REFUSED && (words == NULL || words[0] == '\0')))
		abort();
	current = NULL;
	if (!peer.honest)
		return 0;
	body_of(i->number, expected);
	if (got != SOURCE_GOT_WHOLE || !slice_eq(buf_slice(&body), slice_str(expected)))
		abort();
	return 0;
}

static int pull(bool only_heads, struct err *e)
{
	struct source_handler h = { .begin = on_begin, .piece = on_piece, .end = on_end };
	int ret;

	heads = only_heads;
	memset(ends, 0, sizeof ends);
	current = NULL;
	ret = only_heads ? source_imap.heads(session, items, nitems, &h, e) : source_imap.fetch(session, items, nitems, &h, e);
	for (size_t i = 0; ret == 0 && i < nitems; i++)
		if (ends[i] != 1)
			abort();
	return ret;
}

static int enter(const char *name, bool write, bool again, struct err *e)
{
	struct source_folder f = { .name = (char *)(uintptr_t)name };
	struct source_mark now;
	bool same = true;

	nitems = 0; /* another listing */
	if (source_imap.enter(session, &f, write, again ? &mark : NULL, &now, &same, e) != 0)
		return e->class == ERR_PERM ? 0 : -1;
	if (now.uidvalidity == 0 || (same && !again))
		abort();
	mark = now;
	return 0;
}

static int list(bool present, struct err *e)
{
	bool complete = false;
	int ret;

	nitems = 0;
	last = 0;
	ret = present ? source_imap.present(session, on_item, NULL, &complete, e)
		      : source_imap.list(session, 1, on_item, NULL, &complete, e);
	if (ret == 0 && peer.honest && (!complete || nitems != MESSAGES))
		abort();
	return ret == 0 || e->class != ERR_PERM ? ret : 0;
}

static int folders(struct err *e)
{
	struct source_folder *all;
	size_t n;

	if (source_imap.folders(session, &all, &n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (strpbrk(all[i].name, "\r\n") != NULL || all[i].name[0] == '\0' || all[i].prefix >= strlen(all[i].name))
			abort();
	source_folders_free(all, n);
	return 0;
}

static int change(char what, struct err *e)
{
	bool marked = false;
	struct buf refused;
	int ret;

	for (peer.ndeletable = 0; peer.ndeletable < nitems; peer.ndeletable++)
		peer.deletable[peer.ndeletable] = items[peer.ndeletable].number;
	buf_init(&refused, 4000);
	if (what == 'r')
		ret = source_imap.remove(session, items, nitems, &marked, &refused, e);
	else if (what == 's')
		ret = source_imap.mark(session, items, nitems, &refused, e);
	else
		ret = source_imap.move(session, items, nitems, "Old/\xc3\xa4", &marked, &refused, e);
	buf_free(&refused);
	return ret;
}

static int act(char what, struct err *e)
{
	bool news;
	int ret;

	switch (what) {
	case 'f':
		return folders(e);
	case 'e':
	case 'w':
		return enter("INBOX", what == 'w', false, e);
	case 'n':
		return enter("Spam \xc3\xa4", false, false, e);
	case 'a':
		return enter("INBOX", false, true, e);
	case 'l':
	case 'p':
		return list(what == 'p', e);
	case 'h':
	case 'b':
		ret = pull(what == 'h', e);
		return ret == 0 || e->class != ERR_PERM ? ret : 0;
	case 'i':
		ret = source_imap.wait(session, world.now_ms + 20 * 60 * 1000, &news, e);
		return ret == 0 || e->class != ERR_PERM ? ret : 0;
	case 'r':
	case 's':
	case 'm':
		ret = change(what, e);
		return ret == 0 || e->class != ERR_PERM ? ret : 0;
	default:
		return 0;
	}
}

static void capabilities_of(struct slice line, char out[200])
{
	static const struct {
		char letter;
		const char *name;
	} all[] = { { 'U', "UIDPLUS" }, { 'M', "MOVE" }, { 'C', "CONDSTORE" }, { 'I', "IDLE" },
		    { 'E', "ENABLE UTF8=ACCEPT" }, { 'L', "LIST-EXTENDED SPECIAL-USE" }, { 'S', "LIST-STATUS" } };

	out[0] = '\0';
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (slice_find(line, all[i].letter) < line.n)
			(void)snprintf(out + strlen(out), 200 - strlen(out), "%s ", all[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char *patterns[] = { (char *)(uintptr_t) "*", (char *)(uintptr_t) "!Trash", (char *)(uintptr_t) "\\Sent" };
	struct config_source source = { .name = (char *)(uintptr_t) "old",
					.protocol = CONFIG_IMAP,
					.window = 3,
					.folders = patterns,
					.nfolders = 3,
					.server = { .name = "old",
						    .of_source = true,
						    .host = (char *)(uintptr_t) "imap.example.org",
						    .user = (char *)(uintptr_t) "user",
						    .password = (char *)(uintptr_t) "secret",
						    .compress = CONFIG_COMPRESS_OFF,
						    .timeout = TIMEOUT_MS,
						    .tls = CONFIG_TLS_NONE } };
	struct source_login login = { .source = &source,
				      .connect = dial,
				      .wake_fd = -1,
				      .message_max = MESSAGE_MAX,
				      .deadline = WORLD_START_MS + DEADLINE_MS };
	struct slice all = slice_of((const char *)p, n < INPUT_MAX ? n : INPUT_MAX);
	struct slice ops = slice_of(all.p, slice_find(all, '\n'));
	char capabilities[200];
	struct err e = { 0 };
	int ret = 0;

	log_set_level(LOG_ERROR);
	world_begin(step, 60000, 60000);
	memset(&peer, 0, sizeof peer);
	buf_init(&peer.in, 1 << 20);
	buf_init(&peer.out, 1 << 22);
	buf_init(&body, MESSAGE_MAX + 1);
	peer.fd = -1;
	peer.honest = true;
	peer.script = slice_skip(all, ops.n < all.n ? ops.n + 1 : ops.n);
	capabilities_of(ops, capabilities);
	peer.capabilities = capabilities;
	nitems = 0;
	mark = (struct source_mark){ .uidvalidity = 0 };
	session = source_imap.open(&login, &e);
	if (session == NULL)
		abort();
	peer.logged_in = true;
	for (size_t i = 0; ret == 0 && i < ops.n && i < 20; i++) {
		world.polls = 0;
		e = (struct err){ 0 };
		ret = act(ops.p[i], &e);
		if (ret != 0 && (e.class == ERR_NONE || e.class == ERR_LIMIT || e.text[0] == '\0'))
			abort();
		if (ret != 0 && peer.honest && world.now_ms < login.deadline)
			abort();
	}
	if (ret == 0)
		(void)source_imap.leave(&session, &e);
	else
		source_imap.abort(&session);
	/* The end of the last wait, and of LOGOUT. */
	if (world.now_ms > WORLD_START_MS + DEADLINE_MS + 60000 + 2000)
		abort();
	if (peer.fd >= 0)
		(void)close(peer.fd);
	buf_free(&peer.in);
	buf_free(&peer.out);
	buf_free(&body);
	return 0;
}
