/* News: IDLE (RFC 2177), ended and begun anew before anybody on the way forgets the connection. */
#include "base/clock.h"
#include "fetch/imap_session.h"

/* "DONE" and the reply. */
static int end_idle(struct source_session *s, uint32_t tag, struct imap_reply *r, struct err *e)
{
	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (dialog_put(s->imap, SLICE_LIT("DONE\r\n"), e) != 0)
		return imap_source_failed(s, e);
	return imap_source_reply(s, tag, r, e);
}

/* One IDLE, until UNTIL at most. */
static int idle(struct source_session *s, int64_t until, struct err *e)
{
	uint32_t tag = dialog_tag(s->imap);
	struct imap_reply r;
	int ret;

	dialog_deadline(s->imap, s->login.source->server.timeout);
	if (dialog_putf(s->imap, e, "%lu IDLE\r\n", (unsigned long)tag) != 0)
		return imap_source_failed(s, e);
	ret = dialog_await_continue(s->imap, e);
	if (ret < 0)
		return imap_source_failed(s, e);
	if (ret == 0) {
		dialog_forget_continue(s->imap);
		if (imap_source_reply(s, tag, &r, e) != 0)
			return -1;
		return err_set(e, ERR_PERM, 0, "%s refuses IDLE: %s", s->login.source->server.host, r.text);
	}
	/* The server has its time again only when we ask for something. What it says on its own costs it little. */
	dialog_deadline(s->imap, until - clock_mono_ms() + s->login.source->server.timeout);
	for (;;) {
		if (s->told.news || s->woken)
			break;
		ret = dialog_wait_until(s->imap, until, e);
		if (ret < 0)
			return imap_source_failed(s, e);
		if (ret == 0)
			break;
		/* It ended the IDLE itself. */
		ret = dialog_reply(s->imap, tag, false, &r, e);
		if (ret < 0)
			return imap_source_failed(s, e);
		if (ret > 0) {
			if (r.status == IMAP_OK)
				return err_set(e, ERR_PROTOCOL, 0, "%s ends IDLE without being asked: %s",
					       s->login.source->server.host, r.text);
			return imap_source_refused(s, "IDLE", &r, e);
		}
	}
	if (end_idle(s, tag, &r, e) != 0)
		return -1;
	return r.status == IMAP_BAD ? imap_source_refused(s, "IDLE", &r, e) : 0;
}

int imap_source_wait(struct source_session *s, int64_t until, bool *news, struct err *e)
{
	*news = false;
	s->woken = false;
	if (!imap_has(s->imap, "IDLE"))
		return err_set(e, ERR_PERM, 0, "%s does not offer IDLE", s->login.source->server.host);
	if (s->wire == NULL) {
		struct source_folder inbox = { .name = (char *)(uintptr_t) "INBOX" };
		struct source_mark now;
		bool same;

		if (imap_source_enter(s, &inbox, false, NULL, &now, &same, e) != 0)
			return -1;
	}
	if (imap_source_open(s, false, e) != 0)
		return -1;
	s->wants = (struct imap_wants){ .section = NULL };
	while (!s->told.news && !s->woken && clock_mono_ms() < until) {
		int64_t renew = clock_mono_ms() + s->renew;

		if (idle(s, renew < until ? renew : until, e) != 0)
			return -1;
	}
	*news = s->told.news;
	s->told.news = false;
	return 0;
}
