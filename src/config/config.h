/*
 * The configuration, read once and then constant. Every key stands in one table
 * (config/keys*.c): type, range, default, help. Errors name file, line, key and
 * what was expected. Relative paths were made absolute against the file's
 * directory; sizes are octets, times are milliseconds.
 *
 * A role gets only its part: config_render writes that part as libconfig text
 * with passwords of one account or source at most, and the role reads it with config_parse.
 */
#ifndef MAILFERRY_CONFIG_CONFIG_H
#define MAILFERRY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum config_protocol { CONFIG_SMTP, CONFIG_LMTP };
enum config_mailbox { CONFIG_POP3, CONFIG_IMAP }; /* what a source speaks */
enum config_delete { CONFIG_DELETE_NEVER, CONFIG_DELETE_ACCEPTED, CONFIG_DELETE_DELIVERED };
enum config_tls { CONFIG_TLS_IMPLICIT, CONFIG_TLS_STARTTLS, CONFIG_TLS_NONE };
enum config_compress { CONFIG_COMPRESS_AUTO, CONFIG_COMPRESS_ON, CONFIG_COMPRESS_OFF };
enum config_auth { CONFIG_AUTH_OFF, CONFIG_AUTH_OFFERED, CONFIG_AUTH_REQUIRED };
enum config_redirect { CONFIG_REDIRECT_WRAP, CONFIG_REDIRECT_RESEND }; /* how a rule's redirect is sent */
enum config_path { CONFIG_PATH_RECIPIENT, CONFIG_PATH_SENDER, CONFIG_PATH_FROM }; /* and from whom */
enum config_doubt { CONFIG_DOUBT_ASK, CONFIG_DOUBT_AGAIN }; /* what is done with mail whose answer was lost */
enum config_verdict { CONFIG_VERDICT_SCORE, CONFIG_VERDICT_LENGTH };
enum config_haste { CONFIG_HASTE_ACCEPT, CONFIG_HASTE_REJECT };
enum config_newlines { CONFIG_NEWLINES_REJECT, CONFIG_NEWLINES_ACCEPT };
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_REQUIRED, CONFIG_SANDBOX_OFF };
enum config_grant { CONFIG_GRANT_APPLICATION, CONFIG_GRANT_USER, CONFIG_GRANT_DEVICE, CONFIG_GRANT_SERVICE_ACCOUNT };

enum { CONFIG_CERTIFICATES_MAX = 64, CONFIG_LISTENERS_MAX = 64, CONFIG_ACCOUNTS_MAX = 1000, CONFIG_SOURCES_MAX = 1000,
       CONFIG_MILTERS_MAX = 16 };

struct config_network { /* 192.0.2.0/24, 2001:db8::/32, 192.0.2.1 */
	unsigned char bytes[16]; /* network order; 4 used for IPv4 */
	bool ipv6;
	bool local; /* "unix": whoever comes by a UNIX socket; the rest is then 0 */
	unsigned bits;
};

/* How a listener offers TLS: not at all; by STARTTLS; the same, and no mail without it; from the first octet. */
enum config_offer { CONFIG_OFFER_NONE, CONFIG_OFFER_STARTTLS, CONFIG_OFFER_REQUIRED, CONFIG_OFFER_IMPLICIT };

struct config_certificate { /* of ours, shown to clients */
	char *name;
	char *certificate, *key;	 /* paths of PEM files */
	char *certificate_pem, *key_pem; /* what is in them; the receiver's part has these alone */
};

enum config_failure { CONFIG_FAILURE_TEMPFAIL, CONFIG_FAILURE_ACCEPT };

struct config_milter {
	char *name;
	char *address; /* see config/peer.h; NULL in the receiver's part of one that is not known */
	enum config_failure on_failure;
	int64_t connect_timeout, command_timeout, content_timeout;
	char *quarantine; /* folder for what it wants held back */
};

struct config_listener {
	char *name;
	char *address; /* "0.0.0.0:25", "[::]:25", "unix:/run/mailferry/lmtp" */
	enum config_protocol protocol;
	struct config_network *networks; /* who may connect; none given: everybody */
	size_t nnetworks;
	struct config_network *proxy; /* who must send a PROXY header first; none given: nobody */
	size_t nproxy;
	bool chunking; /* BDAT (RFC 3030) */
	bool smtputf8; /* RFC 6531, where a store can take it */
	enum config_newlines bare_newlines;
	enum config_offer tls;
	bool legacy_tls;     /* TLS 1.0 and 1.1 and old ciphers too; only where there are networks */
	char *client_ca;     /* path of a PEM file: whose certificates clients may show; NULL: none is asked for */
	char *client_ca_pem; /* what is in it; the receiver's part has this alone */
	enum config_auth auth; /* SMTP AUTH by the users of config.users */
	bool auth_plaintext;   /* takes passwords as they are also without TLS; only with networks */
	enum config_haste haste;
	int64_t greeting_delay; /* ms until the banner; 0: at once */
	char **milters; /* names, each of which struct config has */
	size_t nmilters;
	char **remove_headers; /* from mail from outside; the last character may be * */
	size_t nremove_headers;
};

/* The group `oauth' of an account or a source; means something only where config_server.oauth is true. Texts that are
 * not given are NULL. Endpoints and scope are complete: the provider's preset is filled in, and "{tenant}" replaced.
 * Which role gets what: a store or a fetcher the kind of grant, the connector the endpoints, the token role all of it.
 */
struct config_oauth {
	enum config_grant grant;
	char *client_id;
	char *client_secret;	     /* from client_secret or client_secret_file */
	char *client_secret_file;    /* as password_file */
	char *client_secret_expires; /* "2027-05-01", as the administrator noted it */
	char *certificate_file, *key_file;
	char *certificate, *key; /* what is in those files: PEM */
	char *service_account_file;
	char *service_account; /* what is in that file: JSON with a private key */
	char *tenant;
	char *scope;
	char *authorization_endpoint, *token_endpoint, *device_endpoint; /* as config/url.h takes them */
	char *ca_file; /* of the endpoints; NULL: the system's */
};

/* A server that mailferry logs in to, and how: an account's store, or where a source's mail lies. */
struct config_server {
	const char *name; /* the account's or source's; CONFIG_RELAY */
	bool of_source;	  /* whose: for the words of errors, see config_kind */
	bool of_relay;	  /* it speaks SMTP; USER may be NULL then: nobody logs in */
	bool pop3;	  /* it speaks POP3, and not IMAP */
	char *provider;	  /* a name of config/provider.h, or NULL */
	char *host;
	uint16_t port;
	enum config_tls tls;
	char *ca_file; /* NULL: the system's */
	char **pins;   /* base64 of SHA-256 of the server's public key; see net/tls.h */
	size_t npins;
	char *user;
	char *login_as; /* who authenticates, where that is not user; NULL */
	char *auth;	/* the one SASL mechanism to use, or "APOP"; NULL: the strongest */
	char *client_certificate, *client_key;	       /* paths of PEM files; NULL: no certificate of ours */
	char *client_certificate_pem, *client_key_pem; /* what is in them */
	char *password;				       /* wherever it came from; NULL in parts that must not have it */
	char *password_file; /* as configured, absolute; NULL when the password comes from elsewhere */
	char *password_command, *password_credential, *password_env; /* the same */
	bool oauth;		       /* logs in with access tokens (OAUTHBEARER, XOAUTH2) and has no password */
	struct config_oauth token;     /* how they are got, where oauth is true */
	enum config_compress compress; /* AUTO: unless the server is in our own network */
	int64_t timeout;	       /* of one command on the server */
};

struct config_account {
	char *name;
	struct config_server server;
	char **addresses; /* "@office.example", "info@office.example" */
	size_t naddresses;
	bool postmaster; /* takes the postmaster's mail that no address above takes */
	char *recipient_delimiter; /* characters: the first in a local part begins what routing and rules call the detail */
	char *rules;	 /* absolute path of the script; NULL: all mail into INBOX */
	bool create_folders;  /* may folders be made that no rule marked with :create */
	bool subscribe;	      /* subscribe to folders that we made */
	unsigned window;      /* messages outstanding at once on a connection, 1…1000 */
	unsigned batch;	      /* messages in one MULTIAPPEND, 1…500 */
	unsigned connections; /* at once, 1…10 */
	int64_t settle;	      /* see docs/architecture.md: how long after a lost connection absence counts */
	int64_t retry_min, retry_max; /* back-off between tries */
	char **at;		      /* when its mail is filed, as config/schedule.h reads it; none: as it comes */
	size_t nat;
};

/* A mailbox elsewhere whose mail is fetched, and filed by the rules of an account. Names of sources and accounts
 * differ. */
struct config_source {
	char *name;
	enum config_mailbox protocol;
	struct config_server server;
	char *account; /* name of the account that it is fetched for */
	char *to;      /* recipient of all its mail, an address that goes to ACCOUNT; NULL: by RECIPIENT_HEADERS */
	char **recipient_headers; /* names of fields that tell a message's recipients, in the order in which they are
				     asked */
	size_t nrecipient_headers;
	char *unmatched, *rejected; /* folders of ACCOUNT: for mail that is for no one here; that the rules reject */
	char **folders;		    /* IMAP: names, patterns, special uses, and with `!' what is left out */
	size_t nfolders;
	bool keep; /* originals stay where they are: no delete, no move_to */
	enum config_delete delete;
	int64_t delete_after; /* how long after it was accepted; 0: at once. Not for CONFIG_DELETE_DELIVERED */
	char *move_to;	      /* folder of the source; NULL: none */
	bool mark_seen;
	struct {
		int64_t larger; /* octets; 0: nothing is too large but for limits.message_size */
		int64_t older;	/* ms before now; 0: nothing is too old */
		bool note;	/* tell in the mailbox what was left */
	} skip;
	int64_t every; /* ms from one run's start to the next's; 0: not by this */
	char **at;     /* as config/schedule.h reads it */
	size_t nat;
	bool push;	  /* IDLE */
	int64_t jitter;	  /* a run begins up to so much later */
	int64_t deadline; /* of one run */
	unsigned window;  /* messages asked for and not yet there */
};

/* The server through which mail goes out. In the spool, in commands and logs it is an account of this name, which no
 * account or source may have. */
#define CONFIG_RELAY "relay"

struct config_relay {
	struct config_server server; /* timeout 0: those of RFC 5321, 4.5.3.2 */
	enum config_doubt in_doubt;
	unsigned recipients;	      /* of one transaction, 1…1000 */
	int64_t retry_min, retry_max; /* back-off between tries */
	int64_t give_up;	      /* when a message is that old, its next failure is its last */
	/* What rules send: */
	enum config_redirect redirect;
	enum config_path redirect_sender;
	unsigned redirects; /* of one message */
	char *from;	    /* address that all messages of mailferry's own bear; NULL: the recipient's */
	bool notices;	    /* rejected mail that can't be refused in a dialogue: its sender is told */
	int64_t vacation_min, vacation_max; /* between two answers to one sender */
};

/* Who may send mail to others through the relay. */
struct config_relay_for {
	char *name;
	struct config_network *networks; /* clients from there; or */
	size_t nnetworks;
	char **users; /* who has authenticated as one of these */
	size_t nusers;
	char **senders; /* envelope senders that they may use: "scanner@office.example", "@office.example" */
	size_t nsenders;
	unsigned daily; /* recipients a day of the local calendar, of all of the group together */
};

struct config {
	char *file; /* where it was read from */
	char *hostname;
	char *user;    /* roles run as this user when started as root */
	char *spool;   /* directory */
	char *control; /* path of the control socket */
	char *token_directory; /* of refresh tokens; made only where an account needs it */
	char *operator; /* address that notices go to; NULL: none are made */
	char *users;	/* absolute path of the file of who may authenticate; NULL: none */
	char *rules_global; /* absolute path of the folder of scripts that all rules may include; NULL: none */
	char *rules_lists;  /* absolute path of the folder of lists that rules may ask; NULL: none */
	/* Fields that addheader and deleteheader leave alone; the last character may be * */
	char **rules_forbid_add, **rules_forbid_delete;
	size_t nrules_forbid_add, nrules_forbid_delete;
	char *spam_verdict, *spam_verdict_most, *virus_verdict; /* "FIELD" or "FIELD: PATTERN"; see config_verdict */
	enum config_verdict spam_verdict_type;
	char *log_level;
	enum config_sandbox sandbox;
	unsigned receivers; /* processes */
	int64_t stop_timeout; /* how long a stop waits for messages under way */
	int64_t reserve;    /* free bytes below which intake stops */
	int64_t retention;  /* how long records of finished mail stay */
	struct {
		int64_t message_size;
		unsigned recipients; /* a transaction */
		unsigned commands;   /* a session, without mail between */
		unsigned messages;   /* a session */
		unsigned sessions, sessions_per_address;
		unsigned errors; /* a session */
		unsigned connections_per_minute, messages_per_minute, errors_per_hour; /* an address; 0: any number */
		struct config_network *exempt;					       /* from those three */
		size_t nexempt;
		unsigned guesses, guesses_per_user; /* wrong passwords an hour, of an address and of a user */
		int64_t unaccepted, unaccepted_per_address; /* bytes of mail received but not yet accepted */
		unsigned rules_memory;	 /* keys of an account */
		unsigned rules_daily;	 /* messages outward */
		unsigned rules_actions, rules_notifications, rules_depth, rules_steps; /* a message */
		int64_t rules_variable, rules_header, rules_space; /* octets */
		int64_t rules_time; /* of the processor, a message */
		int64_t command_timeout; /* waiting for a command */
		int64_t data_timeout;    /* silence inside DATA */
		int64_t message_timeout; /* a whole message */
	} limits;
	struct config_certificate *certificates; /* the first is for whoever names no host, or one that none is for */
	size_t ncertificates;
	struct config_listener *listeners;
	size_t nlisteners;
	struct config_milter *milters;
	size_t nmilters;
	struct config_account *accounts;
	size_t naccounts;
	struct config_source *sources;
	size_t nsources;
	struct config_relay *relay; /* NULL: no mail goes out */
	struct config_relay_for *relay_for;
	size_t nrelay_for;
	struct routes *routes; /* index of all addresses, for config_route */
};

/* Reads and checks FILE and the secrets and rules files that it names (rules must be readable; compiling is the caller's).
 * NULL: ERRORS holds lines "FILE:LINE: key: …", all that were found. Free with config_free. */
struct config *config_load(const char *file, struct buf *errors);

/* The same, but no secret is read and no command is run: for those who need none. */
struct config *config_look(const char *file, struct buf *errors);

/* As config_look, but what could be read of a configuration with errors is given out too: never NULL, and any field of it
 * may be. For those who tell a person what belongs into it. */
struct config *config_draft(const char *file, struct buf *errors);

/* The same from text that config_render wrote: no files are read. NAME stands in errors. */
struct config *config_parse(const char *name, struct slice text, struct buf *errors);

void config_free(struct config **c); /* wipes secrets */

/* Where a daemon that was started with FILE listens for the command line, even when FILE has got errors since: they are
 * appended to ERRORS. From mem_alloc; NULL when it can't be known. */
char *config_control(const char *file, struct buf *errors);

/* Calls FN for each file that C was made from besides the configuration file itself, and whose change is to be taken up
 * without being told: certificates, keys, authorities of clients, the users. */
void config_watched(const struct config *c, void (*fn)(void *arg, const char *path), void *arg);

enum config_part {
	CONFIG_PART_RECEIVER,
	CONFIG_PART_SPOOL,
	CONFIG_PART_STORE,
	CONFIG_PART_CONNECT,
	CONFIG_PART_TOKEN,
	CONFIG_PART_FETCH,
	CONFIG_PART_RELAY
};

/* Appends the part of C that such a role needs. Passwords are in three parts only: CONFIG_PART_STORE has those of account
 * NAME, CONFIG_PART_FETCH those of source NAME, and all accounts without, CONFIG_PART_RELAY those of the relay. */
int config_render(const struct config *c, enum config_part part, const char *name, struct buf *out);

const struct config_account *config_account(const struct config *c, const char *name);

const struct config_milter *config_milter(const struct config *c, const char *name);

/* May anybody at all connect there? So it is without networks, or with such as no office has; on a UNIX socket, where a proxy
 * stands in front. */
bool config_is_open(const struct config_listener *l);

const struct config_source *config_source(const struct config *c, const char *name);

/* Is the mailbox behind SERVER that of S too? Going by host and user. */
bool config_source_is_of(const struct config_source *s, const struct config_server *server);

/* Do the folders of S have INBOX among them? */
bool config_source_takes_inbox(const struct config_source *s);

/* That of the account or the source of that name, or of the relay. */
const struct config_server *config_server(const struct config *c, const char *name);

/* First those of all accounts, then those of all sources, then that of the relay. */
size_t config_servers(const struct config *c);
const struct config_server *config_server_at(const struct config *c, size_t i);

/* "account" or "source", for words with the name behind it: "the" of the relay. */
const char *config_kind(const struct config_server *s);

/* "account", "source" or "relay": the field of a log line that bears its name. */
const char *config_field(const struct config_server *s);

/* The group that lets such a client send from SENDER (as address_format writes it) to others, or NULL. IP is text, NULL
 * or "" of a UNIX socket; USER who has authenticated, or NULL. */
const struct config_relay_for *config_relay_group(const struct config *c, const char *ip, const char *user,
						  const char *sender);

/* Does any account or source log in with access tokens? */
bool config_has_oauth(const struct config *c);

/* ---- config/route.h: which account an address belongs to ---- */
enum route_match { ROUTE_NONE, ROUTE_EXACT, ROUTE_DETAIL, ROUTE_DOMAIN, ROUTE_POSTMASTER };
struct route {
	const struct config_account *account; /* NULL when nobody takes it */
	enum route_match match;
	const char *address; /* the configured address that matched, or NULL */
};

/* LOCAL and DOMAIN as struct address has them; DOMAIN is "" for <postmaster>. The most specific wins: the address itself,
 * the address without `+detail', `@domain'; then, for the postmaster of any domain of ours (the host name among them), the
 * account that says `postmaster = true', or the first by name that has an address in the domain, or the first by name. A
 * local part that asks to be sent on (with % or ! or a quoted @, as in a%b@office.example) must stand in full among the
 * addresses. Costs a few binary searches. */
struct route config_route(const struct config *c, const char *local, const char *domain);

/* Does some account have an address in DOMAIN? */
bool config_has_domain(const struct config *c, const char *domain);

/* Appends "(`+detail' ignored) info@office.example in account office", for `mailferry route` and logs. */
int route_explain(const struct route *r, struct buf *out);

/* Is such a client in any of those groups, whatever sender it gives? */
bool config_relay_client(const struct config *c, const char *ip, const char *user);

/* The parts of a "FIELD: PATTERN": *PATTERN is NULL where there is none. From mem_alloc. */
void config_verdict_split(const char *verdict, char **field, char **pattern);

bool config_network_has(const struct config_network *n, const void *sockaddr);

/* Has it more addresses than any office, other than those that are nobody's on the Internet? */
bool config_network_is_wide(const struct config_network *n);

#endif
