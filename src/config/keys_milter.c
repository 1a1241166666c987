/* Keys of milters. */
#include "config/keys_impl.h"

#define MILTER(f) offsetof(struct config_milter, f)

static const char *const failures[] = { "tempfail", "accept", NULL };

const struct key keys_milter[] = {
	{ .group = KEYS_MILTER,
	  .name = "address",
	  .type = KEY_PEER,
	  .offset = MILTER(address),
	  .max = KEY_TEXT_MAX,
	  .parts = TO_RECEIVER | TO_CONNECT,
	  .required = true,
	  .help = "Where it listens: \"inet:127.0.0.1:11332\", \"inet:[2001:db8::1]:11332\" or \"unix:/path\". A name "
		  "may stand for the IP address. What goes there is not encrypted: let it be this machine or a network "
		  "of your own." },
	{ .group = KEYS_MILTER,
	  .name = "on_failure",
	  .type = KEY_ENUM,
	  .offset = MILTER(on_failure),
	  .words = failures,
	  .otherwise = "tempfail",
	  .parts = TO_RECEIVER,
	  .help = "What becomes of mail while the milter can't be reached, is too slow or answers nonsense: with "
		  "tempfail clients are told to come back later (451); with accept its mail comes in without it, and a "
		  "log line says so each time." },
	{ .group = KEYS_MILTER,
	  .name = "connect_timeout",
	  .type = KEY_DURATION,
	  .offset = MILTER(connect_timeout),
	  .min = SECONDS(1),
	  .max = SECONDS(300),
	  .otherwise = "10s",
	  .parts = TO_RECEIVER,
	  .help = "How long it may take to connect and to agree on the protocol." },
	{ .group = KEYS_MILTER,
	  .name = "command_timeout",
	  .type = KEY_DURATION,
	  .offset = MILTER(command_timeout),
	  .min = SECONDS(1),
	  .max = SECONDS(300),
	  .otherwise = "30s",
	  .parts = TO_RECEIVER,
	  .help = "How long it may take to answer to one step before the end of a message: the client's address, "
		  "HELO, the sender, a recipient, a header field, a piece of the body." },
	{ .group = KEYS_MILTER,
	  .name = "content_timeout",
	  .type = KEY_DURATION,
	  .offset = MILTER(content_timeout),
	  .min = SECONDS(1),
	  .max = SECONDS(300),
	  .otherwise = "2m",
	  .parts = TO_RECEIVER,
	  .help = "How long it may take over its verdict when it has the whole message. One that says that it is still "
		  "at work gets that much again, three times at most. Clients give up after ten minutes, so keep the "
		  "sum over all milters of a listener below that." },
	{ .group = KEYS_MILTER,
	  .name = "quarantine",
	  .type = KEY_STRING,
	  .offset = MILTER(quarantine),
	  .min = 1,
	  .max = 255,
	  .otherwise = "Quarantine",
	  .parts = TO_RECEIVER,
	  .help = "The folder of the recipient's account that gets the messages which the milter wants to see held "
		  "back, past all rules and with its reason in the record. It is made when it is not there." },
};
const size_t keys_nmilter = sizeof(keys_milter) / sizeof(keys_milter[0]);
