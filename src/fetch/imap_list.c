/*
 * What is in a folder: UID FETCH in windows of UIDs, some on their way at once.
 * A window's width follows how densely the folder is filled, so that gaps cost
 * little; the last one is open at its end, and told twice is told once.
 */
#include <stdio.h>

#include "fetch/imap_session.h"

enum {
	WINDOWS = 3,		   /* on their way */
	WINDOW_AIM = 1000,	   /* messages in one */
	WINDOW_LEAST = 500,	   /* UIDs */
	WINDOW_ITEM_OCTETS = 20000 /* of one response, with its flags; generously */
};

struct window {
	uint32_t tag, first, last; /* last UINT32_MAX: "*" */
	uint64_t got;
};

struct listing {
	struct source_session *s;
	source_item_fn *fn;
	void *arg;
	bool brief; /* UIDs only */
	bool bare;  /* … and the server gives them without flags */
	bool stop;  /* FN has seen enough */
	bool holes; /* a window was refused */
	struct window all[WINDOWS]; /* a ring: those that were not answered */
	size_t oldest, n;
	uint32_t waited; /* the tag that dialog_reply is waited for; later ones may have come already */
	uint32_t asked;	 /* the newest; tags are consecutive */
	uint64_t width;
	uint64_t next; /* UID that the next window begins with; beyond UINT32_MAX: there is none */
	uint32_t told_last;
	uint64_t told;
};

static void refresh(struct listing *l)
{
	dialog_allow(l->s->imap, l->s->login.source->server.timeout, DIALOG_LITERAL_MAX,
		     (uint64_t)WINDOW_AIM * WINDOW_ITEM_OCTETS);
}

static int tell(struct listing *l, const struct fetch_response *r, struct err *e)
{
	struct buf flags = r->flags;
	struct source_item item = { .number = r->uid,
				    .name = "",
				    .size = r->size,
				    .flags = l->brief ? "" : buf_str(&flags),
				    .internal_ms = r->internal_ms };

	if (++l->told > SOURCE_ITEMS_MAX)
		return err_set(e, ERR_PROTOCOL, 0, "%s lists more than %d messages in one folder",
			       l->s->login.source->server.host, (int)SOURCE_ITEMS_MAX);
	l->told_last = r->uid;
	refresh(l);
	if (!l->stop && l->fn(l->arg, &item) != 0)
		l->stop = true;
	return 0;
}

/* The window that UID lies in. Its responses may come before the tagged reply to the window before it. */
static struct window *window_of(struct listing *l, uint32_t uid)
{
	for (size_t i = 0; i < l->n; i++) {
		struct window *w = &l->all[(l->oldest + i) % WINDOWS];

		if (uid >= w->first && uid <= w->last)
			return w;
	}
	return NULL;
}

static int on_item(void *arg, const struct fetch_response *r, struct err *e)
{
	struct listing *l = arg;
	struct window *w = window_of(l, r->uid);

	/* Changes of flags that nobody asked for tell no size, or where no flags belong; `*' is the newest message,
	 * wherever it is. */
	if (w == NULL || (!l->brief && !r->has_size) || (l->bare && r->has_flags) || r->uid == l->told_last)
		return 0;
	if (l->brief && r->has_flags && r->uid < l->told_last)
		return 0;
	l->bare = l->bare || (l->brief && !r->has_flags);
	if (r->uid < l->told_last)
		return err_set(e, ERR_PROTOCOL, 0,
			       "%s lists UID %lu behind UID %lu: they must ascend, or a message may be missed",
			       l->s->login.source->server.host, (unsigned long)r->uid, (unsigned long)l->told_last);
	w->got++;
	return tell(l, r, e);
}

static int on_reply(void *arg, const struct filter_reply *r, struct err *e)
{
	struct listing *l = arg;
	const struct window *w = &l->all[l->oldest];

	(void)e;
	if (l->n == 0 || r->tag != w->tag)
		return 0; /* dialog_reply says what is wrong */
	if (w->got < WINDOW_AIM / 4)
		l->width *= 4;
	else if (w->got > WINDOW_AIM * 2 && l->width / 2 >= WINDOW_LEAST)
		l->width /= 2;
	l->width = l->width < UINT32_MAX ? l->width : UINT32_MAX;
	l->holes = l->holes || r->status != IMAP_OK;
	l->oldest = (l->oldest + 1) % WINDOWS;
	l->n--;
	refresh(l);
	return 0;
}

/* By how it is filled; all of it, where it holds little. */
static uint64_t first_width(const struct source_mark *m, uint32_t from)
{
	uint64_t span = m->uidnext > from ? m->uidnext - from : 1, width;

	if (m->exists <= WINDOW_AIM)
		return UINT32_MAX;
	width = span * WINDOW_AIM / m->exists;
	return width < WINDOW_LEAST ? WINDOW_LEAST : width;
}

static int ask(struct listing *l, struct err *e)
{
	struct window *w = &l->all[(l->oldest + l->n) % WINDOWS];
	uint64_t last = l->next + l->width - 1;
	char to[16] = "*";

	*w = (struct window){ .tag = dialog_tag(l->s->imap), .first = (uint32_t)l->next, .last = UINT32_MAX };
	/* Where UIDNEXT is not known the gaps say when it ends: windows grow. */
	if (last < UINT32_MAX && (l->s->told.mark.uidnext == 0 || last + 1 < l->s->told.mark.uidnext)) {
		w->last = (uint32_t)last;
		(void)snprintf(to, sizeof to, "%lu", (unsigned long)last);
	}
	l->next = (uint64_t)w->last + 1;
	if (l->waited == 0)
		l->waited = w->tag;
	l->asked = w->tag;
	if (dialog_putf(l->s->imap, e, "%lu UID FETCH %lu:%s %s\r\n", (unsigned long)w->tag, (unsigned long)w->first, to,
			l->brief ? "(UID)" : "(UID FLAGS INTERNALDATE RFC822.SIZE)") != 0)
		return imap_source_failed(l->s, e);
	l->n++;
	return 0;
}

static int walk(struct listing *l, struct err *e)
{
	struct imap_reply r;

	refresh(l);
	for (;;) {
		while (l->n < WINDOWS && l->next <= UINT32_MAX && !l->stop)
			if (ask(l, e) != 0)
				return -1;
		if (l->waited == 0 || l->waited > l->asked)
			return 0;
		if (imap_source_reply(l->s, l->waited++, &r, e) != 0)
			return -1;
		if (r.status == IMAP_BAD)
			return imap_source_refused(l->s, "UID FETCH", &r, e);
	}
}

static int list(struct listing *l, uint32_t from, bool *complete, struct err *e)
{
	struct source_session *s = l->s;
	int ret;

	*complete = false;
	if (imap_source_open(s, false, e) != 0)
		return -1;
	if (from == 0)
		from = 1;
	/* "1:*" of an empty folder is an error to some servers. */
	if (s->told.mark.exists == 0) {
		*complete = true;
		return 0;
	}
	l->next = from;
	l->width = first_width(&s->told.mark, from);
	s->wants = (struct imap_wants){ .fetch = { .done = on_item, .arg = l }, .tagged = on_reply, .arg = l };
	ret = walk(l, e);
	s->wants = (struct imap_wants){ .section = NULL };
	/* Who is to be pruned must not be absent by a server's slip: as many must have been told as there are. */
	*complete = ret == 0 && !l->stop && !l->holes && (from > 1 || l->told >= s->told.mark.exists);
	return ret;
}

int imap_source_list(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete,
		     struct err *e)
{
	struct listing l = { .s = s, .fn = fn, .arg = arg };

	return list(&l, from, complete, e);
}

int imap_source_present(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e)
{
	struct listing l = { .s = s, .fn = fn, .arg = arg, .brief = true };

	return list(&l, 1, complete, e);
}
