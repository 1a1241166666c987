/* What a client of the control socket wants (cmd/control.h), and who has it. */
#include <string.h>

#include "cmd/control.h"
#include "cmd/fetcher.h"
#include "cmd/supervisor.h"
#include "cmd/sync_job.h"
#include "role/role.h"

static int control_sync(struct supervisor *sup, struct slice fields, int fd, struct err *e)
{
	struct sync_request request;
	int r;

	if (sync_get_request(fields, &request) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "that is not a request that I know");
	r = sync_for_client(sup, &request, fd, e);
	sync_request_free(&request);
	return r;
}

int supervisor_hand(void *arg, const char *want, struct slice fields, int fd, struct err *e)
{
	struct supervisor *sup = arg;
	enum slot_kind kind = SLOT_SPOOL;
	struct worker *w;
	struct ipc_out out;
	int r;

	if (strcmp(want, CONTROL_WANT_SYNC) == 0)
		return control_sync(sup, fields, fd, e);
	if (strcmp(want, CONTROL_WANT_SOURCES) == 0)
		return sync_tell_plan(sup, fd, e);
	if (strcmp(want, CONTROL_WANT_TOKEN) == 0)
		kind = SLOT_TOKEN;
	else if (strcmp(want, CONTROL_WANT_CONNECT) == 0)
		kind = SLOT_CONNECT;
	if (kind == SLOT_TOKEN && !config_has_oauth(sup->setup->config))
		return err_set(e, ERR_CONFIG, 0,
			       "nothing in the running configuration has a group oauth; send SIGHUP to mailferry "
			       "when the file was changed since");
	w = worker_of_kind(sup, kind);
	if (w == NULL)
		return err_set(e, ERR_TEMP, 0,
			       "the role %s is not ready; try again, and look at mailferry's log if this stays so",
			       slot_kind_names[kind]);
	if (strcmp(want, CONTROL_WANT_LIFT) == 0) {
		worker_lift(w, NULL);
		fetchers_lift(sup, false);
		return 0;
	}
	ipc_out_init(&out);
	ipc_begin(&out, ROLE_PEER, 0);
	ipc_put_str(&out, ROLE_TAG_ROLE, "admin");
	ipc_put_str(&out, ROLE_TAG_NAME, "");
	r = worker_send(w, &out, fd);
	ipc_out_free(&out);
	return r == 0 ? 0
		      : err_set(e, ERR_TEMP, 0, "the role %s is being started again; try once more",
				slot_kind_names[kind]);
}
