/* Folders of the source: opening one, and what it is now. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/imap_session.h"
#include "imap/answers.h"
#include "imap/folder.h"
#include "imap/mailbox.h"
#include "msg/special_use.h"

/* The reply to the STATUS that went ahead. UIDNEXT must not be younger than EXISTS, or what comes between them would count
 * as known. */
static int read_ahead(struct source_session *s, uint32_t tag, struct mailbox_status *st, struct err *e)
{
	struct imap_reply r;

	return mailbox_status_read(s->imap, tag, st, &r, e) == 0 ? 0 : imap_source_failed(s, e);
}

/* "EXAMINE mailbox (CONDSTORE)" and its reply. */
static int open_folder(struct source_session *s, const char *wire, bool write, bool plain, struct imap_reply *r,
		       struct err *e)
{
	struct mailbox_status ahead = { 0, 0 };
	uint32_t status = 0, tag;

	s->told = (struct imap_told){ .exists = false };
	s->open = false;
	s->opening = true;
	s->wants = (struct imap_wants){ .section = NULL };
	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (s->mute && mailbox_status_send(s->imap, wire, &status, e) != 0)
		return imap_source_failed(s, e);
	/* What the folder is now belongs to one answer; a flood of changes is not asked for (QRESYNC would send it). */
	s->examine = tag = dialog_tag(s->imap);
	if (dialog_putf(s->imap, e, "%lu %s ", (unsigned long)tag, write ? "SELECT" : "EXAMINE") != 0 ||
	    dialog_put_mailbox(s->imap, wire, e) != 0 ||
	    dialog_putf(s->imap, e, "%s\r\n", plain ? "" : " (CONDSTORE)") != 0)
		return imap_source_failed(s, e);
	if (s->mute && read_ahead(s, status, &ahead, e) != 0)
		return -1;
	if (imap_source_reply(s, tag, r, e) != 0)
		return -1;
	s->open = r->status == IMAP_OK;
	if (s->told.mark.uidnext == 0 && ahead.uidvalidity == s->told.mark.uidvalidity)
		s->told.mark.uidnext = ahead.uidnext;
	return 0;
}

static int try_open(struct source_session *s, const char *wire, bool write, struct imap_reply *r, struct err *e)
{
	bool plain = s->plain || !(imap_has(s->imap, "CONDSTORE") || imap_has(s->imap, "QRESYNC"));

	if (open_folder(s, wire, write, plain, r, e) != 0)
		return -1;
	if (r->status == IMAP_BAD && !plain) {
		s->plain = plain = true;
		if (open_folder(s, wire, write, plain, r, e) != 0)
			return -1;
	}
	/* Courier tells UIDNEXT by STATUS only. */
	if (r->status != IMAP_OK || s->told.mark.uidnext != 0 || s->mute)
		return 0;
	s->mute = true;
	return open_folder(s, wire, write, plain, r, e);
}

int imap_source_open(struct source_session *s, bool write, struct err *e)
{
	struct source_mark before = s->told.mark;
	struct imap_reply r;

	if (s->wire == NULL)
		return err_set(e, ERR_PERM, 0, "no folder of %s was entered", s->login.source->server.host);
	if (s->open && (s->write || !write))
		return 0;
	if (try_open(s, s->wire, write, &r, e) != 0)
		return -1;
	if (r.status != IMAP_OK)
		return imap_source_refused(s, write ? "SELECT" : "EXAMINE", &r, e);
	s->write = write;
	if (before.uidvalidity != 0 && s->told.mark.uidvalidity != before.uidvalidity)
		return err_set(e, ERR_TEMP, 0, "%s gave the folder another UIDVALIDITY meanwhile; the next run sees to it",
			       s->login.source->server.host);
	if (before.uidnext != 0 && s->told.mark.uidnext > before.uidnext)
		s->told.news = true;
	return 0;
}

/* ---- many at once ---- */

enum { AHEAD = 50 };

struct passing {
	struct source_session *s;
	struct imap_name *names; /* AHEAD at most, one command each */
	size_t n, at;		 /* the one whose answer comes */
	uint32_t tag;		 /* of the first */
};

static int on_passed(void *arg, const struct filter_reply *r, struct err *e)
{
	struct passing *p = arg;
	struct source_session *s = p->s;
	struct imap_name *f = &p->names[p->at];

	(void)e;
	if (p->at == p->n || r->tag != p->tag + p->at)
		return 0; /* dialog_reply says what is wrong */
	f->told = s->told;
	s->mute = s->mute || (r->status == IMAP_OK && f->told.exists && f->told.mark.uidnext == 0);
	f->ahead = r->status == IMAP_OK && f->told.exists && f->told.mark.uidvalidity != 0 && f->told.mark.uidnext != 0;
	s->told = (struct imap_told){ .exists = false };
	s->opening = ++p->at < p->n;
	s->examine = p->tag + (uint32_t)p->at;
	return 0;
}

static int pass(struct passing *p, const char *how, struct err *e)
{
	struct source_session *s = p->s;
	struct imap_reply r;
	int ret = 0;

	s->told = (struct imap_told){ .exists = false };
	s->opening = true;
	s->wants = (struct imap_wants){ .tagged = on_passed, .arg = p };
	dialog_deadline(s->imap, s->login.source->server.timeout);
	for (size_t i = 0; i < p->n; i++) {
		uint32_t tag = dialog_tag(s->imap);

		if (i == 0)
			s->examine = p->tag = tag;
		if (dialog_putf(s->imap, e, "%lu EXAMINE ", (unsigned long)tag) != 0 ||
		    dialog_put_mailbox(s->imap, p->names[i].wire, e) != 0 || dialog_putf(s->imap, e, "%s\r\n", how) != 0)
			return imap_source_failed(s, e);
	}
	for (size_t i = 0; ret == 0 && i < p->n; i++) {
		dialog_deadline(s->imap, s->login.source->server.timeout);
		ret = imap_source_reply(s, p->tag + (uint32_t)i, &r, e);
		s->plain = s->plain || (ret == 0 && r.status == IMAP_BAD);
	}
	s->wants = (struct imap_wants){ .section = NULL };
	return ret;
}

int imap_source_ahead(struct source_session *s, struct err *e)
{
	bool plain = !(imap_has(s->imap, "CONDSTORE") || imap_has(s->imap, "QRESYNC"));

	s->open = false;
	for (size_t i = 0; i < s->nnames && !s->plain && !s->mute; i += AHEAD) {
		struct passing p = { .s = s, .names = s->names + i, .n = s->nnames - i < AHEAD ? s->nnames - i : AHEAD };

		if (pass(&p, plain ? "" : " (CONDSTORE)", e) != 0)
			return -1;
	}
	return 0;
}

/* What FOLDER was in passing, once. */
static bool was_seen(struct source_session *s, const struct source_folder *folder)
{
	for (size_t i = 0; i < s->nnames; i++) {
		struct imap_name *f = &s->names[i];

		if (!f->ahead || strcmp(f->name, folder->name) != 0)
			continue;
		f->ahead = false;
		s->told = f->told;
		return true;
	}
	return false;
}

int imap_source_examine(struct source_session *s, const char *wire, bool *there, struct err *e)
{
	struct imap_reply r;

	if (try_open(s, wire, false, &r, e) != 0)
		return -1;
	*there = r.status == IMAP_OK;
	s->write = false;
	if (r.status == IMAP_OK || answers_read(&r, ANSWER_FOLDER).verdict == VERDICT_NO_FOLDER)
		return 0;
	return imap_source_refused(s, "EXAMINE", &r, e);
}

char *imap_source_wire(const struct source_session *s, const char *name, struct err *e)
{
	for (size_t i = 0; i < s->nnames; i++)
		if (strcmp(s->names[i].name, name) == 0)
			return mem_strdup(s->names[i].wire);
	if (special_use_of(slice_str(name)) != 0) {
		(void)err_set(e, ERR_PERM, 0, "%s has no folder with the use %s; name it in `folders'",
			      s->login.source->server.host, name);
		return NULL;
	}
	return folder_to_wire(imap_style(s->imap), name, e);
}

static bool is_same(const struct source_mark *a, const struct source_mark *b)
{
	return a->uidvalidity == b->uidvalidity && a->uidnext == b->uidnext && a->uidnext != 0 && a->exists == b->exists &&
	       a->modseq == b->modseq;
}

int imap_source_enter(struct source_session *s, const struct source_folder *folder, bool write,
		      const struct source_mark *before, struct source_mark *now, bool *same, struct err *e)
{
	const char *host = s->login.source->server.host;
	char *wire = imap_source_wire(s, folder->name, e);
	struct imap_reply r;

	*same = false;
	*now = (struct source_mark){ .uidvalidity = 0 };
	free(s->wire);
	s->wire = wire;
	s->open = false;
	if (wire == NULL) {
		(void)err_prefix(e, "folder %s", folder->name);
		if (e != NULL)
			e->class = ERR_PERM;
		return -1;
	}
	if (was_seen(s, folder) && !write) {
		*now = s->told.mark;
		*same = before != NULL && is_same(before, now);
		return 0; /* it is opened when something is to be done in it */
	}
	if (try_open(s, wire, write, &r, e) != 0) {
		if (e != NULL && e->class == ERR_PERM)
			e->class = ERR_PROTOCOL;
		return -1;
	}
	s->write = write;
	if (r.status != IMAP_OK)
		return err_set(e, ERR_PERM, 0, "%s does not open the folder %s: %s", host, folder->name, r.text);
	if (s->told.mark.uidvalidity == 0 || !s->told.exists) {
		s->open = false;
		return err_set(e, ERR_PERM, 0,
			       "%s tells no %s for the folder %s: what was fetched from it could not be remembered", host,
			       s->told.exists ? "UIDVALIDITY" : "number of messages", folder->name);
	}
	*now = s->told.mark;
	*same = before != NULL && is_same(before, now);
	return 0;
}
