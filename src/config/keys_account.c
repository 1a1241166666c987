/* Keys of accounts. */
#include "config/keys_impl.h"

#define ACCOUNT(f) offsetof(struct config_account, f)

const struct key keys_account[] = {
	{ .group = KEYS_ACCOUNT,
	  .name = "addresses",
	  .type = KEY_ADDRESSES,
	  .offset = ACCOUNT(addresses),
	  .offset2 = ACCOUNT(naddresses),
	  .parts = TO_INTAKE,
	  .required = true,
	  .help = "Whose mail goes to this account: [ \"info@office.example\", \"@office.example\" ]. "
		  "\"@office.example\" takes "
		  "every address of that domain that no account names by itself; info+anything@office.example is "
		  "info@office.example unless it is named by itself. All other addresses are refused." },
	{ .group = KEYS_ACCOUNT,
	  .name = "postmaster",
	  .type = KEY_BOOL,
	  .offset = ACCOUNT(postmaster),
	  .otherwise = "false",
	  .parts = TO_INTAKE,
	  .help =
	      "Mail for the postmaster that no address above takes goes to this account. One account at most may say "
	      "so; if none does, it goes to the first account, by name, that has an address in the domain." },
	{ .group = KEYS_ACCOUNT,
	  .name = "recipient_delimiter",
	  .type = KEY_STRING,
	  .offset = ACCOUNT(recipient_delimiter),
	  .max = 8,
	  .otherwise = "+",
	  .parts = TO_INTAKE,
	  .help = "The characters that part a local part into user and detail: the first of them that occurs. With "
		  "\"+-\", info-anything@office.example is info@office.example too. It is also what :user and "
		  ":detail mean in rules; see mailferry-rules(7)." },
	{ .group = KEYS_ACCOUNT,
	  .name = "rules",
	  .type = KEY_PATH,
	  .offset = ACCOUNT(rules),
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "all mail goes to INBOX",
	  .parts = TO_INTAKE,
	  .help = "The Sieve script that says which folder a message goes to; see mailferry-rules(7)." },
	{ .group = KEYS_ACCOUNT,
	  .name = "create_folders",
	  .type = KEY_BOOL,
	  .offset = ACCOUNT(create_folders),
	  .otherwise = "false",
	  .parts = TO_STORE,
	  .help =
	      "Make folders that a rule names and the store does not have, also those named by their use. When false, "
	      "only fileinto :create makes folders; other mail for a missing folder goes to INBOX, with a note in its "
	      "record, so that a slip in a folder's name does not go unseen." },
	{ .group = KEYS_ACCOUNT,
	  .name = "subscribe",
	  .type = KEY_BOOL,
	  .offset = ACCOUNT(subscribe),
	  .otherwise = "true",
	  .parts = TO_STORE,
	  .help = "Subscribe to folders that mailferry made, so that mail programs show them." },
	{ .group = KEYS_ACCOUNT,
	  .name = "window",
	  .type = KEY_COUNT,
	  .offset = ACCOUNT(window),
	  .min = 1,
	  .max = 1000,
	  .otherwise = "256",
	  .parts = TO_STORE,
	  .help = "How many messages may be on their way to the store without an answer, on each connection. What is "
		  "on its way when a connection breaks must be looked for." },
	{ .group = KEYS_ACCOUNT,
	  .name = "batch",
	  .type = KEY_COUNT,
	  .offset = ACCOUNT(batch),
	  .min = 1,
	  .max = 500,
	  .otherwise = "100",
	  .parts = TO_STORE,
	  .help = "How many messages may go to the store in one command, where it has MULTIAPPEND. 1 sends each by "
		  "itself." },
	{ .group = KEYS_ACCOUNT,
	  .name = "connections",
	  .type = KEY_COUNT,
	  .offset = ACCOUNT(connections),
	  .min = 1,
	  .max = 10,
	  .otherwise = "1",
	  .parts = TO_STORE,
	  .help =
	      "How many connections to the store may be used at once when much mail waits. One is enough for a store "
	      "that takes messages without waiting for each other's answer (LITERAL+ or MULTIAPPEND), as nearly all "
	      "do; more help where each message costs a round trip. If the store allows fewer, fewer are used." },
	{ .group = KEYS_ACCOUNT,
	  .name = "settle",
	  .type = KEY_DURATION,
	  .offset = ACCOUNT(settle),
	  .min = 1,
	  .max = DAYS(1),
	  .otherwise = "60s",
	  .parts = TO_STORE,
	  .help = "A store may file a message some time after the connection broke. A message whose answer was lost is "
		  "sent "
		  "again only when it is absent this long after the break, and ten times this long after a store fell "
		  "silent." },
	{ .group = KEYS_ACCOUNT,
	  .name = "retry_min",
	  .type = KEY_DURATION,
	  .offset = ACCOUNT(retry_min),
	  .min = 1,
	  .max = DAYS(1),
	  .otherwise = "30s",
	  .parts = TO_STORE,
	  .help = "How long to wait after a first failure; it doubles with each further one." },
	{ .group = KEYS_ACCOUNT,
	  .name = "retry_max",
	  .type = KEY_DURATION,
	  .offset = ACCOUNT(retry_max),
	  .min = 1,
	  .max = DAYS(7),
	  .otherwise = "1h",
	  .parts = TO_STORE,
	  .help = "The longest wait between two tries. There is no last try: mail waits until it is filed." },
	{ .group = KEYS_ACCOUNT,
	  .name = "at",
	  .type = KEY_TIMES,
	  .offset = ACCOUNT(at),
	  .offset2 = ACCOUNT(nat),
	  .otherwise_is = "mail is filed as it comes",
	  .help =
	      "The times, in the time zone of the machine, at which waiting mail is filed, for a line that costs by "
	      "the "
	      "minute: as in crontab(5), such as \"0 7,12,17 * * mon-fri\", or a list of such texts. Mail is taken in "
	      "and fetched all the time and waits in the spool. mailferry sync files it at once." },
};
const size_t keys_naccount = sizeof(keys_account) / sizeof(keys_account[0]);
