/* Keys of listeners. */
#include "config/keys_impl.h"

#define LISTENER(f) offsetof(struct config_listener, f)

static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const auths[] = { "off", "offered", "required", NULL };
static const char *const haste[] = { "accept", "reject", NULL };
static const char *const newlines[] = { "reject", "accept", NULL };
static const char *const offers[] = { "none", "starttls", "required", "implicit", NULL };

const struct key keys_listener[] = {
	{ .group = KEYS_LISTENER,
	  .name = "address",
	  .type = KEY_LISTENER,
	  .offset = LISTENER(address),
	  .max = KEY_TEXT_MAX,
	  .parts = TO_RECEIVER,
	  .required = true,
	  .help = "IP address and port, such as \"192.0.2.1:25\" or \"[2001:db8::1]:25\"; \"0.0.0.0:25\" for all of "
		  "IPv4, \"[::]:25\" for all of IPv6; or \"unix:/run/mailferry/lmtp\" for a UNIX socket." },
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
	  .help = "Who may connect: [ \"192.0.2.0/24\", \"2001:db8::/32\" ]. A listener with networks of which one is wider "
		  "than any office's (before /16 for IPv4, before /32 for IPv6, other than private ones) counts as one for "
		  "everybody: in what check refuses and warns of, in chunking and in remove_headers." },
	{ .group = KEYS_LISTENER,
	  .name = "hasty_clients",
	  .type = KEY_ENUM,
	  .offset = LISTENER(haste),
	  .words = haste,
	  .otherwise = "accept",
	  .parts = TO_RECEIVER,
	  .help =
	      "What becomes of a client that sends commands behind EHLO or HELO without waiting for the reply, and so "
	      "without knowing whether it may (RFC 2920). With accept that is only logged; reject is right on a listener "
	      "for the Internet, where hardly anything but programs that send spam does so. A client that speaks before "
	      "the greeting is turned away in either case." },
	{ .group = KEYS_LISTENER,
	  .name = "greeting_delay",
	  .type = KEY_DURATION,
	  .offset = LISTENER(greeting_delay),
	  .min = 0,
	  .max = SECONDS(60),
	  .otherwise = "0s",
	  .parts = TO_RECEIVER,
	  .help =
	      "How long a client waits for the greeting. Programs that send spam often talk without waiting for it, and "
	      "are turned away for that; a few seconds on a listener for the Internet make more of them known. A mail "
	      "server waits up to five minutes." },
	{ .group = KEYS_LISTENER,
	  .name = "proxy",
	  .type = KEY_NETWORKS,
	  .offset = LISTENER(proxy),
	  .offset2 = LISTENER(nproxy),
	  .otherwise_is = "nobody",
	  .parts = TO_RECEIVER,
	  .help = "From where load balancers connect that tell the client's address in a PROXY header, version 1 or 2: "
		  "[ \"192.0.2.9\" ]; \"unix\" for a UNIX socket. Who comes from there must send one, and "
		  "networks and limits then hold for the client that it names. Name proxies only: they are believed." },
	{ .group = KEYS_LISTENER,
	  .name = "chunking",
	  .type = KEY_BOOL,
	  .offset = LISTENER(chunking),
	  .otherwise_is = "false where everybody may connect, else true",
	  .parts = TO_RECEIVER,
	  .help = "Offers CHUNKING (BDAT, RFC 3030): messages in pieces of announced length instead of DATA. Nothing "
		  "is lost without it, and the Internet has one command less to try." },
	{ .group = KEYS_LISTENER,
	  .name = "smtputf8",
	  .type = KEY_BOOL,
	  .offset = LISTENER(smtputf8),
	  .otherwise = "true",
	  .parts = TO_RECEIVER,
	  .help = "Offers SMTPUTF8 (RFC 6531): addresses beyond ASCII. It is offered only once the store of an account "
		  "is known to take such mail (UTF8=ACCEPT, RFC 6855), and only for recipients of such accounts." },
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
	{ .group = KEYS_LISTENER,
	  .name = "tls",
	  .type = KEY_ENUM,
	  .offset = LISTENER(tls),
	  .words = offers,
	  .otherwise_is = "starttls where there are certificates and this is no UNIX socket, else none",
	  .parts = TO_RECEIVER,
	  .help = "starttls: a client may encrypt its session. required: it must, before it hands in mail; not for the MX "
		  "of a domain, as some senders can't. implicit: encrypted from the first octet, as port 465 is. none: "
		  "TLS is not offered." },
	{ .group = KEYS_LISTENER,
	  .name = "legacy_tls",
	  .type = KEY_BOOL,
	  .offset = LISTENER(legacy_tls),
	  .otherwise = "false",
	  .parts = TO_RECEIVER,
	  .help = "Takes TLS 1.0 and 1.1, and ciphers of their time, from devices that know nothing better. Only for a "
		  "listener with networks." },
	{ .group = KEYS_LISTENER,
	  .name = "client_ca",
	  .type = KEY_PATH,
	  .offset = LISTENER(client_ca),
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "no client is asked for a certificate",
	  .help = "Authorities (PEM) whose certificates clients may show. Who shows a good one is named in the log; who "
		  "shows none, or another, is served all the same." },
	{ .group = KEYS_LISTENER,
	  .name = "client_ca_text",
	  .type = KEY_SECRETS,
	  .offset = LISTENER(client_ca_pem),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_RECEIVER,
	  .internal = true,
	  .help = "What client_ca holds." },
	{ .group = KEYS_LISTENER,
	  .name = "auth",
	  .type = KEY_ENUM,
	  .offset = LISTENER(auth),
	  .words = auths,
	  .otherwise = "off",
	  .parts = TO_RECEIVER,
	  .help = "Whether clients may log in with a name and a password (SMTP AUTH) that stand in the file users. With "
		  "required nobody can send mail who has not; with offered, who may connect (networks) may send in "
		  "either case. Passwords as they are (PLAIN, LOGIN) are taken under TLS only; without TLS there is "
		  "SCRAM, which does not show them." },
	{ .group = KEYS_LISTENER,
	  .name = "auth_plaintext",
	  .type = KEY_BOOL,
	  .offset = LISTENER(auth_plaintext),
	  .otherwise = "false",
	  .parts = TO_RECEIVER,
	  .help = "For old devices that can neither do TLS nor SCRAM: takes PLAIN and LOGIN without TLS too. Whoever "
		  "can listen on that network then learns the passwords, so networks must be given; give such "
		  "devices users of their own." },
	{ .group = KEYS_LISTENER,
	  .name = "milters",
	  .type = KEY_NAMES,
	  .offset = LISTENER(milters),
	  .offset2 = LISTENER(nmilters),
	  .max = 64,
	  .otherwise_is = "none",
	  .parts = TO_RECEIVER,
	  .help = "Which milters look at its mail, in this order: each sees what those before it have changed." },
	{ .group = KEYS_LISTENER,
	  .name = "remove_headers",
	  .type = KEY_PATTERNS,
	  .may_be_empty = true,
	  .offset = LISTENER(remove_headers),
	  .offset2 = LISTENER(nremove_headers),
	  .otherwise_is = "the verdicts of spam and virus filters where everybody may connect; none where networks keep "
			  "strangers out, and on a UNIX socket without proxy",
	  .parts = TO_RECEIVER,
	  .help =
	      "Header fields that are taken out of mail from outside before milters and rules see it, as anybody can "
	      "write them; * at the end stands for anything. Give [ ] where a filter in front of mailferry writes "
	      "them, and nobody else can connect. Mail of clients that have logged in keeps them. An "
	      "Authentication-Results that bears our host name is always taken out of mail from outside." },
};
const size_t keys_nlistener = sizeof(keys_listener) / sizeof(keys_listener[0]);
