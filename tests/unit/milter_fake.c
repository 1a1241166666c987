#include "milter_fake.h"

#include <stdlib.h>
#include <string.h>

#include "smtp/milter_wire.h"

static const char config[] =
    "hostname = \"mail.office.example\";\n"
    "limits = { message_size = \"300K\"; errors = 1000; recipients = 1000; };\n"
    "milters = { m0 = { address = \"unix:/m0\"; }; m1 = { address = \"inet:127.0.0.1:11332\"; on_failure = \"accept\"; };\n"
    "  m2 = { address = \"unix:/m2\"; quarantine = \"Held\"; }; };\n"
    "listeners = { mx = { address = \"192.0.2.1:25\"; milters = [ \"m0\" ]; };\n"
    "  two = { address = \"192.0.2.1:26\"; milters = [ \"m0\", \"m1\", \"m2\" ]; };\n"
    "  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; milters = [ \"m0\" ]; };\n"
    "  open = { address = \"192.0.2.1:27\"; milters = [ \"m1\" ]; }; };\n"
    "accounts = { home = { host = \"imap.example.net\"; user = \"h\"; password = \"p\"; tls = \"implicit\";\n"
    "    addresses = [ \"@h.example\" ]; }; };\n";

struct slice milter_fake_packet(char letter, const char *p, size_t n)
{
	static char made[8][256 * 1024];
	static unsigned next;
	char *to = made[next++ % 8];

	if (n > sizeof made[0] - 5)
		abort();
	to[0] = (char)((n + 1) >> 24);
	to[1] = (char)((n + 1) >> 16);
	to[2] = (char)((n + 1) >> 8);
	to[3] = (char)(n + 1);
	to[4] = letter;
	memcpy(to + 5, p, n);
	return slice_of(to, n + 5);
}

struct slice milter_fake_terms(unsigned version, unsigned actions, unsigned protocol)
{
	struct buf b;
	struct slice s;

	buf_init(&b, 12);
	milter_put_u32(&b, version);
	milter_put_u32(&b, actions);
	milter_put_u32(&b, protocol);
	s = milter_fake_packet('O', b.p, b.n);
	buf_free(&b);
	return s;
}

static void *wire_open(void *arg, struct milter *m, bool fresh, bool *again, milter_moved_fn *moved, void *moved_arg)
{
	struct milter_fakes *all = arg;
	struct milter_wire *w = &all->all[all->n++];

	if (all->n > MILTER_FAKE_WIRES)
		abort();
	(void)fresh;
	*again = false;
	*w = (struct milter_wire){ .all = all, .m = m, .moved = moved, .arg = moved_arg };
	w->script = &all->scripts[milter_config(m)->name[1] - '0'];
	buf_init(&w->in, 64 << 20);
	buf_init(&w->out, 64 << 20);
	w->failing = w->script->down;
	if (!w->failing) {
		w->script->connections++;
		milter_connected(m, NULL);
	}
	return w;
}

static void wire_flush(void *wire)
{
	struct milter_wire *w = wire;
	struct buf *out = milter_output(w->m);

	if (w->hung_up)
		return;
	(void)buf_add_slice(&w->in, buf_slice(out));
	buf_clear(out);
}

static void wire_close(void *wire, struct milter_terms *again)
{
	struct milter_wire *w = wire;

	wire_flush(w);
	(void)again;
	w->m = NULL;
}

void milter_fake_open(struct milter_fakes *m, const char *more)
{
	struct buf text;

	*m = (struct milter_fakes){ 0 };
	buf_init(&text, 64 * 1024);
	(void)buf_addf(&text, "%s%s", config, more);
	fake_open(&m->f, buf_str(&text), NULL);
	buf_free(&text);
	m->wires = (struct milter_wires){ .open = wire_open, .flush = wire_flush, .close = wire_close, .arg = m };
	m->f.service.wires = &m->wires;
	for (size_t i = 0; i < MILTER_FAKE_MAX; i++) {
		static const char letters[] = "CHMRTLNBEU";
		static const char yes[] = "\0\0\0\1c";
		static char terms[MILTER_FAKE_MAX][17];
		const struct slice t = milter_fake_terms(6, 0x1ff, 0);

		buf_init(&m->scripts[i].told, 64 << 20);
		memcpy(terms[i], t.p, t.n);
		m->scripts[i].says['O'] = slice_of(terms[i], t.n);
		for (const char *l = letters; *l != '\0'; l++)
			m->scripts[i].says[(int)*l] = slice_of(yes, 5);
	}
}

void milter_fake_close(struct milter_fakes *m)
{
	fake_close(&m->f);
	for (size_t i = 0; i < m->n; i++) {
		buf_free(&m->all[i].in);
		buf_free(&m->all[i].out);
	}
	for (size_t i = 0; i < MILTER_FAKE_MAX; i++)
		buf_free(&m->scripts[i].told);
}

/* Notes a command and answers it. */
static void hear(struct milter_wire *w, const struct milter_packet *p)
{
	struct milter_script *s = w->script;

	if (p->letter != 'D' || s->macros) {
		(void)buf_add_char(&s->told, p->letter);
		for (size_t i = 0; i < p->data.n; i++)
			(void)buf_add_char(&s->told, p->data.p[i] == '\0' ? '|' : p->data.p[i]);
		(void)buf_add_char(&s->told, '\n');
	}
	if (s->closes != 0 && s->closes == p->letter)
		w->hung_up = true;
	else if ((unsigned char)p->letter < 128)
		(void)buf_add_slice(&w->out, s->says[(int)p->letter]);
}

static bool listen_to(struct milter_wire *w)
{
	struct milter_packet p;
	size_t used;
	bool any = false;

	while (!w->hung_up && milter_packet_read(buf_slice(&w->in), &p, &used) == 1) {
		hear(w, &p);
		buf_consume(&w->in, used);
		any = true;
	}
	return any;
}

/* Some octets of what it has to say. The wire may be closed then. */
static bool talk(struct milter_wire *w)
{
	const size_t step = w->all->step == 0 ? w->out.n : w->all->step;
	const size_t n = w->out.n < step ? w->out.n : step;
	bool decided = false;

	if (w->m == NULL || milter_state(w->m) == MILTER_FAILED)
		return false;
	if (w->failing || (w->hung_up && n == 0)) {
		w->failing = false;
		milter_lost(w->m, "it is gone");
		w->moved(w->arg);
		return true;
	}
	if (n == 0)
		return false;
	decided = milter_input(w->m, slice_of(w->out.p, n));
	buf_consume(&w->out, n);
	if (decided)
		w->moved(w->arg);
	return true;
}

void milter_fake_pump(struct milter_fakes *m)
{
	bool any = true;

	while (any) {
		any = false;
		for (size_t i = 0; i < m->n; i++) {
			any = listen_to(&m->all[i]) || any;
			any = talk(&m->all[i]) || any;
		}
		while (fake_answer(&m->f))
			any = true;
		if (m->f.session != NULL)
			fake_send_only(&m->f, SLICE_NONE);
	}
}

void milter_fake_connect(struct milter_fakes *m, size_t listener)
{
	fake_connect(&m->f, listener);
	milter_fake_pump(m);
}

void milter_fake_send(struct milter_fakes *m, const char *s)
{
	fake_send_only(&m->f, slice_str(s));
	milter_fake_pump(m);
}

void milter_fake_wait(struct milter_fakes *m, int64_t ms)
{
	fake_wait(&m->f, ms);
	for (size_t i = 0; i < m->n; i++) {
		struct milter_wire *w = &m->all[i];

		if (w->m == NULL || m->f.service.now() < milter_deadline(w->m))
			continue;
		milter_late(w->m);
		w->moved(w->arg);
	}
	milter_fake_pump(m);
}

const char *milter_fake_told(struct milter_fakes *m, size_t n)
{
	static struct buf told = { .max = 64 << 20 };

	buf_clear(&told);
	(void)buf_add_slice(&told, buf_slice(&m->scripts[n].told));
	buf_clear(&m->scripts[n].told);
	return buf_str(&told);
}
