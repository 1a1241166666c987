/* A session in front of milters, as the tests of milters begin it. Needs cmocka.h before it. */
#ifndef MILTER_TALK_H
#define MILTER_TALK_H

#include <string.h>

#include "milter_fake.h"

#define HELLO	"EHLO c\r\n"
#define BEGIN	HELLO "MAIL FROM:<a@b.example> SIZE=99\r\nRCPT TO:<me@h.example>\r\nDATA\r\n"
#define MESSAGE "Subject: hi\r\n there\r\nTo: x\r\n\r\nline\r\n..dot\r\n.\r\n"

static void expect(struct milter_fakes *m, const char *what)
{
	const char *told = fake_told(&m->f);

	if (strstr(told, what) == NULL) {
		print_error("expected %s, told %s\n", what, told);
		fail();
	}
}

/* The message, where DATA was taken. */
static void send_message(struct milter_fakes *m)
{
	if (memmem(m->f.out.p, m->f.out.n, "354 ", 4) != NULL)
		milter_fake_send(m, MESSAGE);
}

static void begin(struct milter_fakes *m, size_t step, size_t listener)
{
	milter_fake_open(m, "");
	m->step = step;
	milter_fake_connect(m, listener);
}

#endif
