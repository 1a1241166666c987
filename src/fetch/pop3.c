/*
 * A POP3 mailbox as a source (RFC 1939). Our own small client: what a hostile
 * server says is read by pop3_reply.c, pop3_body.c and pop3_list.c, and never
 * moves a pointer or sizes an allocation.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "fetch/pop3_impl.h"
#include "fetch/pop3_refusal.h"

static void release(struct source_session **sp, bool reset)
{
	struct source_session *s = *sp;

	if (s == NULL)
		return;
	if (reset)
		stream_abort(&s->stream);
	else
		stream_close(&s->stream);
	buf_wipe(&s->out);
	pop3_listing_free(&s->listing);
	free(s->stamp);
	free(s);
	*sp = NULL;
}

static void pop3_abort(struct source_session **s)
{
	release(s, true);
}

static struct source_session *pop3_open(const struct source_login *login, struct err *e)
{
	struct source_session *s;
	int fd = login->connect(login->arg, e);

	if (fd < 0)
		return NULL;
	s = mem_alloc(sizeof *s);
	s->login = login;
	s->source = login->source;
	s->server = &login->source->server;
	s->secrets[0] = s->server->password;
	s->stream = stream_new(fd, s->server->host);
	stream_set_wake(s->stream, login->wake_fd, login->wake, login->arg);
	buf_init(&s->out, POP3_OUT_MAX);
	/* At once: a buffer that grows leaves what it held behind. */
	if (buf_reserve(&s->out, 2 * POP3_LINE_MAX) == NULL)
		(void)err_set(e, ERR_TEMP, 0, "there is not enough memory to log in");
	else if (pop3_log_in(s, e) == 0)
		return s;
	pop3_abort(&s);
	return NULL;
}

static int pop3_folders(struct source_session *s, struct source_folder **folders, size_t *n, struct err *e)
{
	(void)s;
	(void)e;
	*folders = mem_array(1, sizeof **folders);
	(*folders)[0] = (struct source_folder){ .name = mem_strdup("") };
	*n = 1;
	return 0;
}

static int pop3_enter(struct source_session *s, const struct source_folder *folder, bool write,
		      const struct source_mark *before, struct source_mark *now, bool *same, struct err *e)
{
	(void)folder;
	(void)write;
	(void)before;
	if (pop3_list_all(s, e) != 0)
		return -1;
	*now = (struct source_mark){ .exists = (uint32_t)s->listing.n };
	*same = false;
	return 0;
}

static int pop3_list(struct source_session *s, uint32_t from, source_item_fn *fn, void *arg, bool *complete,
		     struct err *e)
{
	const struct pop3_listing *l = &s->listing;

	(void)from;
	*complete = false;
	if (pop3_list_all(s, e) != 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		struct source_item item = { .number = l->all[i].number,
					    .name = pop3_listing_name_of(l, &l->all[i]),
					    .size = l->all[i].size,
					    .flags = "" };

		/* Also those that are to go: they are there until QUIT. */
		if (fn(arg, &item) != 0)
			return 0;
	}
	*complete = l->complete;
	return 0;
}

static int pop3_present(struct source_session *s, source_item_fn *fn, void *arg, bool *complete, struct err *e)
{
	return pop3_list(s, 1, fn, arg, complete, e);
}

static int pop3_heads(struct source_session *s, const struct source_item *items, size_t n,
		      const struct source_handler *h, struct err *e)
{
	return pop3_get(s, items, n, true, h, e);
}

static int pop3_fetch(struct source_session *s, const struct source_item *items, size_t n,
		      const struct source_handler *h, struct err *e)
{
	return pop3_get(s, items, n, false, h, e);
}

static int pop3_drop(struct source_session *s, const struct source_item *items, size_t n, bool *marked,
		     struct buf *refused, struct err *e)
{
	if (marked != NULL)
		*marked = false;
	return pop3_remove(s, items, n, refused, e);
}

/* RFC 1939, 6: the messages go before the reply, and a server that could not remove some says -ERR. */
static int pop3_leave(struct source_session **sp, struct err *e)
{
	struct source_session *s = *sp;
	struct pop3_reply r;
	int ret;

	ret = pop3_run(s, &r, e, "QUIT");
	if (ret == 0 && r.status == POP3_ERR)
		ret = pop3_refused(s, &r, "did not end the session well, so that removed messages may still be there", e);
	release(sp, false);
	return ret;
}

const struct source_driver source_pop3 = {
	.protocol = "pop3",
	.open = pop3_open,
	.folders = pop3_folders,
	.enter = pop3_enter,
	.list = pop3_list,
	.present = pop3_present,
	.heads = pop3_heads,
	.fetch = pop3_fetch,
	.remove = pop3_drop,
	.leave = pop3_leave,
	.abort = pop3_abort,
};
