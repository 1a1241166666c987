/* How a store names its folders: asked once, after the login. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "imap/dialog.h"
#include "imap/session_impl.h"
#include "imap/untagged.h"
#include "imap/utf7.h"

char *imap_read_name(const struct imap *s, struct slice name)
{
	struct buf b;
	char *text = NULL;

	if (!s->utf8)
		return slice_dup(name);
	buf_init(&b, FOLDER_NAME_MAX * 3);
	if (utf7_encode(name, &b) == 0)
		text = mem_strdup(buf_str(&b));
	buf_free(&b);
	return text;
}

/* Only where the server says that it did: what it announces it may refuse to this user. */
static int enable_utf8(struct imap *s, struct err *e)
{
	struct imap_reply r;
	struct slice kept, args;
	enum untagged_kind kind;

	if ((s->can & IMAP_CAN_UTF8) == 0 || (s->can & IMAP_CAN_ENABLE) == 0)
		return 0;
	if (dialog_run(s, &r, e, "ENABLE UTF8=ACCEPT") != 0)
		return -1;
	kept = dialog_kept(s, NULL);
	while (untagged_next(&kept, &kind, &args))
		if (kind == UNTAGGED_ENABLED && untagged_enabled(args, SLICE_LIT("UTF8=ACCEPT")))
			s->utf8 = r.status == IMAP_OK;
	return 0;
}

/* To guess where folders are would make others beside them, and file into those. */
static int untold(const struct imap *s, const char *what, const struct imap_reply *r, struct err *e)
{
	return err_set(e, ERR_TEMP, 0, "%s does not tell %s: %s; it is asked again later", s->server->host, what,
		       r->text);
}

static int ask_separator(struct imap *s, struct err *e)
{
	struct imap_reply r;
	struct slice kept, args;
	enum untagged_kind kind;
	bool first = true;

	if (dialog_run(s, &r, e, "LIST \"\" \"\"") != 0)
		return -1;
	if (r.status != IMAP_OK)
		return untold(s, "what separates the names of folders", &r, e);
	kept = dialog_kept(s, NULL);
	while (untagged_next(&kept, &kind, &args)) {
		struct untagged_list l;

		if (kind != UNTAGGED_LIST)
			continue;
		if (untagged_list(args, &l) == 0 && first) {
			s->style.own.separator = l.separator;
			first = false;
		}
		buf_free(&l.name);
	}
	return 0;
}

struct spaces {
	struct imap *session;
	bool own;  /* a personal one was there */
	bool home; /* … and it is the one where INBOX is */
};

/* A prefix that can't stand in a command, or is longer than anybody's, is as good as none. */
static bool read_prefix(const struct imap *s, struct slice prefix, struct folder_space *out)
{
	char *text = imap_read_name(s, prefix);
	bool ok = text != NULL && strlen(text) < sizeof out->prefix;

	for (const char *c = text; ok && *c != '\0'; c++)
		ok = *c >= ' ' && *c < 0x7f && *c != '*' && *c != '%';
	if (ok)
		memcpy(out->prefix, text, strlen(text) + 1);
	free(text);
	return ok;
}

/* Several personal ones come in no order that says where new folders belong (RFC 2342, 5): where INBOX is. */
static bool is_home(const struct folder_space *space)
{
	return space->prefix[0] == '\0' || slice_starts_nocase(slice_str(space->prefix), SLICE_LIT("INBOX"));
}

static void add_other(struct folder_style *style, const struct folder_space *space)
{
	if (space->prefix[0] == '\0')
		style->foreign_rest = style->foreign_rest || space->foreign;
	else if (style->nothers < FOLDER_PREFIXES_MAX)
		style->others[style->nothers++] = *space;
}

static void on_space(void *arg, int class, struct slice prefix, char separator)
{
	struct spaces *all = arg;
	struct folder_style *style = &all->session->style;
	struct folder_space space = { .separator = separator, .foreign = class != 0 };

	if (!read_prefix(all->session, prefix, &space))
		return;
	if (class != 0 || (all->own && (all->home || !is_home(&space)))) {
		add_other(style, &space);
		return;
	}
	if (all->own)
		add_other(style, &style->own);
	all->own = true;
	all->home = is_home(&space);
	if (separator == '\0')
		space.separator = style->own.separator;
	style->own = space;
}

int imap_ask_style(struct imap *s, struct err *e)
{
	struct spaces all = { .session = s };
	struct imap_reply r;
	struct slice kept, args;
	enum untagged_kind kind;

	s->style = (struct folder_style){ .own = { .separator = '/' } };
	if (enable_utf8(s, e) != 0 || ask_separator(s, e) != 0)
		return -1;
	if ((s->can & IMAP_CAN_NAMESPACE) == 0)
		return 0;
	if (dialog_run(s, &r, e, "NAMESPACE") != 0)
		return -1;
	if (r.status != IMAP_OK)
		return untold(s, "its namespaces, though it knows NAMESPACE", &r, e);
	kept = dialog_kept(s, NULL);
	while (untagged_next(&kept, &kind, &args))
		if (kind == UNTAGGED_NAMESPACE)
			untagged_namespace(args, on_space, &all);
	return 0;
}
