/*
 * How a role starts. The supervisor executes the program with one socket as
 * descriptor 3; over it come the role's part of the configuration and its
 * descriptors, then "go". The role answers "ready" when it can work, and both
 * use the socket for the few words below until one of them closes it.
 *
 * role_begin does what every role must before it sees a byte from outside:
 * empties the environment (TZ is kept: dates are local), forbids core dumps and
 * ptrace (DUMPABLE=0, RLIMIT_CORE=0), ignores SIGPIPE and the signals that a
 * terminal or a service manager sends to all (only the supervisor's word ends a
 * role), sets the parent-death signal and then checks that the parent is still
 * there. Only descriptors 0 to 3 stay; standard error is the log.
 *
 * role_ready confines the role (role/confine.h: system calls, files, ports,
 * signals) before it says a word. Between role_begin and role_ready, open and
 * start everything that will be needed: afterwards there are only what is open
 * and what comes over sockets.
 */
#ifndef MAILFERRY_ROLE_ROLE_H
#define MAILFERRY_ROLE_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "ipc/channel.h"

enum { ROLE_SOCKET = 3, ROLE_LISTENERS_MAX = 64, ROLE_RULES_MAX = 2000, ROLE_TEXT_MAX = 2000 };

enum role_message {
	ROLE_NAME = 1, /* to the role, first: what it is (role, account name, log level) and who its parent is */
	ROLE_CONFIG,   /* to the role: one descriptor, the text of its part of the configuration */
	ROLE_LISTENER, /* to the role: a bound, listening socket and the listener's name */
	ROLE_RULES,    /* to the role: a script's path and a descriptor with its text */
	ROLE_SPOOL,    /* to the role, also later when the spool was started again: a socket to the spool. From a
			* receiver: it has lost the spool, and wants another socket to it */
	ROLE_CONNECT,  /* to the role, also later: a socket to the connector */
	ROLE_STEPS,    /* to the role: the step counter of base/step.h, and its end of the pipe there */
	ROLE_GO,       /* to the role: that is all */
	ROLE_READY,    /* from the role: it works */
	ROLE_STOP,     /* to the role: finish what is in hand, then leave */
	ROLE_DRAIN,    /* to a receiver: take no new sessions, leave when the last has ended */
	ROLE_PEER,     /* to spool, connect and token: a socket, the role at its other end, its account, its source or "". A
			* fetcher has two at the spool: "fetch" (spool/client.h) and "memory" (spool/source.h) */
	ROLE_DUE,  /* from the spool: account NAME has work due at a wall clock time (0: now); said again every minute.
		    * To a store that waits for more mail: there is some */
	ROLE_IDLE, /* from a store: nothing to do before a wall clock time; it will leave */
	ROLE_LIFT, /* to the spool: accounts that are held (account NAME, where it is given) may be tried now, as the
		    * configuration was read anew, or a person asks. From the token role: a person has signed in, the same */
	ROLE_TOKEN, /* to the role, also later: a socket to the token role (role/token.h) */
	ROLE_TOKEN_DIRECTORY, /* to the token role: the open directory of refresh tokens */
	ROLE_NOTICE, /* from the token role: the operator must know of TEXT, which concerns account or source NAME. From a
		      * store: the same of its own account. From the spool: of what rules send. To a receiver: tell the
		      * operator. KIND: which notice it is */
	ROLE_MEMORY,   /* to a fetcher: its blocking socket to the spool (spool/source.h) */
	ROLE_TICKETS,  /* to a receiver, also later: the keys of TLS tickets, see tls_server_tickets */
	ROLE_METER,    /* to a receiver: the memory of smtp/meter.h */
	ROLE_TALLY,    /* to a receiver: the memory of smtp/tally.h, and its PLACE there */
	ROLE_RUN,      /* these four: role/fetch.h */
	ROLE_PROGRESS,
	ROLE_LINE,
	ROLE_RAN,
	ROLE_USERS     /* to a receiver: the path of the users' file and a descriptor with its text */
};

enum role_tag {
	ROLE_TAG_NAME = 1, /* of an account, a listener, a script */
	ROLE_TAG_ROLE,
	ROLE_TAG_TIME,
	ROLE_TAG_LEVEL,	  /* enum log_level */
	ROLE_TAG_PARENT,  /* process id of the supervisor */
	ROLE_TAG_RESTORED, /* to the spool: 1 when the operator put a backup back (run --restored) */
	ROLE_TAG_TEXT, /* for people, without secrets, ROLE_TEXT_MAX octets at most */
	ROLE_TAG_KIND, /* enum notice_kind */
	ROLE_TAG_KEYS,
	ROLE_TAG_PLACE
};

struct role_listener {
	char *name;
	int fd;
};

struct role_rules {
	char *path;
	char *text; /* owned */
	size_t len;
};

struct role {
	char *role;    /* "receiver" */
	char *account; /* of the account or the source; "" where the role has none */
	bool restored; /* the spool: every undelivered row is in doubt */
	struct config *config;
	int socket;  /* ROLE_SOCKET: make a channel of it, or read it blocking */
	int spool;   /* -1 when none was given; the role takes it over and sets -1 */
	int memory;  /* the same */
	int connect; /* the same */
	int token;   /* the same */
	int token_directory; /* the same */
	int meter;   /* the same */
	int tally;   /* the same */
	unsigned place; /* in it */
	int work_directory;  /* the one directory in which confinement lets it work; its own. -1: none */
	char *tickets; /* owned, wiped: what ROLE_TICKETS brought, of NTICKETS octets; NULL */
	size_t ntickets;
	struct role_listener *listeners;
	size_t nlisteners;
	struct role_rules *rules;
	size_t nrules;
	struct role_rules users; /* who may log in (net/sasl_users.h), to be wiped; no path: nobody */
};

/* Ends the process with a log line when anything is wrong. */
void role_begin(struct role *r, const char *role);

/* Confines the role, then tells the supervisor that it works. Ends the process when that can't be done. */
void role_ready(struct role *r);

/* *FD takes the place of *WHERE, which is closed and leads nowhere any more; *FD is -1 then. */
void role_take_socket(int *where, int *fd);

/* Wipes and frees what was read of the users. */
void role_forget_users(struct role *r);

void role_free(struct role *r);

#endif
