/*
 * One session with a POP3 server, as fetch/run.c would have it but without rules
 * and spool: the tests read what came, octet for octet, and the words of failures.
 *
 *	popper KEY VALUE… [list] [heads N…] [fetch all|N…] [delete all|N…] [quit]
 *
 * Prints one JSON object a line, in ASCII.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/log.h"
#include "base/mem.h"
#include "fetch/source.h"
#include "intake/intake.h"

struct item {
	uint32_t number;
	char *name;
	uint64_t size;
};

static struct config_source source = { .protocol = CONFIG_POP3, .keep = true, .window = 100 };
static struct source_login login = { .source = &source, .wake_fd = -1 };
static int port;
static struct item *items;
static size_t count, pieces, largest;
static bool complete;
static const char *tokens = "", *save;
static int64_t delay;
static uint64_t stop_after = UINT64_MAX;

static int dial(void *arg, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	(void)err_set(e, ERR_TEMP, errno, "cannot connect: %s", strerror(errno));
	(void)close(fd);
	return -1;
}

/* "old,new": the first is given until a fresh one is asked for. */
static char *token(void *arg, bool fresh, struct err *e)
{
	const char *comma = strchr(tokens, ',');

	(void)arg;
	(void)e;
	if (fresh && comma != NULL) {
		tokens = comma + 1;
		comma = NULL;
	}
	return comma == NULL ? mem_strdup(tokens) : slice_dup(slice_of(tokens, (size_t)(comma - tokens)));
}

/* ---- what is printed ---- */

static void put_text(const char *key, const char *text)
{
	(void)printf("\"%s\": \"", key);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\' || c < ' ' || c >= 0x7f)
			(void)printf("\\u%04x", c);
		else
			(void)putchar(c);
	}
	(void)printf("\"");
}

static int fail(const char *doing, const struct err *e)
{
	(void)printf("{\"failed\": \"%s\", \"class\": %d, \"code\": %d, ", doing, (int)e->class, e->code);
	put_text("text", e->text);
	(void)printf("}\n");
	return -1;
}

/* ---- the handler ---- */

struct sink {
	EVP_MD_CTX *hash;
	FILE *file;
	uint64_t octets;
};

static int begin(void *arg, const struct source_item *item)
{
	struct sink *k = arg;
	char path[4096];

	k->octets = 0;
	(void)EVP_DigestInit_ex(k->hash, EVP_sha256(), NULL);
	if (save != NULL) {
		(void)snprintf(path, sizeof path, "%s/%" PRIu32, save, item->number);
		k->file = fopen(path, "wb");
		if (k->file == NULL)
			exit(73);
	}
	return 0;
}

static int piece(void *arg, struct slice bytes)
{
	struct sink *k = arg;

	if (bytes.n == 0 || bytes.n > INTAKE_PIECE_MAX)
		abort();
	pieces++;
	largest = bytes.n > largest ? bytes.n : largest;
	k->octets += bytes.n;
	(void)EVP_DigestUpdate(k->hash, bytes.p, bytes.n);
	if (k->file != NULL && fwrite(bytes.p, 1, bytes.n, k->file) != bytes.n)
		exit(74);
	return k->octets > stop_after ? -1 : 0;
}

static int end(void *arg, const struct source_item *item, enum source_got got, const char *words)
{
	static const char *const names[] = { "whole", "vanished", "refused" };
	struct sink *k = arg;
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf hex;
	unsigned n = 0;

	buf_init(&hex, 2 * EVP_MAX_MD_SIZE);
	if (got == SOURCE_GOT_WHOLE) {
		(void)EVP_DigestFinal_ex(k->hash, digest, &n);
		(void)hex_encode(slice_of((const char *)digest, n), &hex);
	}
	(void)printf("{\"got\": \"%s\", \"number\": %" PRIu32 ", \"octets\": %" PRIu64 ", \"sha256\": \"%s\", ", names[got],
		     item->number, got == SOURCE_GOT_WHOLE ? k->octets : 0, buf_str(&hex));
	put_text("words", words);
	(void)printf("}\n");
	buf_free(&hex);
	if (k->file != NULL && fclose(k->file) != 0)
		exit(74);
	k->file = NULL;
	return 0;
}

/* ---- acts ---- */

static int keep(void *arg, const struct source_item *item)
{
	(void)arg;
	items = mem_resize(items, count + 1, sizeof items[0]);
	items[count++] = (struct item){ item->number, mem_strdup(item->name), item->size };
	return 0;
}

static int list(struct source_session *s, bool print)
{
	struct source_mark now;
	struct source_folder folder = { .name = (char[]){ "" } };
	struct err e = { 0 };
	bool unchanged;

	if (source_pop3.enter(s, &folder, false, NULL, &now, &unchanged, &e) != 0)
		return fail("enter", &e);
	if (count == 0 && source_pop3.list(s, 1, keep, NULL, &complete, &e) != 0)
		return fail("list", &e);
	for (size_t i = 0; print && i < count; i++) {
		(void)printf("{\"item\": %" PRIu32 ", \"size\": %" PRIu64 ", ", items[i].number, items[i].size);
		put_text("name", items[i].name);
		(void)printf("}\n");
	}
	if (print)
		(void)printf("{\"listed\": %zu, \"exists\": %" PRIu32 ", \"complete\": %s}\n", count, now.exists,
			     complete ? "true" : "false");
	return 0;
}

/* Those of ARGV that are numbers, or all. */
static size_t choose(char **argv, size_t *used, struct source_item **out)
{
	size_t n = 0;

	*used = 0;
	*out = mem_array(count + 100000, sizeof **out);
	if (argv[0] != NULL && strcmp(argv[0], "all") == 0) {
		*used = 1;
		for (size_t i = 0; i < count; i++)
			(*out)[n++] = (struct source_item){ .number = items[i].number, .name = items[i].name,
							    .size = items[i].size, .flags = "" };
		return n;
	}
	for (uint64_t number; argv[*used] != NULL && slice_number(slice_str(argv[*used]), UINT32_MAX, &number) == 0;
	     (*used)++) {
		struct source_item chosen = { .number = (uint32_t)number, .name = "", .flags = "" };

		for (size_t i = 0; i < count; i++) {
			if (items[i].number == number)
				chosen.name = items[i].name, chosen.size = items[i].size;
		}
		(*out)[n++] = chosen;
	}
	return n;
}

static int act(struct source_session *s, const char *what, char **argv, size_t *used)
{
	struct sink k = { 0 };
	struct source_handler h = { begin, piece, end, &k };
	struct source_item *chosen = NULL;
	struct err e = { 0 };
	struct buf refused;
	int64_t start;
	size_t n;
	int ret;

	buf_init(&refused, 4096);
	if (list(s, strcmp(what, "list") == 0) != 0)
		return -1;
	k.hash = EVP_MD_CTX_new();
	n = strcmp(what, "list") == 0 ? 0 : choose(argv, used, &chosen);
	start = clock_mono_ms();
	if (strcmp(what, "list") == 0)
		ret = 0;
	else if (strcmp(what, "heads") == 0)
		ret = source_pop3.heads(s, chosen, n, &h, &e);
	else if (strcmp(what, "fetch") == 0)
		ret = source_pop3.fetch(s, chosen, n, &h, &e);
	else
		ret = source_pop3.remove(s, chosen, n, NULL, &refused, &e);
	(void)printf("{\"act\": \"%s\", \"ms\": %" PRId64 ", \"pieces\": %zu, \"largest\": %zu, ", what,
		     clock_mono_ms() - start, pieces, largest);
	put_text("refused", buf_str(&refused));
	(void)printf("}\n");
	buf_free(&refused);
	EVP_MD_CTX_free(k.hash);
	if (k.file != NULL)
		(void)fclose(k.file);
	free(chosen);
	if (ret != 0)
		(void)fail(what, &e);
	/* Where there is no TOP the session goes on. */
	return ret != 0 && e.class != ERR_PERM ? -1 : 0;
}

static int64_t number_of(const char *text)
{
	uint64_t n = 0;

	if (slice_number(slice_str(text), INT64_MAX, &n) != 0)
		exit(64);
	return (int64_t)n;
}

static bool set(const char *key, char *value)
{
	struct config_server *c = &source.server;

	if (strcmp(key, "port") == 0)
		port = (int)number_of(value), c->port = (uint16_t)port;
	else if (strcmp(key, "user") == 0)
		c->user = value;
	else if (strcmp(key, "login_as") == 0)
		c->login_as = value;
	else if (strcmp(key, "password") == 0)
		c->password = value;
	else if (strcmp(key, "auth") == 0)
		c->auth = value;
	else if (strcmp(key, "tokens") == 0)
		c->oauth = true, tokens = value, login.token = token;
	else if (strcmp(key, "tls") == 0)
		c->tls = strcmp(value, "implicit") == 0	  ? CONFIG_TLS_IMPLICIT
			 : strcmp(value, "starttls") == 0 ? CONFIG_TLS_STARTTLS
							  : CONFIG_TLS_NONE;
	else if (strcmp(key, "ca") == 0)
		c->ca_file = value;
	else if (strcmp(key, "timeout") == 0)
		c->timeout = number_of(value);
	else if (strcmp(key, "deadline") == 0)
		login.deadline = clock_mono_ms() + number_of(value);
	else if (strcmp(key, "window") == 0)
		source.window = (unsigned)number_of(value);
	else if (strcmp(key, "max") == 0)
		login.message_max = (uint64_t)number_of(value);
	else if (strcmp(key, "stop") == 0)
		stop_after = (uint64_t)number_of(value);
	else if (strcmp(key, "save") == 0)
		save = value;
	else
		return false;
	return true;
}

/* VmHWM: what getrusage tells is the parent's, too. */
static long most_memory(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kilobytes = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kilobytes = strtol(line + 6, NULL, 10);
	}
	if (f != NULL)
		(void)fclose(f);
	return kilobytes;
}

static void finish(struct source_session **s, bool quit)
{
	struct err e = { 0 };

	if (*s != NULL && quit && source_pop3.leave(s, &e) != 0)
		(void)fail("leave", &e);
	else if (quit)
		(void)printf("{\"left\": true}\n");
	source_pop3.abort(s);
	(void)printf("{\"delay\": %" PRId64 ", \"kilobytes\": %ld}\n", delay, most_memory());
	for (size_t i = 0; i < count; i++)
		free(items[i].name);
	free(items);
	tls_client_free(&login.tls);
}

int main(int argc, char **argv)
{
	struct source_session *s;
	struct err e = { 0 };
	bool quit = false;
	int at = 1, ret = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	log_open("popper", LOG_DEBUG);
	source.name = (char[]){ "old" };
	source.server = (struct config_server){ .name = "old",
						.of_source = true,
						.host = (char[]){ "localhost" },
						.user = (char[]){ "office" },
						.password = (char[]){ "s3cret" },
						.tls = CONFIG_TLS_NONE,
						.timeout = 20000 };
	login.delay = &delay;
	login.connect = dial;
	while (at + 1 < argc && set(argv[at], argv[at + 1]))
		at += 2;
	if (source.server.tls != CONFIG_TLS_NONE && (login.tls = tls_client_of(&source.server, &e)) == NULL)
		return fail("tls", &e), 1;
	s = source_pop3.open(&login, &e);
	if (s == NULL) {
		(void)fail("open", &e);
		ret = 1;
	}
	while (s != NULL && at < argc && ret == 0) {
		const char *what = argv[at++];
		size_t used = 0;

		quit = strcmp(what, "quit") == 0;
		if (!quit)
			ret = act(s, what, argv + at, &used) != 0;
		at += (int)used;
	}
	finish(&s, quit);
	return ret;
}
