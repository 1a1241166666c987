/* The command line's end of a sync, and of the question how the schedule stands. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/control.h"
#include "cmd/sync.h"
#include "ipc/channel.h"

enum { TICK_MS = 500, PLAN_MS = 30 * 1000 };

static int say_gone(struct err *e)
{
	if (e->class == ERR_SYSTEM && e->code == EPIPE)
		return err_set(
		    e, ERR_TEMP, EPIPE,
		    "mailferry has hung up: it stops or is started again, or the output was not read for too long; "
		    "what was begun goes on, see: mailferry status");
	return err_prefix(e, "what mailferry says of the run can't be read");
}

/* Gives what comes to FN until the last event. */
static int listen_to(int fd, sync_event_fn *fn, void *arg, struct err *e)
{
	const struct sync_event tick = { .kind = SYNC_TICK, .name = "", .words = "" };
	enum sync_kind kind = SYNC_TICK;
	struct buf frame;
	int r = 0;

	buf_init(&frame, IPC_MAX);
	while (r == 0 && kind != SYNC_DONE) {
		struct sync_event ev;
		struct ipc_in in;

		if (ipc_receive(fd, &frame, &in, NULL, NULL, TICK_MS, e) != 0) {
			if (e->class != ERR_TEMP)
				r = say_gone(e);
			else if (fn(arg, &tick) != 0)
				break;
			continue;
		}
		if (sync_get_event(&in, &ev) != 0) {
			r = err_set(e, ERR_PROTOCOL, 0,
				    "mailferry says what this program does not understand; is it of another "
				    "version?");
			continue;
		}
		kind = ev.kind;
		if (fn(arg, &ev) != 0)
			kind = SYNC_DONE;
		sync_event_clear(&ev);
	}
	buf_free(&frame);
	return r;
}

int sync_by_daemon(const char *control, const char *file, const struct sync_request *r, sync_event_fn *fn, void *arg,
		   struct err *e)
{
	struct ipc_out out;
	int fd, ret;

	ipc_out_init(&out);
	ipc_begin(&out, CONTROL_HELLO, 1);
	ipc_put_str(&out, CONTROL_TAG_WANT, CONTROL_WANT_SYNC);
	sync_put_request(&out, r);
	fd = control_request(control, file, &out, e);
	ipc_out_free(&out);
	if (fd < 0)
		return -1;
	ret = listen_to(fd, fn, arg, e);
	(void)close(fd);
	return ret;
}

int plan_by_daemon(const char *control, const char *file, plan_row_fn *fn, void *arg, struct err *e)
{
	int fd = control_connect(control, file, CONTROL_WANT_SOURCES, e);
	bool more = true;
	struct buf frame;
	int r = 0;

	if (fd < 0)
		return -1;
	buf_init(&frame, IPC_MAX);
	while (r == 0 && more) {
		struct plan_row row;
		struct ipc_in in;

		r = ipc_receive(fd, &frame, &in, NULL, NULL, PLAN_MS, e);
		if (r == 0 && plan_get_row(&in, &row) != 0)
			r = err_set(e, ERR_PROTOCOL, 0,
				    "mailferry says what this program does not understand; is it of another "
				    "version?");
		if (r != 0)
			break;
		more = row.name[0] != '\0' && fn(arg, &row) == 0;
		plan_row_clear(&row);
	}
	buf_free(&frame);
	(void)close(fd);
	return r;
}
