/* Between the files of the door for those who take mail in. */
#ifndef MAILFERRY_SPOOL_CLIENT_IMPL_H
#define MAILFERRY_SPOOL_CLIENT_IMPL_H

#include <event2/event.h>

#include "ipc/channel.h"
#include "spool/client.h"
#include "spool/client_bundle.h"
#include "spool/protocol.h"

enum { BUCKETS = 256, CONFIRMS_MAX = 64 };

/* An open request, or one that is answered as soon as the loop runs again. */
struct ask_open {
	struct ask_open *next;
	uint32_t id;
	spool_answer_fn *answer; /* one of the three, or none once it was cancelled */
	spool_upload_fn *upload;
	spool_known_fn *known;
	void *arg;
	uint64_t bundle; /* its body was written there; 0: it was not */
	uint64_t upload_number; /* its body's */
	enum spool_answer local; /* our own answer, when it waits in the list of those */
};

/* An account whose facts are to be known. */
struct watched {
	char *account;
	bool wanted; /* not asked for since they changed */
};

struct spool_intake {
	struct event_base *base;
	struct channel *channel; /* NULL: lost */
	struct parts parts;
	struct packets packets;
	struct event *wake; /* delivers the local answers */
	struct ask_open *open[BUCKETS];
	struct ask_open *local, **local_last;
	uint32_t last_id, generation;
	bool tell_lost;
	void (*lost)(void *arg);
	void *arg;
	struct watched *watched;
	size_t nwatched;
	struct bundles bundles;
	uint32_t bundle_id; /* of the request for one */
	struct ask confirms[CONFIRMS_MAX]; /* not sent yet: they go together, or in front of the next message */
	size_t nconfirms;
	struct event *confirm_timer;
	bool *freed; /* set while answers are given out */
	const struct watched *asked; /* the one question for facts that is open, or NULL */
	uint32_t asked_id;
	spool_facts_fn *facts;
	void *facts_arg;
	char **unanswered; /* owned: ids of messages for the spool that comes back */
	size_t nunanswered;
};

/* ---- client_intake.c ---- */
struct ask_open *door_ask_new(struct spool_intake *s, void *arg); /* a request with an id of its own */
void door_answer_later(struct spool_intake *s, struct ask_open *o, enum spool_answer a); /* frees O then */
void door_lose(struct spool_intake *s); /* the spool: nothing that was asked will be answered */
int door_send(struct spool_intake *s);	/* what stands in s->packets; -1: the spool is to be lost */
void door_send_ask(struct spool_intake *s, enum request type, const struct ask *ask);
uint64_t door_submit(struct spool_intake *s, struct ask_open *o); /* s->packets as the request O, or it is answered soon */

/* ---- client_bodies.c ---- */
int door_on_bundle(struct spool_intake *s, uint32_t id, struct slice fields, int *fds, size_t nfds);
/* Writes the body of M where others stand. -1: O is answered. */
int door_put_body(struct spool_intake *s, struct ask_open *o, struct spool_message *m);
/* A file that a body could not be synced in takes none any more. */
void door_judge_bundle(struct spool_intake *s, const struct ask_open *o, enum spool_answer a);

/* ---- client_confirm.c ---- */
bool door_put_confirms(struct spool_intake *s); /* into s->packets; false when there is nothing to send */
void door_send_confirms(struct spool_intake *s);
void door_on_confirms(evutil_socket_t fd, short what, void *arg);
void door_send_unanswered(struct spool_intake *s); /* those of the spool before */
void door_free_unanswered(struct spool_intake *s);

/* ---- client_facts.c ---- */
void door_ask_facts(struct spool_intake *s);
int door_on_facts(struct spool_intake *s, uint32_t id, struct slice fields);
int door_on_news(struct spool_intake *s, struct slice fields);

#endif
