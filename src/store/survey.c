#include "store/survey.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "imap/about.h"
#include "imap/mailbox.h"
#include "msg/special_use.h"
#include "net/listener.h"
#include "store/trial.h"

enum { FOLDERS_MAX = 2000, TEXT_MAX = 16 * 1024 };

struct way {
	const struct survey *survey;
	const struct survey_sink *sink;
	enum survey_step step; /* under way */
	int64_t since;	       /* clock_mono_ms */
	bool again;	       /* the second connection */
	bool resumed;
};

/* ---- steps ---- */

static void begin(struct way *w, enum survey_step step)
{
	w->step = step;
	w->since = clock_mono_ms();
}

static void done(struct way *w)
{
	w->sink->step(w->sink->arg, w->step, clock_mono_ms() - w->since, NULL);
}

static void next(struct way *w, enum survey_step step)
{
	done(w);
	begin(w, step);
}

static int failed(struct way *w, const struct err *e)
{
	w->sink->step(w->sink->arg, w->step, clock_mono_ms() - w->since, e);
	return -1;
}

static void text(const struct way *w, enum survey_fact fact, const char *s)
{
	w->sink->text(w->sink->arg, fact, s);
}

static void number(const struct way *w, enum survey_fact fact, int64_t n)
{
	w->sink->number(w->sink->arg, fact, n);
}

/* ---- the way in ---- */

static void tell_address(const struct way *w, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	char name[LISTENER_NAME_SIZE];

	if (getpeername(fd, (struct sockaddr *)&sa, &len) != 0)
		return;
	listener_peer_name((struct sockaddr *)&sa, len, name);
	text(w, SURVEY_ADDRESS, name);
}

static void tell_tls(const struct way *w, const struct tls_facts *f)
{
	text(w, SURVEY_TLS_VERSION, f->version);
	text(w, SURVEY_TLS_CIPHER, f->cipher);
	text(w, SURVEY_ISSUER, f->cert.issuer);
	text(w, SURVEY_NAMES, f->cert.names);
	number(w, SURVEY_VALID_FROM, f->cert.from);
	number(w, SURVEY_VALID_UNTIL, f->cert.until);
	text(w, SURVEY_FINGERPRINT, f->cert.fingerprint);
	text(w, SURVEY_PIN, f->cert.pin);
	text(w, SURVEY_KEY, f->cert.key);
}

static void reached(void *arg, const struct imap *s, enum imap_stage stage)
{
	struct way *w = arg;
	bool starttls = w->survey->server->tls == CONFIG_TLS_STARTTLS;
	struct tls_facts facts;

	if (stage == IMAP_STAGE_ENCRYPTED && imap_tls_facts(s, &facts)) {
		w->resumed = facts.resumed;
		if (!w->again)
			tell_tls(w, &facts);
	}
	if (w->again)
		return;
	if (stage == IMAP_STAGE_ENCRYPTED)
		next(w, starttls ? SURVEY_LOGIN : SURVEY_GREET);
	else if (stage == IMAP_STAGE_GREETED)
		next(w, starttls ? SURVEY_ENCRYPT : SURVEY_LOGIN);
	else
		next(w, SURVEY_ASK);
}

static struct imap *enter(struct way *w, struct err *e)
{
	const struct survey *v = w->survey;
	struct imap_login login = { .server = v->server,
				    .tls = v->tls,
				    .wake_fd = -1,
				    .token = v->token,
				    .token_arg = v->arg,
				    .reached = reached,
				    .reached_arg = w };
	int fd = v->connect(v->arg, e);

	if (fd < 0)
		return NULL;
	if (!w->again) {
		tell_address(w, fd);
		next(w, v->server->tls == CONFIG_TLS_IMPLICIT ? SURVEY_ENCRYPT : SURVEY_GREET);
	}
	return imap_open(fd, &login, e);
}

/* ---- what it is like ---- */

static void tell_session(const struct way *w, const struct imap *s)
{
	const struct folder_style *style = imap_style(s);
	char separator[2] = { style->own.separator, '\0' };
	struct buf all;

	text(w, SURVEY_MECHANISM, imap_mechanism(s));
	number(w, SURVEY_COMPRESSED, imap_compressed(s));
	buf_init(&all, TEXT_MAX);
	imap_capabilities(s, &all);
	text(w, SURVEY_CAPABILITIES, buf_str(&all));
	buf_clear(&all);
	text(w, SURVEY_SEPARATOR, separator);
	text(w, SURVEY_PREFIX, style->own.prefix);
	for (size_t i = 0; i < style->nothers; i++)
		(void)buf_addf(&all, "%s%s", i > 0 ? " " : "", style->others[i].prefix);
	text(w, SURVEY_OTHERS, buf_str(&all));
	buf_free(&all);
}

static int ask(const struct way *w, struct imap *s, struct err *e)
{
	struct about_quota quota[ABOUT_QUOTAS_MAX];
	char server[ABOUT_NAME_SIZE];
	struct imap_reply r;
	uint64_t limit;
	size_t n = 0;

	tell_session(w, s);
	if (mailbox_append_limit(s, "INBOX", &limit, e) != 0)
		return -1;
	if (limit <= INT64_MAX)
		number(w, SURVEY_APPEND_LIMIT, (int64_t)limit);
	if (imap_has(s, "ID")) {
		if (about_server(s, server, &r, e) != 0)
			return -1;
		if (server[0] != '\0')
			text(w, SURVEY_SERVER, server);
	}
	if (!imap_has(s, "QUOTA")) {
		text(w, SURVEY_QUOTA_NOTE, "the store does not tell");
		return 0;
	}
	if (about_quota(s, quota, &n, &r, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		w->sink->quota(w->sink->arg, quota[i].root, quota[i].resource, quota[i].used, quota[i].most);
	if (r.status != IMAP_OK)
		text(w, SURVEY_QUOTA_NOTE, r.text);
	else if (n == 0)
		text(w, SURVEY_QUOTA_NOTE, "none is set");
	return 0;
}

/* There is an INBOX in every mailbox (RFC 9051, 5.1): a login that sees none has no right to this one. */
static int no_folders(const struct way *w, struct imap *s, struct err *e)
{
	const struct config_server *a = w->survey->server;
	enum mailbox_presence presence;
	struct imap_reply r;

	if (mailbox_find(s, "INBOX", &presence, &r, e) != 0)
		return -1;
	return presence != MAILBOX_MISSING
		   ? 0
		   : err_set(e, ERR_CONFIG, 0, "%s lets %s log in, and shows no folder then, not even INBOX: \"%s\"",
			     a->host, a->login_as != NULL ? a->login_as : a->user, r.text);
}

/* By attribute, or else by its name where no folder has the attribute: as rules find it. */
static void use_of(const struct catalog *c, const struct catalog_folder *f, char *out, size_t size)
{
	if (f->uses != 0) {
		special_use_names(f->uses, out, size);
		return;
	}
	out[0] = '\0';
	for (unsigned use = 1; use < USE_ANY && out[0] == '\0'; use <<= 1) {
		if (catalog_use(c, use) == NULL && catalog_guess(c, use) == f)
			(void)snprintf(out, size, "%s, by its name", special_use_name(use));
	}
}

static int list(const struct way *w, struct imap *s, struct err *e)
{
	const struct catalog *c;
	char use[160];
	size_t told = 0;

	if (mailbox_catalog(s, false, &c, e) != 0)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		const struct catalog_folder *f = &c->all[i];

		if (!f->select)
			continue;
		if (told++ == FOLDERS_MAX)
			break;
		use_of(c, f, use, sizeof use);
		w->sink->folder(w->sink->arg, f->name, f->wire, use);
	}
	if (told == 0 && no_folders(w, s, e) != 0)
		return -1;
	number(w, SURVEY_FOLDERS_CUT, !c->known || c->cut || told > FOLDERS_MAX);
	return 0;
}

/* ---- a message there and back ---- */

static int try_message(struct way *w, struct imap *s, struct err *e)
{
	struct trial t = { .session = s, .server = w->survey->server, .hostname = w->survey->hostname };
	bool left = false;

	begin(w, SURVEY_WRITE);
	if (trial_write(&t, e) != 0)
		return failed(w, e);
	number(w, SURVEY_UID_TOLD, t.told);
	next(w, SURVEY_FIND);
	if (trial_find(&t, e) != 0)
		return failed(w, e);
	number(w, SURVEY_UID, t.uid);
	next(w, SURVEY_REMOVE);
	if (trial_remove(&t, &left, e) != 0)
		return failed(w, e);
	number(w, SURVEY_LEFT, left);
	done(w);
	return 0;
}

static int come_again(struct way *w, struct err *e)
{
	struct imap *s;

	begin(w, SURVEY_AGAIN);
	w->again = true;
	w->resumed = false;
	s = enter(w, e);
	if (s == NULL)
		return failed(w, e);
	done(w);
	number(w, SURVEY_RESUMED, w->resumed);
	imap_close(&s);
	return 0;
}

int survey_run(const struct survey *survey, struct err *e)
{
	struct way w = { .survey = survey, .sink = survey->sink };
	struct imap *s;

	begin(&w, SURVEY_CONNECT);
	s = enter(&w, e);
	if (s == NULL)
		return failed(&w, e);
	if (ask(&w, s, e) != 0)
		goto broken;
	next(&w, SURVEY_LIST);
	if (list(&w, s, e) != 0)
		goto broken;
	done(&w);
	if (survey->write && try_message(&w, s, e) != 0) {
		/* Behind a NO the session is still good, and a reset would look like a fault. */
		if (e->class == ERR_PERM)
			imap_close(&s);
		else
			imap_abort(&s);
		return -1;
	}
	imap_close(&s);
	return survey->server->tls == CONFIG_TLS_NONE ? 0 : come_again(&w, e);
broken:
	imap_abort(&s);
	return failed(&w, e);
}
