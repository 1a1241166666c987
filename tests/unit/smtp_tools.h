/* For the tests of SMTP sessions: what is sent, and what is told. */
#ifndef MAILFERRY_TESTS_SMTP_TOOLS_H
#define MAILFERRY_TESTS_SMTP_TOOLS_H

#include "smtp_fake.h"

/* A receiver with three listeners, one account, and limits that a test reaches soon. */
#define FAKE_LISTENERS                                                                                                 \
	"listeners = { mx = { address = \"127.0.0.1:25\"; };\n"                                                        \
	"  lan = { address = \"127.0.0.1:2525\"; bare_newlines = \"accept\"; };\n"                                     \
	"  lmtp = { address = \"unix:/tmp/lmtp\"; protocol = \"lmtp\"; }; };\n"
enum { FAKE_MX, FAKE_LAN, FAKE_LMTP };
extern const char fake_config[];

/* A message up to its content. */
#define FAKE_BEGIN "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<me@home.example>\r\nDATA\r\n"

void fake_say(struct fake *f, const char *s);

/* WHAT is among what was told since the last look. */
void fake_expect(struct fake *f, const char *what);

/* N octets of lines in one or more pieces. */
void fake_send_body(struct fake *f, size_t n);

/* The code of each reply in TOLD, each followed by a blank; enhanced codes are left out. Lives until the next call. */
const char *fake_codes(const char *told);

#endif
