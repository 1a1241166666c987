/*
 * The control socket: how the command line talks to a running daemon. A client
 * connects (UNIX, SOCK_SEQPACKET), says what it wants, and is answered with
 * CONTROL_OK or CONTROL_FAILED and a text. What it wants:
 *
 *   "spool"  from then on the other end of the socket is the spool's, which
 *            takes the client for the role "admin" (spool/admin.h)
 *   "token"  the same with the token role (role/token.h), which runs when an
 *            account of the running configuration has a group `oauth'
 *   "connect" the same with the connector (role/connect.h), for any account
 *   "lift"   accounts that are held are tried now, as after SIGHUP; that is all
 *   "sync"   a run of sources and accounts; the fields of the request and what is
 *            told until it is over are in cmd/sync.h
 *   "sources" how the schedule stands, the same
 */
#ifndef MAILFERRY_CMD_CONTROL_H
#define MAILFERRY_CMD_CONTROL_H

#include "base/err.h"

enum control_message { CONTROL_HELLO = 1, CONTROL_OK, CONTROL_FAILED };
enum control_tag { CONTROL_TAG_WANT = 1, CONTROL_TAG_TEXT };
enum { CONTROL_TEXT_MAX = 400, CONTROL_TIMEOUT_MS = 30 * 1000 };

#define CONTROL_WANT_SPOOL   "spool"
#define CONTROL_WANT_TOKEN   "token"
#define CONTROL_WANT_CONNECT "connect"
#define CONTROL_WANT_LIFT    "lift"
#define CONTROL_WANT_SYNC    "sync"
#define CONTROL_WANT_SOURCES "sources"

/* A socket to the daemon that listens at PATH, which has agreed to WANT; or -1 with a text that names the control
 * socket and says what to do. FILE is the daemon's configuration. */
int control_connect(const char *path, const char *file, const char *want, struct err *e);

/* The same with a whole CONTROL_HELLO, which may hold more than the want. */
struct ipc_out;
int control_request(const char *path, const char *file, const struct ipc_out *hello, struct err *e);

#endif
