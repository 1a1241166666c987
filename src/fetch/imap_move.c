/*
 * Originals into another folder: MOVE (RFC 6851), or COPY, \Deleted and UID
 * EXPUNGE. An answer to COPY that was lost leaves a copy and an original; so
 * before anything is copied the target is asked for what looks like it
 * (imap_look.c), and what is there already is only removed here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/imap_change.h"
#include "fetch/imap_look.h"
#include "imap/answers.h"
#include "imap/mailbox.h"
#include "imap/uid_set.h"
#include "msg/special_use.h"

char *imap_source_target(struct source_session *s, const char *folder, struct err *e)
{
	unsigned use = special_use_of(slice_str(folder));
	const struct catalog_folder *f;
	const struct catalog *c;

	if (use == 0)
		return imap_source_wire(s, folder, e);
	if (mailbox_catalog(s->imap, false, &c, e) != 0) {
		(void)imap_source_failed(s, e);
		return NULL;
	}
	f = catalog_use(c, use);
	if (f == NULL)
		f = catalog_guess(c, use);
	if (f != NULL)
		return mem_strdup(f->wire);
	if (special_use_default(use) != NULL)
		return folder_to_wire(imap_style(s->imap), special_use_default(use), e);
	(void)err_set(e, ERR_CONFIG, 0, "%s has no folder with the use %s for `move_to'", s->login.source->server.host,
		      folder);
	return NULL;
}

static int command(struct source_session *s, const char *verb, const char *set, const char *target, struct imap_reply *r,
		   struct err *e)
{
	uint32_t tag = dialog_tag(s->imap);

	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (dialog_putf(s->imap, e, "%lu UID %s %s ", (unsigned long)tag, verb, set) != 0 ||
	    dialog_put_mailbox(s->imap, target, e) != 0 || dialog_putf(s->imap, e, "\r\n") != 0)
		return imap_source_failed(s, e);
	return imap_source_reply(s, tag, r, e);
}

/* VERB is MOVE or COPY. Makes TARGET where it is missing, once. 0, or -1. */
static int transfer(struct source_session *s, const char *verb, const char *set, const char *target,
		    struct imap_reply *r, struct err *e)
{
	struct imap_reply made;

	if (command(s, verb, set, target, r, e) != 0)
		return -1;
	if (r->status != IMAP_NO || answers_read(r, ANSWER_FOLDER).verdict != VERDICT_NO_FOLDER)
		return 0;
	if (mailbox_create(s->imap, target, 0, &made, e) != 0)
		return imap_source_failed(s, e);
	if (made.status != IMAP_OK) {
		*r = made;
		return 0;
	}
	return command(s, verb, set, target, r, e);
}

/* Which of UIDS the answer R to a COPY says were copied: all, or those of COPYUID (RFC 4315, 3). How many; they stand at
 * the front. */
static size_t copied(const struct imap_reply *r, uint32_t *uids, size_t n)
{
	struct slice text = slice_str(r->text), set;
	size_t k = 0, at;

	if (r->status != IMAP_OK)
		return 0;
	if (!slice_starts_nocase(text, SLICE_LIT("[COPYUID ")))
		return n;
	/* [COPYUID validity from to]; what was cut off is left to the next run, the number at the cut too. */
	at = slice_find(text, ' ');
	text = slice_skip(text, at < text.n ? at + 1 : at);
	at = slice_find(text, ' ');
	set = slice_skip(text, at < text.n ? at + 1 : at);
	at = slice_find(set, ' ');
	while (at == set.n && set.n > 0 && set.p[set.n - 1] != ',')
		at = --set.n;
	set.n = at;
	for (size_t i = 0; i < n; i++)
		if (uid_set_has(set, uids[i]))
			uids[k++] = uids[i];
	return k;
}

/* \Deleted for UIDS, and away with them where that can be done. */
static int drop(struct source_session *s, const uint32_t *uids, size_t n, struct buf *refused, struct err *e)
{
	struct buf set;
	int ret = 0;

	buf_init(&set, UID_SET_OCTETS + 1);
	for (size_t i = 0; ret == 0 && i < n;) {
		buf_clear(&set);
		i += uid_set_write(uids + i, n - i, &set);
		ret = imap_source_store(s, buf_str(&set), "\\Deleted", imap_source_has_uidplus(s), refused, e);
	}
	buf_free(&set);
	return ret;
}

/* The N first of UIDS, as many as one set holds; those that are to be copied stand at the front. */
static int copy_some(struct source_session *s, uint32_t *uids, size_t n, const char *target, struct buf *refused,
		     struct err *e)
{
	size_t fresh = n, done;
	struct imap_reply r;
	struct buf set;
	int ret;

	if (imap_look(s, uids, n, target, &fresh, e) != 0 || imap_source_open(s, true, e) != 0)
		return -1;
	/* What is in the target already. */
	if (drop(s, uids + fresh, n - fresh, refused, e) != 0)
		return -1;
	buf_init(&set, UID_SET_OCTETS + 1);
	for (ret = 0; ret == 0 && fresh > 0; uids += done, fresh -= done) {
		size_t m;

		buf_clear(&set);
		done = uid_set_write(uids, fresh, &set);
		ret = transfer(s, "COPY", buf_str(&set), target, &r, e);
		if (ret == 0)
			ret = imap_source_note(s, "UID COPY", &r, refused, e);
		m = ret == 0 ? copied(&r, uids, done) : 0;
		/* Else they would count as moved, and stay in both folders. */
		if (ret == 0 && r.status == IMAP_OK && m < done && refused != NULL && refused->n == 0)
			(void)buf_addf(refused, "%s does not say of all of them that they were copied; the next run looks",
				       s->login.source->server.host);
		if (m > 0)
			ret = drop(s, uids, m, refused, e);
	}
	buf_free(&set);
	return ret;
}

static int move_some(struct source_session *s, const char *set, const char *target, struct buf *refused, struct err *e)
{
	struct imap_reply r;

	if (transfer(s, "MOVE", set, target, &r, e) != 0)
		return -1;
	return imap_source_note(s, "UID MOVE", &r, refused, e);
}

static int move_all(struct source_session *s, uint32_t *uids, size_t n, const char *target, struct buf *refused,
		    struct err *e)
{
	bool can_move = imap_has(s->imap, "MOVE") || imap_has(s->imap, "IMAP4rev2");
	struct buf set;
	int ret = 0;

	buf_init(&set, UID_SET_OCTETS + 1);
	while (ret == 0 && n > 0) {
		size_t some = n < IMAP_LOOK_MAX ? n : IMAP_LOOK_MAX;

		if (can_move) {
			buf_clear(&set);
			some = uid_set_write(uids, n, &set);
			ret = move_some(s, buf_str(&set), target, refused, e);
		} else {
			ret = copy_some(s, uids, some, target, refused, e);
		}
		uids += some;
		n -= some;
	}
	buf_free(&set);
	return ret;
}

int imap_source_move(struct source_session *s, const struct source_item *items, size_t n, const char *folder,
		     bool *marked, struct buf *refused, struct err *e)
{
	bool can_move = imap_has(s->imap, "MOVE") || imap_has(s->imap, "IMAP4rev2");
	char *target = imap_source_target(s, folder, e);
	uint32_t *uids = NULL;
	int ret = -1;

	if (marked != NULL)
		*marked = !can_move && !imap_source_has_uidplus(s);
	if (target == NULL) {
		if (e != NULL && e->class != ERR_TEMP && e->class != ERR_PROTOCOL)
			e->class = ERR_CONFIG;
		return -1;
	}
	if (s->wire != NULL && strcmp(s->wire, target) == 0) {
		if (refused != NULL)
			(void)buf_addf(refused, "they are in %s already", folder);
		ret = 0;
		goto done;
	}
	ret = imap_source_to_write(s, refused, e);
	if (ret != 1)
		goto done;
	uids = imap_source_uids(items, &n);
	ret = move_all(s, uids, n, target, refused, e);
done:
	free(uids);
	free(target);
	return ret;
}
