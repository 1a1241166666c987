/* What the receivers' TLS needs from somebody who outlives them: keys of tickets, and an eye on dates. */
#include <openssl/rand.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/certificates.h"
#include "cmd/supervisor.h"
#include "intake/notice.h"
#include "role/role.h"

enum {
	TURN_MS = 8 * 3600 * 1000, /* a new key; a ticket is good for twelve hours, and the three keys before open it */
	LOOK_MS = 3600 * 1000,
	WHY_MAX = 600
};

/* A new key in front of the others. Without random octets the old ones must do. */
static bool tickets_turn(struct tickets *t)
{
	unsigned char new[TLS_TICKET_KEY_SIZE];

	if (RAND_bytes(new, sizeof new) != 1)
		return false;
	memmove(t->keys[1], t->keys[0], (TLS_TICKET_KEYS_MAX - 1) * sizeof t->keys[0]);
	memcpy(t->keys[0], new, sizeof new);
	mem_wipe(new, sizeof new);
	t->n += t->n < TLS_TICKET_KEYS_MAX;
	t->made = clock_mono_ms();
	return true;
}

void tickets_put(struct supervisor *sup, struct ipc_out *out)
{
	struct tickets *t = &sup->tickets;

	if (t->n == 0)
		(void)tickets_turn(t);
	ipc_put_bytes(out, ROLE_TAG_KEYS, slice_of((const char *)t->keys, t->n * sizeof t->keys[0]));
}

static void tickets_minute(struct supervisor *sup)
{
	struct ipc_out out;

	if (sup->tickets.n == 0 || clock_mono_ms() - sup->tickets.made < TURN_MS || !tickets_turn(&sup->tickets))
		return;
	ipc_out_init(&out);
	for (struct worker *w = sup->workers; w != NULL; w = w->next) {
		if (w->kind != SLOT_RECEIVER || (w->state != WORKER_READY && w->state != WORKER_DRAINING))
			continue;
		ipc_begin(&out, ROLE_TICKETS, 0);
		tickets_put(sup, &out);
		(void)worker_send(w, &out, -1);
	}
	mem_wipe(out.buf.p, out.buf.n);
	ipc_out_free(&out);
}

/* What is said here is also what the operator gets: in the last two weeks once a week, afterwards every day. */
static void certificate_look(struct supervisor *sup, const struct config_certificate *c)
{
	enum certificate_state state;
	struct buf why;

	buf_init(&why, WHY_MAX);
	state = certificate_state(c, clock_wall_ms(), &why);
	if (state != CERTIFICATE_GOOD) {
		log_warning("certificate", LOG_STR("certificate", c->name), LOG_STR("what", buf_str(&why)));
		supervisor_tell(sup, c->name, state == CERTIFICATE_SOON ? NOTICE_CERTIFICATE : NOTICE_EXPIRED,
				buf_str(&why));
	}
	buf_free(&why);
}

void supervisor_tls_minute(struct supervisor *sup)
{
	const struct config *c = sup->setup->config;
	int64_t now = clock_mono_ms();

	tickets_minute(sup);
	/* A notice needs a receiver. */
	if (sup->sync_only || worker_of_kind(sup, SLOT_RECEIVER) == NULL ||
	    (sup->certificates_look != 0 && now - sup->certificates_look < LOOK_MS))
		return;
	sup->certificates_look = now;
	for (size_t i = 0; i < c->ncertificates; i++)
		certificate_look(sup, &c->certificates[i]);
}
