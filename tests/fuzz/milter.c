/*
 * What milters say. The client is an honest one with two messages; the first byte chooses listener, step and how the
 * milters negotiate, the rest is what they answer: for each command a length and so many octets, in turn.
 *
 * Must hold: every session comes to its end once the milters are late, no message is kept of which a milter that must see
 * it has not said that it goes on, no upload and no connection is left behind.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/milter_fake.h"
#include "smtp/milter_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char small[] = "Subject: a\r\nX: b\r\n\r\nbody\r\n.\r\n";

static void script(struct milter_fakes *m, const uint8_t *data, size_t size, bool negotiates)
{
	static const char letters[] = "OCHMRTLNBEU";
	size_t at = 0;

	for (size_t i = 0; i < MILTER_FAKE_MAX; i++) {
		for (const char *l = letters; *l != '\0'; l++) {
			size_t n = at < size ? data[at] : 0;

			if (*l == 'O' && !negotiates)
				continue;
			if (at >= size)
				return;
			at++;
			/* Most changes are longer than one octet can say. */
			n = *l == 'E' ? 8 * n : n;
			n = n < size - at ? n : size - at;
			/* 0: the usual answer. */
			if (n > 0)
				m->scripts[i].says[(int)*l] = slice_of((const char *)data + at, n);
			at += n;
		}
	}
}

static void late(struct milter_fakes *m)
{
	for (unsigned i = 0; i < 50 && !m->f.closed && smtp_session_want(m->f.session) == SMTP_WAIT; i++)
		milter_fake_wait(m, 121 * 1000);
	if (!m->f.closed && smtp_session_want(m->f.session) == SMTP_WAIT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct milter_fakes m;
	static const char envelope[] = "MAIL FROM:<a@b.example> SIZE=9\r\nRCPT TO:<me@h.example>\r\nRCPT TO:<x@h.example>\r\nDATA\r\n";

	if (size < 2)
		return 0;
	milter_fake_open(&m, "");
	m.step = (data[0] >> 2) % 4;
	if ((data[0] & 0x10) != 0)
		for (size_t i = 0; i < MILTER_FAKE_MAX; i++)
			m.scripts[i].says['O'] = milter_fake_terms(6, 0x1ff, (unsigned)data[1] << 13);
	script(&m, data + 2, size - 2, (data[0] & 0x30) == 0);
	milter_fake_connect(&m, data[0] % 4);
	late(&m);
	milter_fake_send(&m, data[0] % 4 == 2 ? "LHLO c\r\nFOO\r\n" : "EHLO c\r\nFOO\r\n");
	for (unsigned i = 0; i < 2 && !m.f.closed; i++) {
		late(&m);
		milter_fake_send(&m, envelope);
		late(&m);
		milter_fake_send(&m, small);
		late(&m);
		milter_fake_send(&m, "RSET\r\n");
	}
	if (!m.f.closed)
		late(&m);
	fake_disconnect(&m.f);
	for (size_t i = 0; i < m.n; i++)
		if (m.all[i].m != NULL)
			abort();
	if (m.f.uploads_open != 0 || m.f.nmessages > 2)
		abort();
	milter_fake_close(&m);
	return 0;
}
