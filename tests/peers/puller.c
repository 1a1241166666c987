/*
 * An IMAP source's driver, told what to do by its arguments; each event is one
 * line of JSON. The end-to-end tests let it loose on servers, real and hostile.
 *
 *   puller port N [key value]… DO [argument]…
 *
 * with DO one of: folders; enter FOLDER; write FOLDER; again (enter with what it
 * was); list FROM; present; heads; fetch; some UID,UID (only those are listed
 * now); remove; move FOLDER; mark; wait MS; leave; pause (until an octet comes
 * in); open. Where a call
 * fails that ends the session, the program ends, with an "error".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "fetch/source.h"

enum { TIMEOUT_MS = 5000, FOLDERS_MAX = 20 };

/* libetpan loses memory on responses that it rejects; the connection ends then. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libetpan.so\n";
}

static struct config_source source;
static struct source_login login;
static struct source_session *session;
static struct source_mark mark;
static struct source_folder entered;
static struct source_item *items;
static size_t nitems;
static bool bodies; /* print them */
static uint64_t quit_after; /* octets, then the handler has enough */
static int64_t delay;
static int slow;	    /* ms that the handler spends in each piece */

static int dial(void *arg, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(source.server.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)err_set(e, ERR_TEMP, errno, "cannot connect to port %d: %s", source.server.port, strerror(errno));
	(void)close(fd);
	return -1;
}

static void wake(void *arg)
{
	char c;

	(void)arg;
	(void)!read(login.wake_fd, &c, 1);
	(void)printf("{\"event\": \"woken\"}\n");
}

static void put_text(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			(void)printf("\\%c", *c);
		else if (*c > 0 && *c < ' ')
			(void)printf("\\u%04x", *c);
		else
			(void)putchar(*c);
	}
}

static void put_error(const char *event, const struct err *e)
{
	static const char *const classes[] = { "none", "temp", "perm", "input", "config", "protocol", "limit", "system" };

	(void)printf("{\"event\": \"%s\", \"class\": \"%s\", \"code\": %d, \"text\": \"", event, classes[e->class], e->code);
	put_text(e->text);
	(void)printf("\"}\n");
	(void)fflush(stdout);
}

/* ---- listings ---- */

static void forget_items(void)
{
	for (size_t i = 0; i < nitems; i++)
		free((char *)(uintptr_t)items[i].flags);
	nitems = 0;
}

static size_t items_room;
static bool quiet;

static int on_item(void *arg, const struct source_item *i)
{
	(void)arg;
	if (nitems == items_room)
		items = mem_resize(items, items_room = items_room * 2 + 100, sizeof *items);
	items[nitems] = *i;
	items[nitems].name = "";
	items[nitems++].flags = mem_strdup(i->flags);
	if (quiet)
		return 0;
	(void)printf("{\"event\": \"item\", \"uid\": %lu, \"size\": %llu, \"date\": %lld, \"flags\": \"",
		     (unsigned long)i->number, (unsigned long long)i->size, (long long)i->internal_ms);
	put_text(i->flags);
	(void)printf("\"}\n");
	return 0;
}

/* ---- bodies ---- */

static EVP_MD_CTX *hash;
static uint64_t octets;
static bool begun;

static int on_begin(void *arg, const struct source_item *i)
{
	(void)arg;
	(void)i;
	octets = 0;
	begun = true;
	return EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

static int on_piece(void *arg, struct slice bytes)
{
	(void)arg;
	octets += bytes.n;
	(void)EVP_DigestUpdate(hash, bytes.p, bytes.n);
	if (bodies) {
		(void)printf("{\"event\": \"piece\", \"text\": \"");
		for (size_t i = 0; i < bytes.n; i++)
			(void)printf("\\u%04x", (unsigned char)bytes.p[i]);
		(void)printf("\"}\n");
	}
	if (slow > 0)
		(void)poll(NULL, 0, slow);
	return quit_after > 0 && octets >= quit_after ? -1 : 0;
}

static int on_end(void *arg, const struct source_item *i, enum source_got got, const char *words)
{
	static const char *const names[] = { "whole", "vanished", "refused" };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	(void)arg;
	if (quiet)
		return 0;
	(void)printf("{\"event\": \"message\", \"uid\": %lu, \"got\": \"%s\", \"begun\": %s, \"octets\": %llu, \"words\": \"",
		     (unsigned long)i->number, names[got], begun ? "true" : "false", (unsigned long long)(begun ? octets : 0));
	put_text(words == NULL ? "" : words);
	(void)printf("\", \"hash\": \"");
	if (begun && EVP_DigestFinal_ex(hash, digest, &n) == 1)
		for (unsigned k = 0; k < n; k++)
			(void)printf("%02x", digest[k]);
	(void)printf("\"}\n");
	(void)fflush(stdout);
	begun = false;
	return 0;
}

/* ---- what to do ---- */

static int64_t number_of(const char *text)
{
	uint64_t n = 0;

	if (slice_number(slice_str(text), INT64_MAX, &n) != 0)
		exit(64);
	return (int64_t)n;
}

/* The most memory that this program has had; rusage counts what it was before exec. */
static int64_t kilobytes(void)
{
	struct buf text;
	struct slice s;
	struct err e;
	uint64_t n = 0;
	size_t at = 0;

	buf_init(&text, 64 * 1024);
	if (file_read("/proc/self/status", &text, &e) == 0) {
		s = buf_slice(&text);
		while (s.n > 6 && memcmp(s.p, "VmHWM:", 6) != 0)
			s = slice_skip(s, slice_find(s, '\n') < s.n ? slice_find(s, '\n') + 1 : s.n);
		s = slice_trim(slice_skip(s, s.n > 6 ? 6 : s.n));
		at = slice_find(s, ' ');
		(void)slice_number(slice_of(s.p, at), INT64_MAX, &n);
	}
	buf_free(&text);
	return (int64_t)n;
}

static int ended(const struct err *e)
{
	if (e != NULL)
		put_error("error", e);
	if (delay > 0)
		(void)printf("{\"event\": \"delay\", \"ms\": %lld}\n", (long long)delay);
	source_imap.abort(&session);
	(void)printf("{\"event\": \"ended\", \"kilobytes\": %lld}\n", (long long)kilobytes());
	(void)fflush(stdout);
	EVP_MD_CTX_free(hash);
	forget_items();
	free(items);
	free(entered.name);
	free(source.server.host);
	exit(0);
}

static void enter(const char *name, bool write, bool again)
{
	struct source_mark now, *before = again ? &mark : NULL;
	struct err e = { 0 };
	bool same = false;

	if (name != NULL) {
		free(entered.name);
		entered.name = mem_strdup(name);
	}
	if (source_imap.enter(session, &entered, write, before, &now, &same, &e) != 0) {
		if (e.class != ERR_PERM)
			(void)ended(&e);
		put_error("refused", &e);
		return;
	}
	mark = now;
	(void)printf("{\"event\": \"entered\", \"same\": %s, \"uidvalidity\": %lu, \"uidnext\": %lu, \"modseq\": %llu, "
		     "\"exists\": %lu}\n",
		     same ? "true" : "false", (unsigned long)now.uidvalidity, (unsigned long)now.uidnext,
		     (unsigned long long)now.modseq, (unsigned long)now.exists);
	(void)fflush(stdout);
}

static void changed(int ret, bool marked, struct buf *refused, const struct err *e)
{
	if (ret != 0)
		(void)ended(e);
	(void)printf("{\"event\": \"changed\", \"marked\": %s, \"refused\": \"", marked ? "true" : "false");
	put_text(buf_str(refused));
	(void)printf("\"}\n");
	buf_free(refused);
	(void)fflush(stdout);
}

static void keep_only(const char *uids)
{
	size_t k = 0;

	for (size_t i = 0; i < nitems; i++) {
		char one[20];
		struct slice all = slice_str(uids), w;
		bool in = false;

		(void)snprintf(one, sizeof one, "%lu", (unsigned long)items[i].number);
		while (all.n > 0) {
			w = slice_of(all.p, slice_find(all, ','));
			in = in || slice_eq(w, slice_str(one));
			all = slice_skip(all, w.n < all.n ? w.n + 1 : w.n);
		}
		if (in)
			items[k++] = items[i];
		else
			free((char *)(uintptr_t)items[i].flags);
	}
	nitems = k;
}

static void folders(void)
{
	struct source_folder *all;
	struct err e = { 0 };
	size_t n;

	if (source_imap.folders(session, &all, &n, &e) != 0)
		(void)ended(&e);
	for (size_t i = 0; i < n; i++) {
		(void)printf("{\"event\": \"folder\", \"separator\": %d, \"prefix\": %zu, \"uses\": %u, \"target\": %s, "
			     "\"name\": \"",
			     all[i].separator, all[i].prefix, all[i].uses, all[i].target ? "true" : "false");
		put_text(all[i].name);
		(void)printf("\"}\n");
	}
	(void)printf("{\"event\": \"folders\", \"n\": %zu}\n", n);
	source_folders_free(all, n);
}

static void list(const char *from)
{
	struct err e = { 0 };
	bool complete = false;
	int ret;

	forget_items();
	ret = from == NULL ? source_imap.present(session, on_item, NULL, &complete, &e)
			   : source_imap.list(session, (uint32_t)number_of(from), on_item, NULL, &complete, &e);
	if (ret != 0)
		(void)ended(&e);
	(void)printf("{\"event\": \"listed\", \"n\": %zu, \"complete\": %s}\n", nitems, complete ? "true" : "false");
	(void)fflush(stdout);
}

static void pull(bool heads)
{
	struct source_handler h = { .begin = on_begin, .piece = on_piece, .end = on_end };
	struct err e = { 0 };
	int64_t start = clock_mono_ms();

	if ((heads ? source_imap.heads : source_imap.fetch)(session, items, nitems, &h, &e) != 0)
		(void)ended(&e);
	(void)printf("{\"event\": \"fetched\", \"ms\": %lld}\n", (long long)(clock_mono_ms() - start));
	(void)fflush(stdout);
}

static void open_session(void)
{
	struct err e = { 0 };

	session = source_imap.open(&login, &e);
	if (session == NULL)
		(void)ended(&e);
	(void)printf("{\"event\": \"opened\"}\n");
	(void)fflush(stdout);
}

/* Until the test says so. */
static void pause_here(void)
{
	char c;

	(void)printf("{\"event\": \"pause\"}\n");
	(void)fflush(stdout);
	if (read(STDIN_FILENO, &c, 1) != 1)
		exit(65);
}

static void await(const char *ms)
{
	struct err e = { 0 };
	bool news = false;

	if (source_imap.wait(session, clock_mono_ms() + number_of(ms), &news, &e) != 0) {
		if (e.class != ERR_PERM)
			(void)ended(&e);
		put_error("refused", &e);
		return;
	}
	(void)printf("{\"event\": \"waited\", \"news\": %s}\n", news ? "true" : "false");
	(void)fflush(stdout);
}

/* How many arguments VERB took with it, 0 when it is none. */
static int act(const char *verb, const char *argument)
{
	struct err e = { 0 };
	struct buf refused;
	bool marked = false;
	int ret;

	buf_init(&refused, 4000);
	if (strcmp(verb, "open") == 0)
		return open_session(), 1;
	if (strcmp(verb, "folders") == 0)
		return folders(), 1;
	if (strcmp(verb, "present") == 0)
		return list(NULL), 1;
	if (strcmp(verb, "heads") == 0)
		return pull(true), 1;
	if (strcmp(verb, "fetch") == 0)
		return pull(false), 1;
	if (strcmp(verb, "pause") == 0)
		return pause_here(), 1;
	if (strcmp(verb, "again") == 0)
		return enter(NULL, false, true), 1;
	if (strcmp(verb, "leave") == 0)
		return (void)source_imap.leave(&session, &e), (void)printf("{\"event\": \"left\"}\n"), 1;
	if (strcmp(verb, "remove") == 0) {
		ret = source_imap.remove(session, items, nitems, &marked, &refused, &e);
		return changed(ret, marked, &refused, &e), 1;
	}
	if (strcmp(verb, "mark") == 0) {
		ret = source_imap.mark(session, items, nitems, &refused, &e);
		return changed(ret, false, &refused, &e), 1;
	}
	if (argument == NULL)
		return 0;
	if (strcmp(verb, "enter") == 0 || strcmp(verb, "write") == 0)
		return enter(argument, verb[0] == 'w', false), 2;
	if (strcmp(verb, "list") == 0)
		return list(argument), 2;
	if (strcmp(verb, "some") == 0)
		return keep_only(argument), 2;
	if (strcmp(verb, "wait") == 0)
		return await(argument), 2;
	if (strcmp(verb, "move") == 0) {
		ret = source_imap.move(session, items, nitems, argument, &marked, &refused, &e);
		return changed(ret, marked, &refused, &e), 2;
	}
	return 0;
}

static bool set(const char *key, char *value)
{
	static char *names[FOLDERS_MAX];

	if (strcmp(key, "port") == 0)
		source.server.port = (uint16_t)number_of(value);
	else if (strcmp(key, "user") == 0)
		source.server.user = value;
	else if (strcmp(key, "password") == 0)
		source.server.password = value;
	else if (strcmp(key, "ca") == 0)
		source.server.ca_file = value;
	else if (strcmp(key, "tls") == 0)
		source.server.tls = strcmp(value, "starttls") == 0 ? CONFIG_TLS_STARTTLS : CONFIG_TLS_IMPLICIT;
	else if (strcmp(key, "compress") == 0)
		source.server.compress = CONFIG_COMPRESS_ON;
	else if (strcmp(key, "timeout") == 0)
		source.server.timeout = number_of(value);
	else if (strcmp(key, "window") == 0)
		source.window = (unsigned)number_of(value);
	else if (strcmp(key, "deadline") == 0)
		login.deadline = clock_mono_ms() + number_of(value);
	else if (strcmp(key, "max") == 0)
		login.message_max = (uint64_t)number_of(value);
	else if (strcmp(key, "folder") == 0 && source.nfolders < FOLDERS_MAX)
		(source.folders = names)[source.nfolders++] = value;
	else if (strcmp(key, "move_to") == 0)
		source.move_to = value;
	else if (strcmp(key, "wake") == 0)
		login.wake_fd = (int)number_of(value);
	else if (strcmp(key, "quit_after") == 0)
		quit_after = (uint64_t)number_of(value);
	else if (strcmp(key, "slow") == 0)
		slow = (int)number_of(value);
	else if (strcmp(key, "bodies") == 0)
		bodies = true;
	else if (strcmp(key, "quiet") == 0)
		quiet = true;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct err e;
	int i = 1;

	source = (struct config_source){ .name = (char *)(uintptr_t) "old",
					 .protocol = CONFIG_IMAP,
					 .window = 50,
					 .server = { .name = "old",
						     .of_source = true,
						     .host = mem_strdup("localhost"),
						     .user = (char *)(uintptr_t) "office",
						     .password = (char *)(uintptr_t) "s3cret",
						     .compress = CONFIG_COMPRESS_OFF,
						     .timeout = TIMEOUT_MS,
						     .tls = CONFIG_TLS_NONE } };
	login = (struct source_login){ .source = &source, .connect = dial, .wake_fd = -1, .wake = wake, .delay = &delay };
	(void)signal(SIGPIPE, SIG_IGN); /* as every role has it */
	hash = EVP_MD_CTX_new();
	while (i + 1 < argc && set(argv[i], argv[i + 1]))
		i += 2;
	if (source.server.tls != CONFIG_TLS_NONE && (login.tls = tls_client_of(&source.server, &e)) == NULL)
		return 78;
	open_session();
	while (i < argc) {
		int n = act(argv[i], i + 1 < argc ? argv[i + 1] : NULL);

		if (n == 0)
			return 64;
		i += n;
	}
	return ended(NULL);
}
