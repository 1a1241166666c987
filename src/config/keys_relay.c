/* Keys of the relay, and of who may use it. */
#include "config/keys_impl.h"

#define RELAY(f) offsetof(struct config_relay, f)
#define FOR(f)	 offsetof(struct config_relay_for, f)

static const char *const doubts[] = { "ask", "again", NULL };
static const char *const redirects[] = { "wrap", "resend", NULL };
static const char *const paths[] = { "recipient", "sender", "from", NULL };

const struct key keys_relay[] = {
	{ .group = KEYS_RELAY,
	  .name = "in_doubt",
	  .type = KEY_ENUM,
	  .offset = RELAY(in_doubt),
	  .words = doubts,
	  .otherwise = "ask",
	  .parts = TO_RELAY,
	  .help =
	      "What is done with a message that was sent whole and whose answer was lost, so that nobody knows whether "
	      "the relay took it. ask: it waits until a person decides, and nobody gets it twice. again: it is sent "
	      "again, as most mail servers do, and may arrive twice." },
	{ .group = KEYS_RELAY,
	  .name = "recipients",
	  .type = KEY_COUNT,
	  .offset = RELAY(recipients),
	  .min = 1,
	  .max = 1000,
	  .otherwise = "100",
	  .parts = TO_RELAY,
	  .help = "How many recipients of one message are named to the relay at once. One that tells a smaller number "
		  "(LIMITS, RFC 9422) or refuses more gets fewer." },
	{ .group = KEYS_RELAY,
	  .name = "retry_min",
	  .type = KEY_DURATION,
	  .offset = RELAY(retry_min),
	  .min = 1,
	  .max = DAYS(1),
	  .otherwise = "1m",
	  .parts = TO_RELAY,
	  .help = "How long to wait after a first failure; it doubles with each further one." },
	{ .group = KEYS_RELAY,
	  .name = "retry_max",
	  .type = KEY_DURATION,
	  .offset = RELAY(retry_max),
	  .min = 1,
	  .max = DAYS(7),
	  .otherwise = "1h",
	  .parts = TO_RELAY,
	  .help = "The longest wait between two tries." },
	{ .group = KEYS_RELAY,
	  .name = "give_up",
	  .type = KEY_DURATION,
	  .offset = RELAY(give_up),
	  .min = 1,
	  .max = DAYS(365),
	  .otherwise = "5d",
	  .parts = TO_RELAY,
	  .help = "A message that is older and fails once more is not tried again by itself: it waits in the queue, "
		  "with the reason, until a person decides, and the operator is told." },

	{ .group = KEYS_RELAY,
	  .name = "redirect",
	  .type = KEY_ENUM,
	  .offset = RELAY(redirect),
	  .words = redirects,
	  .otherwise = "wrap",
	  .parts = TO_INTAKE,
	  .help = "How a message goes on that a rule redirects. wrap: attached to a message from the recipient, as most "
		  "providers refuse mail that bears a stranger's address as its sender. resend: as it is, with lines that "
		  "say who sent it on." },
	{ .group = KEYS_RELAY,
	  .name = "redirect_sender",
	  .type = KEY_ENUM,
	  .offset = RELAY(redirect_sender),
	  .words = paths,
	  .otherwise = "recipient",
	  .parts = TO_INTAKE,
	  .help = "The envelope sender of a redirected message, who gets the report if it can't be delivered: the "
		  "recipient whose rule it was, the sender of the message as it came, or the address of the key from. A "
		  "message that came without an envelope sender goes on without one." },
	{ .group = KEYS_RELAY,
	  .name = "redirects",
	  .type = KEY_COUNT,
	  .offset = RELAY(redirects),
	  .min = 1,
	  .max = 100,
	  .otherwise = "4",
	  .parts = TO_INTAKE,
	  .help = "To how many addresses the rules of one recipient may redirect one message. More is an error of the "
		  "rules, and the message is kept." },
	{ .group = KEYS_RELAY,
	  .name = "from",
	  .type = KEY_STRING,
	  .offset = RELAY(from),
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "the recipient's address, or what the rule names",
	  .parts = TO_INTAKE,
	  .help = "The address that messages bear as their sender which mailferry writes because of rules: wrapped "
		  "redirects, answers, notifications. For relays that let a user send as itself only. What a rule names as "
		  "sender becomes Reply-To then." },
	{ .group = KEYS_RELAY,
	  .name = "notices",
	  .type = KEY_BOOL,
	  .offset = RELAY(notices),
	  .otherwise = "false",
	  .parts = TO_INTAKE,
	  .help = "Mail that rules reject, and that can't be refused while it is handed in (fetched mail, or mail that other "
		  "recipients of the same message take), is filed; when true, its sender is told of the rejection, too. "
		  "Mail without an envelope sender, from lists and from programs is never answered." },
	{ .group = KEYS_RELAY,
	  .name = "vacation_min",
	  .type = KEY_DURATION,
	  .offset = RELAY(vacation_min),
	  .min = 1,
	  .max = DAYS(7),
	  .otherwise = "1m",
	  .parts = TO_INTAKE,
	  .help = "The shortest time between two answers of the rules' vacation to one sender, whatever the rules say." },
	{ .group = KEYS_RELAY,
	  .name = "vacation_max",
	  .type = KEY_DURATION,
	  .offset = RELAY(vacation_max),
	  .min = DAYS(31),
	  .max = DAYS(365),
	  .otherwise = "90d",
	  .parts = TO_INTAKE,
	  .help = "The longest time between two answers of the rules' vacation to one sender: so long is remembered who got "
		  "one." },

	{ .group = KEYS_RELAY_FOR,
	  .name = "networks",
	  .type = KEY_NETWORKS,
	  .offset = FOR(networks),
	  .offset2 = FOR(nnetworks),
	  .otherwise_is = "none: only users of the list below",
	  .parts = TO_RECEIVER,
	  .help = "Clients from there may send outward: the office's own networks, such as [ \"192.0.2.0/24\" ]. The "
		  "Internet, or a large part of it, is refused." },
	{ .group = KEYS_RELAY_FOR,
	  .name = "users",
	  .type = KEY_NAMES,
	  .offset = FOR(users),
	  .offset2 = FOR(nusers),
	  .max = 255,
	  .otherwise_is = "none: only clients from the networks above",
	  .parts = TO_RECEIVER,
	  .help = "Clients that have authenticated as one of these users may send outward, from wherever they come." },
	{ .group = KEYS_RELAY_FOR,
	  .name = "senders",
	  .type = KEY_SENDERS,
	  .offset = FOR(senders),
	  .offset2 = FOR(nsenders),
	  .parts = TO_RECEIVER,
	  .required = true,
	  .help = "The sender addresses (of the envelope) that they may use: [ \"scanner@office.example\" ], or "
		  "\"@office.example\" for all of a domain. Mail without a sender never goes out." },
	{ .group = KEYS_RELAY_FOR,
	  .name = "daily",
	  .type = KEY_COUNT,
	  .offset = FOR(daily),
	  .min = 1,
	  .max = 1000000,
	  .otherwise = "500",
	  .parts = TO_RECEIVER | TO_SPOOL,
	  .help =
	      "How many recipients outside all clients of the group together may reach in one day, from midnight to "
	      "midnight in the time zone of the machine. A message that would go beyond is answered 450, and its client "
	      "tries again later. It bounds the harm that a device in strange hands can do." },
};
const size_t keys_nrelay = sizeof(keys_relay) / sizeof(keys_relay[0]);
