#include "fetch/imap_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "imap/answers.h"
#include "imap/uid_set.h"

enum { KEEPALIVE_S = 60, KEEPALIVE_EACH_S = 15, KEEPALIVE_TRIES = 4 };

/* ---- untagged data ---- */

static struct slice take_word(struct slice *s)
{
	size_t n = slice_find(*s, ' ');
	struct slice w = slice_of(s->p, n);

	*s = slice_skip(*s, n < s->n ? n + 1 : n);
	return w;
}

/* The response code in TEXT ("[UIDNEXT 7] …"): *CODE without brackets. */
static bool take_code(struct slice text, struct slice *code, struct slice *value)
{
	size_t end = slice_find(text, ']');

	if (text.n == 0 || text.p[0] != '[' || end == text.n)
		return false;
	*value = slice_of(text.p + 1, end - 1);
	*code = take_word(value);
	return true;
}

static int note_uidvalidity(struct source_session *s, struct slice value, struct err *e)
{
	uint64_t n;

	if (slice_number(value, UINT32_MAX, &n) != 0)
		n = 0;
	if (s->told.mark.uidvalidity != 0 && s->told.mark.uidvalidity != n)
		return err_set(e, ERR_PROTOCOL, 0,
			       "%s changes UIDVALIDITY from %lu to %llu while the folder is open: its UIDs mean nothing",
			       s->login.source->server.host, (unsigned long)s->told.mark.uidvalidity,
			       (unsigned long long)n);
	s->told.mark.uidvalidity = (uint32_t)n;
	return 0;
}

static int note_state(struct source_session *s, struct slice text, struct err *e)
{
	struct slice code, value;
	uint64_t n;

	if (!take_code(text, &code, &value))
		return 0;
	if (slice_eq_nocase(code, SLICE_LIT("UIDVALIDITY")))
		return note_uidvalidity(s, value, e);
	/* What came before was of the folder that was open before (RFC 7162, 3.2.11). */
	if (slice_eq_nocase(code, SLICE_LIT("CLOSED")) && s->opening)
		s->told = (struct imap_told){ .exists = false };
	else if (slice_eq_nocase(code, SLICE_LIT("READ-ONLY")))
		s->told.read_only = true;
	else if (slice_eq_nocase(code, SLICE_LIT("UIDNEXT")) && s->opening)
		s->told.mark.uidnext = slice_number(value, UINT32_MAX, &n) == 0 ? (uint32_t)n : 0;
	else if (slice_eq_nocase(code, SLICE_LIT("HIGHESTMODSEQ")) && s->opening)
		s->told.mark.modseq = slice_number(value, INT64_MAX, &n) == 0 ? n : 0;
	else if (slice_eq_nocase(code, SLICE_LIT("NOMODSEQ")))
		s->told.mark.modseq = 0;
	return 0;
}

static void fewer(struct source_session *s, uint64_t n)
{
	s->told.mark.exists -= n < s->told.mark.exists ? (uint32_t)n : s->told.mark.exists;
	s->told.gone = true;
}

static int note_exists(struct source_session *s, struct slice number, struct err *e)
{
	uint64_t n;

	if (slice_number(number, SOURCE_ITEMS_MAX, &n) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "%s tells %.*s messages in one folder; more than %d can't be handled",
			       s->login.source->server.host, (int)(number.n < 30 ? number.n : 30), number.p,
			       (int)SOURCE_ITEMS_MAX);
	s->told.news = s->told.news || !s->told.exists || n > s->told.mark.exists;
	s->told.mark.exists = (uint32_t)n;
	s->told.exists = true;
	return 0;
}

/* LINE is an untagged response but FETCH and those with names of folders (RFC 9051, 7). */
static int note(struct source_session *s, struct slice line, struct err *e)
{
	struct slice rest = slice_skip(line, line.n < 2 ? line.n : 2), first = take_word(&rest);
	uint64_t n;

	if (slice_eq_nocase(first, SLICE_LIT("OK")) || slice_eq_nocase(first, SLICE_LIT("NO")) ||
	    slice_eq_nocase(first, SLICE_LIT("BAD")))
		return note_state(s, rest, e);
	if (slice_eq_nocase(first, SLICE_LIT("VANISHED"))) {
		struct slice set = take_word(&rest);

		/* "(EARLIER)" is of the time before the folder was opened. */
		if (uid_set_count(set, &n))
			fewer(s, n);
		return 0;
	}
	if (slice_eq_nocase(first, SLICE_LIT("SEARCH")) && s->wants.search != NULL)
		s->wants.search(s->wants.arg, rest);
	if (slice_eq_nocase(rest, SLICE_LIT("EXISTS")))
		return note_exists(s, first, e);
	if (slice_eq_nocase(rest, SLICE_LIT("EXPUNGE")))
		fewer(s, 1);
	else if (slice_eq_nocase(rest, SLICE_LIT("RECENT")) && !s->opening && slice_number(first, UINT32_MAX, &n) == 0)
		s->told.news = s->told.news || n > 0;
	return 0;
}

/* ---- the filter's sink ---- */

static int on_line(void *arg, struct slice line, bool more, bool literal, uint64_t size, struct err *e)
{
	struct source_session *s = arg;
	int ret;

	s->reader.section = s->wants.section;
	ret = fetch_reader_line(&s->reader, line, more, literal, size, e);
	if (ret < 0 && s->wants.failed != NULL)
		s->wants.failed(s->wants.arg, e);
	if (ret != 0 || more || literal)
		return ret < 0 ? -1 : 0;
	return note(s, line, e);
}

static int on_octets(void *arg, struct slice bytes, struct err *e)
{
	struct source_session *s = arg;

	return fetch_reader_octets(&s->reader, bytes, e) < 0 ? -1 : 0;
}

static int on_tagged(void *arg, const struct filter_reply *r, struct err *e)
{
	struct source_session *s = arg;

	if (r->status == IMAP_OK && note_state(s, slice_str(r->text), e) != 0)
		return -1;
	/* What came before EXAMINE was of the folder that was open before; what comes behind it is new. */
	if (s->opening && r->tag != s->examine)
		s->told = (struct imap_told){ .exists = false };
	else if (s->opening)
		s->told.news = s->told.gone = s->opening = false;
	return s->wants.tagged == NULL ? 0 : s->wants.tagged(s->wants.arg, r, e);
}

static int on_begin(void *arg, const struct fetch_response *r, uint64_t octets, struct err *e)
{
	struct source_session *s = arg;

	return s->wants.fetch.begin == NULL ? 0 : s->wants.fetch.begin(s->wants.fetch.arg, r, octets, e);
}

static int on_piece(void *arg, struct slice bytes, struct err *e)
{
	struct source_session *s = arg;

	return s->wants.fetch.piece == NULL ? 0 : s->wants.fetch.piece(s->wants.fetch.arg, bytes, e);
}

static int on_done(void *arg, const struct fetch_response *r, struct err *e)
{
	struct source_session *s = arg;

	return s->wants.fetch.done == NULL ? 0 : s->wants.fetch.done(s->wants.fetch.arg, r, e);
}

/* ---- words ---- */

uint64_t imap_source_max(const struct source_session *s)
{
	return s->login.message_max > 0 ? s->login.message_max : (uint64_t)IMAP_SOURCE_MESSAGE_MAX;
}

/* Does the server ask for patience, rather than being away? TEXT are its words, perhaps among others. */
static bool is_throttle(struct answer a, const char *text)
{
	if (a.account == ACCOUNT_FEWER || a.account == ACCOUNT_SLOWER || a.wait_ms > 0)
		return true;
	return strcasestr(text, "throttl") != NULL || strcasestr(text, "too many") != NULL ||
	       strcasestr(text, "rate limit") != NULL || strstr(text, "[LIMIT]") != NULL;
}

static void note_delay(const struct source_session *s, const char *text, struct answer a)
{
	int64_t wait = a.wait_ms > 0 ? a.wait_ms : answers_wait(text, NULL);

	if (s->login.delay != NULL && wait > *s->login.delay)
		*s->login.delay = wait;
}

int imap_source_refused(const struct source_session *s, const char *verb, const struct imap_reply *r, struct err *e)
{
	struct answer a = answers_read(r, ANSWER_FOLDER);
	bool throttle = is_throttle(a, r->text);

	note_delay(s, r->text, a);
	if (r->status == IMAP_BAD && !throttle)
		return err_set(e, ERR_PROTOCOL, 0, "%s does not understand %s: %s", s->login.source->server.host, verb,
			       r->text);
	return err_set(e, a.account == ACCOUNT_PERSON ? ERR_CONFIG : ERR_TEMP, throttle ? EUSERS : 0,
		       "%s refuses %s: %s%s%s", s->login.source->server.host, verb, r->text, a.advice == NULL ? "" : "; ",
		       a.advice == NULL ? "" : a.advice);
}

int imap_source_failed(const struct source_session *s, struct err *e)
{
	const char *bye = s->imap == NULL ? NULL : imap_bye(s->imap);
	struct answer a;

	if (bye == NULL || e == NULL)
		return -1;
	a = answers_read_bye(bye);
	note_delay(s, bye, a);
	if (e->class == ERR_TEMP && is_throttle(a, bye))
		e->code = EUSERS;
	return -1;
}

/* A login that was put off: its words are in E. */
static void put_off(const struct source_session *s, struct err *e)
{
	struct answer a = answers_read_bye(e->text);

	if (e->class != ERR_TEMP || e->code == ETIMEDOUT)
		return;
	note_delay(s, e->text, a);
	if (is_throttle(a, e->text))
		e->code = EUSERS;
}

int imap_source_reply(struct source_session *s, uint32_t tag, struct imap_reply *r, struct err *e)
{
	if (dialog_flush(s->imap, e) != 0 || dialog_reply(s->imap, tag, true, r, e) != 1)
		return imap_source_failed(s, e);
	return 0;
}

/* ---- life ---- */

static void on_wake(void *arg)
{
	struct source_session *s = arg;

	s->woken = true;
	if (s->login.wake != NULL)
		s->login.wake(s->login.arg);
}

static char *give_token(void *arg, bool fresh, struct err *e)
{
	struct source_session *s = arg;

	return s->login.token(s->login.arg, fresh, e);
}

/* A server that is gone without a word is noticed by the system while nothing is said. */
static void keep_alive(int fd)
{
	int on = 1, idle = KEEPALIVE_S, each = KEEPALIVE_EACH_S, tries = KEEPALIVE_TRIES;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof each);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
}

static void release(struct source_session **sp)
{
	struct source_session *s = *sp;

	for (size_t i = 0; i < s->nnames; i++) {
		free(s->names[i].name);
		free(s->names[i].wire);
	}
	free(s->names);
	free(s->wire);
	fetch_reader_free(&s->reader);
	free(s);
	*sp = NULL;
}

static void source_abort(struct source_session **sp)
{
	if (*sp == NULL)
		return;
	imap_abort(&(*sp)->imap);
	release(sp);
}

static int source_leave(struct source_session **sp, struct err *e)
{
	(void)e;
	/* LOGOUT expunges nothing (RFC 9051, 6.1.3). */
	(*sp)->wants = (struct imap_wants){ .section = NULL };
	imap_close(&(*sp)->imap);
	release(sp);
	return 0;
}

static struct source_session *source_open(const struct source_login *login, struct err *e)
{
	struct source_session *s = mem_alloc(sizeof *s);
	struct fetch_events events = { .begin = on_begin, .piece = on_piece, .done = on_done, .arg = s };
	struct filter_sink sink = { .line = on_line, .octets = on_octets, .tagged = on_tagged, .arg = s };
	struct imap_login how = { .server = &login->source->server,
				  .tls = login->tls,
				  .wake_fd = login->wake_fd,
				  .wake = on_wake,
				  .wake_arg = s,
				  .deadline = login->deadline,
				  .token = login->token == NULL ? NULL : give_token,
				  .token_arg = s };
	int fd;

	imap_start();
	s->login = *login;
	s->renew = IMAP_SOURCE_RENEW_MS;
	fetch_reader_init(&s->reader, &events);
	fd = login->connect(login->arg, e);
	if (fd >= 0) {
		keep_alive(fd);
		s->imap = imap_open(fd, &how, e);
		if (s->imap == NULL && e != NULL)
			put_off(s, e);
	}
	if (s->imap == NULL) {
		release(&s);
		return NULL;
	}
	dialog_divert(s->imap, &sink);
	return s;
}

const struct source_driver source_imap = {
	.protocol = "imap",
	.open = source_open,
	.folders = imap_source_folders,
	.enter = imap_source_enter,
	.list = imap_source_list,
	.present = imap_source_present,
	.heads = imap_source_heads,
	.fetch = imap_source_fetch,
	.remove = imap_source_remove,
	.move = imap_source_move,
	.mark = imap_source_mark,
	.wait = imap_source_wait,
	.leave = source_leave,
	.abort = source_abort,
};
