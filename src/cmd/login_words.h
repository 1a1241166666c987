/* The advice for people who set up a login, for the protocol that they need. */
#ifndef MAILFERRY_CMD_LOGIN_WORDS_H
#define MAILFERRY_CMD_LOGIN_WORDS_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends TEXT, which is written for IMAP; with POP3, in the words for that: its name, rights and switches. */
void login_words(const char *text, bool pop3, struct buf *out);

#endif
