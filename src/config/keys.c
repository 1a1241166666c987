#include "config/keys.h"

#include "config/config.h"
#include "config/value.h"

#define TOP(f)	    offsetof(struct config, f)
#define LIMIT(f)    offsetof(struct config, limits.f)
#define LISTENER(f) offsetof(struct config_listener, f)
#define ACCOUNT(f)  offsetof(struct config_account, f)
#define MB	    ((int64_t)1024 * 1024)
#define GB	    (MB * 1024)
#define TB	    (GB * 1024)
#define SECONDS(n)  ((int64_t)(n)*1000)
#define HOURS(n)    (SECONDS(n) * 3600)
#define DAYS(n)	    (HOURS(n) * 24)
#define TEXT_MAX    1000
#define TO_RECEIVER (1u << CONFIG_PART_RECEIVER)
#define TO_SPOOL    (1u << CONFIG_PART_SPOOL)
#define TO_STORE    (1u << CONFIG_PART_STORE)
#define TO_CONNECT  (1u << CONFIG_PART_CONNECT)
#define TO_ALL	    (TO_RECEIVER | TO_SPOOL | TO_STORE | TO_CONNECT)

static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const newlines[] = { "reject", "accept", NULL };
static const char *const tls_modes[] = { "implicit", "starttls", "none", NULL };
static const char *const levels[] = { "error", "warning", "info", "debug", NULL };

const struct key keys_table[] = {
	{ .group = KEYS_TOP,
	  .name = "hostname",
	  .type = KEY_HOST,
	  .offset = TOP(hostname),
	  .max = 253,
	  .otherwise_is = "the system's full host name",
	  .parts = TO_ALL,
	  .help = "The name by which mailferry greets its clients and signs its Received lines." },
	{ .group = KEYS_TOP,
	  .name = "spool",
	  .type = KEY_PATH,
	  .offset = TOP(spool),
	  .max = TEXT_MAX,
	  .otherwise = LOCALSTATEDIR "/lib/mailferry",
	  .parts = TO_SPOOL,
	  .help =
	      "The directory that holds accepted mail until it is filed, and the record of what became of it. It must "
	      "be on a local disk: network file systems are refused." },
	{ .group = KEYS_TOP,
	  .name = "user",
	  .type = KEY_STRING,
	  .offset = TOP(user),
	  .min = 1,
	  .max = 32,
	  .otherwise = "mailferry",
	  .help = "When mailferry is started as root, everything that reads mail or the network runs as this user." },
	{ .group = KEYS_TOP,
	  .name = "control",
	  .type = KEY_PATH,
	  .offset = TOP(control),
	  .max = 107,
	  .otherwise_is = "the file control in the spool directory",
	  .help = "The socket through which the commands queue and trace talk to the running mailferry." },
	{ .group = KEYS_TOP,
	  .name = "log_level",
	  .type = KEY_WORD,
	  .offset = TOP(log_level),
	  .words = levels,
	  .otherwise = "info",
	  .parts = TO_ALL,
	  .help = "How much is written to standard error: info tells of every message, debug of every step." },
	{ .group = KEYS_TOP,
	  .name = "receivers",
	  .type = KEY_COUNT,
	  .offset = TOP(receivers),
	  .min = 1,
	  .max = 64,
	  .otherwise = "1",
	  .help = "How many processes take mail in. One serves thousands of sessions." },
	{ .group = KEYS_TOP,
	  .name = "reserve",
	  .type = KEY_SIZE,
	  .offset = TOP(reserve),
	  .min = MB,
	  .max = TB,
	  .otherwise = "64M",
	  .parts = TO_SPOOL,
	  .help = "When less than this is free in the file system of the spool, clients are told to come back later "
		  "(452); what is queued is still filed. Never less than message_size." },
	{ .group = KEYS_TOP,
	  .name = "retention",
	  .type = KEY_DURATION,
	  .offset = TOP(retention),
	  .min = HOURS(1),
	  .max = DAYS(36500),
	  .otherwise = "90d",
	  .parts = TO_SPOOL,
	  .help =
	      "How long the record of a filed or discarded message is kept, for mailferry trace. The message itself is "
	      "removed from the spool as soon as it is filed." },
	{ .group = KEYS_TOP, .name = "limits", .type = KEY_GROUP, .help = "Bounds on what clients may ask for." },
	{ .group = KEYS_TOP,
	  .name = "listeners",
	  .type = KEY_GROUP,
	  .help = "Where mail comes in: one group for each address, under a name of your choice." },
	{ .group = KEYS_TOP,
	  .name = "accounts",
	  .type = KEY_GROUP,
	  .required = true,
	  .help = "Where mail goes: one group for each IMAP mailbox, under a name of your choice." },

	{ .group = KEYS_LIMITS,
	  .name = "message_size",
	  .type = KEY_SIZE,
	  .offset = LIMIT(message_size),
	  .min = 64 * 1024,
	  .max = GB,
	  .otherwise = "50M",
	  .parts = TO_ALL,
	  .help = "The largest message. Look up what your store takes: a larger message would be accepted and then not "
		  "be filed." },
	{ .group = KEYS_LIMITS,
	  .name = "recipients",
	  .type = KEY_COUNT,
	  .offset = LIMIT(recipients),
	  .min = 1,
	  .max = 1000,
	  .otherwise = "100",
	  .parts = TO_RECEIVER,
	  .help = "Recipients of one message. RFC 5321 asks for 100 at least." },
	{ .group = KEYS_LIMITS,
	  .name = "commands",
	  .type = KEY_COUNT,
	  .offset = LIMIT(commands),
	  .min = 10,
	  .max = 1000000,
	  .otherwise = "1000",
	  .parts = TO_RECEIVER,
	  .help = "Commands of a session that bring no message." },
	{ .group = KEYS_LIMITS,
	  .name = "messages",
	  .type = KEY_COUNT,
	  .offset = LIMIT(messages),
	  .min = 1,
	  .max = 100000000,
	  .otherwise = "10000",
	  .parts = TO_RECEIVER,
	  .help = "Messages of a session." },
	{ .group = KEYS_LIMITS,
	  .name = "sessions",
	  .type = KEY_COUNT,
	  .offset = LIMIT(sessions),
	  .min = 1,
	  .max = 100000,
	  .otherwise = "2000",
	  .parts = TO_RECEIVER,
	  .help = "Sessions at once in all, for each receiver process." },
	{ .group = KEYS_LIMITS,
	  .name = "sessions_per_address",
	  .type = KEY_COUNT,
	  .offset = LIMIT(sessions_per_address),
	  .min = 1,
	  .max = 100000,
	  .otherwise = "100",
	  .parts = TO_RECEIVER,
	  .help = "Sessions at once from one client address." },
	{ .group = KEYS_LIMITS,
	  .name = "unaccepted",
	  .type = KEY_SIZE,
	  .offset = LIMIT(unaccepted),
	  .min = 64 * 1024,
	  .max = TB,
	  .otherwise = "1G",
	  .parts = TO_RECEIVER,
	  .help = "Octets of messages that are on their way in and not yet accepted, in all. They stand on disk." },
	{ .group = KEYS_LIMITS,
	  .name = "unaccepted_per_address",
	  .type = KEY_SIZE,
	  .offset = LIMIT(unaccepted_per_address),
	  .min = 64 * 1024,
	  .max = TB,
	  .otherwise = "512M",
	  .parts = TO_RECEIVER,
	  .help = "The same from one client address." },
	{ .group = KEYS_LIMITS,
	  .name = "command_timeout",
	  .type = KEY_DURATION,
	  .offset = LIMIT(command_timeout),
	  .min = SECONDS(1),
	  .max = HOURS(1),
	  .otherwise = "5m",
	  .parts = TO_RECEIVER,
	  .help = "How long a client may be silent between commands. RFC 5321 asks for five minutes." },
	{ .group = KEYS_LIMITS,
	  .name = "data_timeout",
	  .type = KEY_DURATION,
	  .offset = LIMIT(data_timeout),
	  .min = SECONDS(1),
	  .max = HOURS(1),
	  .otherwise = "3m",
	  .parts = TO_RECEIVER,
	  .help = "How long a client may be silent inside a message." },
	{ .group = KEYS_LIMITS,
	  .name = "message_timeout",
	  .type = KEY_DURATION,
	  .offset = LIMIT(message_timeout),
	  .min = SECONDS(1),
	  .max = DAYS(1),
	  .otherwise = "1h",
	  .parts = TO_RECEIVER,
	  .help = "How long a whole message may take." },

	{ .group = KEYS_LISTENER,
	  .name = "address",
	  .type = KEY_LISTENER,
	  .offset = LISTENER(address),
	  .max = TEXT_MAX,
	  .parts = TO_RECEIVER,
	  .required = true,
	  .help = "IP address and port, such as \"192.0.2.1:25\" or \"[2001:db8::1]:25\"; \"0.0.0.0:25\" for all IPv4 "
		  "addresses, \"[::]:25\" for all addresses; or \"unix:/run/mailferry/lmtp\" for a UNIX socket." },
	{ .group = KEYS_LISTENER,
	  .name = "protocol",
	  .type = KEY_ENUM,
	  .offset = LISTENER(protocol),
	  .words = protocols,
	  .otherwise = "smtp",
	  .parts = TO_RECEIVER,
	  .help = "smtp for other mail servers, scanners and programs; lmtp for a mail server on this machine." },
	{ .group = KEYS_LISTENER,
	  .name = "networks",
	  .type = KEY_NETWORKS,
	  .offset = LISTENER(networks),
	  .offset2 = LISTENER(nnetworks),
	  .otherwise_is = "everybody",
	  .parts = TO_RECEIVER,
	  .help = "Who may connect: [ \"192.0.2.0/24\", \"2001:db8::/32\" ]." },
	{ .group = KEYS_LISTENER,
	  .name = "bare_newlines",
	  .type = KEY_ENUM,
	  .offset = LISTENER(bare_newlines),
	  .words = newlines,
	  .otherwise = "reject",
	  .parts = TO_RECEIVER,
	  .help =
	      "What becomes of a line that does not end in CR LF, as some devices send it. With accept it counts as a "
	      "line; never accept it from the Internet: it is a way to smuggle messages. The end of a message is CR LF "
	      ". CR LF in either case." },

	{ .group = KEYS_ACCOUNT,
	  .name = "host",
	  .type = KEY_HOST,
	  .offset = ACCOUNT(host),
	  .max = 253,
	  .parts = TO_STORE | TO_CONNECT,
	  .required = true,
	  .help = "The IMAP server. Its certificate must be for this name." },
	{ .group = KEYS_ACCOUNT,
	  .name = "port",
	  .type = KEY_PORT,
	  .offset = ACCOUNT(port),
	  .min = 1,
	  .max = 65535,
	  .otherwise_is = "993 with tls \"implicit\", else 143",
	  .parts = TO_STORE | TO_CONNECT,
	  .help = "Its port." },
	{ .group = KEYS_ACCOUNT,
	  .name = "tls",
	  .type = KEY_ENUM,
	  .offset = ACCOUNT(tls),
	  .words = tls_modes,
	  .otherwise = "implicit",
	  .parts = TO_STORE,
	  .help =
	      "implicit: encrypted from the first octet. starttls: encrypted before the password is sent, or not used "
	      "at all. none: never encrypted, password and mail can be read on the way; for a server on this machine "
	      "only." },
	{ .group = KEYS_ACCOUNT,
	  .name = "ca_file",
	  .type = KEY_PATH,
	  .offset = ACCOUNT(ca_file),
	  .max = TEXT_MAX,
	  .otherwise_is = "the system's certification authorities",
	  .parts = TO_STORE,
	  .help = "Certificates (PEM) to trust instead of the system's, for a server with a certificate of its own." },
	{ .group = KEYS_ACCOUNT,
	  .name = "user",
	  .type = KEY_STRING,
	  .offset = ACCOUNT(user),
	  .min = 1,
	  .max = 255,
	  .parts = TO_STORE,
	  .required = true,
	  .help = "The name to log in with." },
	{ .group = KEYS_ACCOUNT,
	  .name = "password",
	  .type = KEY_SECRET,
	  .offset = ACCOUNT(password),
	  .min = 1,
	  .max = TEXT_MAX,
	  .parts = TO_STORE,
	  .help = "The password. The configuration file must then not be readable by everybody. One of password and "
		  "password_file must be given." },
	{ .group = KEYS_ACCOUNT,
	  .name = "password_file",
	  .type = KEY_PATH,
	  .offset = ACCOUNT(password_file),
	  .max = TEXT_MAX,
	  .help = "A file whose first line is the password. It must not be readable by everybody." },
	{ .group = KEYS_ACCOUNT,
	  .name = "addresses",
	  .type = KEY_ADDRESSES,
	  .offset = ACCOUNT(addresses),
	  .offset2 = ACCOUNT(naddresses),
	  .parts = TO_RECEIVER,
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
	  .parts = TO_RECEIVER,
	  .help =
	      "Mail for the postmaster that no address above takes goes to this account. One account at most may say "
	      "so; if none does, it goes to the first account, by name, that has an address in the domain." },
	{ .group = KEYS_ACCOUNT,
	  .name = "rules",
	  .type = KEY_PATH,
	  .offset = ACCOUNT(rules),
	  .max = TEXT_MAX,
	  .otherwise_is = "all mail goes to INBOX",
	  .parts = TO_RECEIVER,
	  .help = "The Sieve script that says which folder a message goes to; see mailferry-rules(7)." },
	{ .group = KEYS_ACCOUNT,
	  .name = "create_folders",
	  .type = KEY_BOOL,
	  .offset = ACCOUNT(create_folders),
	  .otherwise = "false",
	  .parts = TO_STORE,
	  .help =
	      "Make folders that a rule names and the store does not have. When false, only fileinto :create makes "
	      "folders; other mail for a missing folder goes to INBOX, with a note in its record, so that a slip in a "
	      "folder's name does not go unseen." },
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
	  .otherwise = "32",
	  .parts = TO_STORE,
	  .help = "How many messages may be on their way to the store without an answer." },
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
	  .name = "timeout",
	  .type = KEY_DURATION,
	  .offset = ACCOUNT(timeout),
	  .min = SECONDS(1),
	  .max = HOURS(1),
	  .otherwise = "60s",
	  .parts = TO_STORE | TO_CONNECT,
	  .help = "How long the store may be silent before the connection counts as broken." },
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
};
const size_t keys_count = sizeof(keys_table) / sizeof(keys_table[0]);

const char *key_group_name(enum key_group group)
{
	switch (group) {
	case KEYS_TOP:
		return "the top level";
	case KEYS_LIMITS:
		return "limits";
	case KEYS_LISTENER:
		return "listeners.NAME";
	case KEYS_ACCOUNT:
		return "accounts.NAME";
	}
	return "";
}

const struct key *key_find(enum key_group group, struct slice name)
{
	for (size_t i = 0; i < keys_count; i++) {
		if (keys_table[i].group == group && slice_eq(slice_str(keys_table[i].name), name))
			return &keys_table[i];
	}
	return NULL;
}

/* Levenshtein's distance, case and `-' for `_' not counted. */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned row[64];

	if (a.n > 60 || b.n > 60)
		return 100;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
			unsigned best = corner + ((x == '-' ? '_' : x) != y);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.n];
}

void key_suggest(enum key_group group, struct slice name, struct buf *out)
{
	const struct key *near = NULL;
	unsigned least = name.n < 6 ? 2 : 3;

	for (size_t i = 0; i < keys_count; i++) {
		unsigned d = distance(name, slice_str(keys_table[i].name));

		if (keys_table[i].group == group && d < least) {
			least = d;
			near = &keys_table[i];
		}
	}
	if (near != NULL) {
		(void)buf_addf(out, "; did you mean `%s'?", near->name);
		return;
	}
	for (size_t i = 0; i < keys_count; i++) {
		if (slice_eq(slice_str(keys_table[i].name), name)) {
			(void)buf_addf(out, "; `%s' belongs in %s", keys_table[i].name,
				       key_group_name(keys_table[i].group));
			return;
		}
	}
}

static void words_print(const struct key *k, struct buf *out)
{
	for (size_t i = 0; k->words[i] != NULL; i++)
		(void)buf_addf(out, "%s\"%s\"", i == 0 ? "" : k->words[i + 1] == NULL ? " or " : ", ", k->words[i]);
}

void key_expects(const struct key *k, struct buf *out)
{
	switch (k->type) {
	case KEY_STRING:
	case KEY_SECRET:
		(void)buf_addf(out, "text in quotes, of 1 to %lld characters in one line", (long long)k->max);
		break;
	case KEY_WORD:
	case KEY_ENUM:
		words_print(k, out);
		break;
	case KEY_HOST:
		(void)buf_add_str(out, "a host name in quotes");
		break;
	case KEY_LISTENER:
		(void)buf_add_str(out, "an address such as \"192.0.2.1:25\", \"[2001:db8::1]:25\" or \"unix:/path\"");
		break;
	case KEY_PATH:
		(void)buf_addf(out, "a path in quotes, of %lld octets at most", (long long)k->max);
		break;
	case KEY_PORT:
		(void)buf_addf(out, "a port from %lld to %lld", (long long)k->min, (long long)k->max);
		break;
	case KEY_COUNT:
		(void)buf_addf(out, "a number from %lld to %lld", (long long)k->min, (long long)k->max);
		break;
	case KEY_BOOL:
		(void)buf_add_str(out, "true or false");
		break;
	case KEY_SIZE:
		(void)buf_add_str(out, "a size from \"");
		value_size_print(k->min, out);
		(void)buf_add_str(out, "\" to \"");
		value_size_print(k->max, out);
		(void)buf_add_char(out, '"');
		break;
	case KEY_DURATION:
		(void)buf_add_str(out, "a time from \"");
		value_duration_print(k->min, out);
		(void)buf_add_str(out, "\" to \"");
		value_duration_print(k->max, out);
		(void)buf_add_char(out, '"');
		break;
	case KEY_NETWORKS:
		(void)buf_add_str(out, "networks such as [ \"192.0.2.0/24\", \"2001:db8::/32\" ]");
		break;
	case KEY_ADDRESSES:
		(void)buf_add_str(out, "addresses such as [ \"info@office.example\", \"@office.example\" ]");
		break;
	case KEY_GROUP:
		(void)buf_add_str(out, "a group { … }");
		break;
	}
}
