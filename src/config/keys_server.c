/* Keys of a server, in accounts, in sources and in the relay, and of its oauth. */
#include "config/keys_impl.h"

#define SERVER(f) offsetof(struct config_server, f)
#define OAUTH(f)  offsetof(struct config_server, token.f)

static const char *const tls_modes[] = { "implicit", "starttls", "none", NULL };
static const char *const mechanisms[] = {
	"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN",
	"LOGIN",    "OAUTHBEARER",	  "XOAUTH2",	      "USER",	       "APOP",	      NULL
};
static const char *const grants[] = { "application", "user", "device", "service-account", NULL };
static const char *const providers[] = { "microsoft365", "outlook.com", "gmail", "fastmail", "icloud",	    "yahoo",
					 "aol",		 "zoho",	"gmx",	 "web.de",   "mailbox.org", NULL };
static const char *const compress_modes[] = { "auto", "on", "off", NULL };

const struct key keys_server[] = {
	{ .group = KEYS_SERVER,
	  .name = "host",
	  .type = KEY_HOST,
	  .offset = SERVER(host),
	  .max = 253,
	  .otherwise_is = "that of the provider; it must be given where no provider is",
	  .parts = TO_STORE | TO_CONNECT | TO_FETCH,
	  .help = "The server: of an account, the IMAP server that mail is filed on; of a source, the one that mail is "
		  "fetched "
		  "from; of the relay, the one that takes mail to send. Its certificate must be for this name." },
	{ .group = KEYS_SERVER,
	  .name = "port",
	  .type = KEY_PORT,
	  .offset = SERVER(port),
	  .min = 1,
	  .max = 65535,
	  .otherwise_is = "that of the protocol: IMAP 993 with tls \"implicit\", else 143; POP3 995, else 110; the "
			  "relay 465, else 587",
	  .parts = TO_STORE | TO_CONNECT | TO_FETCH,
	  .help = "Its port." },
	{ .group = KEYS_SERVER,
	  .name = "tls",
	  .type = KEY_ENUM,
	  .offset = SERVER(tls),
	  .words = tls_modes,
	  .otherwise = "implicit",
	  .parts = TO_STORE,
	  .help =
	      "implicit: encrypted from the first octet. starttls: encrypted before the password is sent, or not used "
	      "at all. none: never encrypted, password and mail can be read on the way; for a server on this machine "
	      "only. Of the relay the default is starttls where its port is 587 or 25." },
	{ .group = KEYS_SERVER,
	  .name = "ca_file",
	  .type = KEY_PATH,
	  .offset = SERVER(ca_file),
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "the system's certification authorities",
	  .parts = TO_STORE,
	  .help = "Certificates (PEM) to trust instead of the system's, for a server with a certificate of its own." },
	{ .group = KEYS_SERVER,
	  .name = "pin_sha256",
	  .type = KEY_PINS,
	  .offset = SERVER(pins),
	  .offset2 = SERVER(npins),
	  .otherwise_is = "any key whose certificate is good",
	  .parts = TO_STORE,
	  .help =
	      "The key that the server must have, as the base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469), "
	      "or a list of keys, any of which will do. A pin takes the place of authorities, host name and dates: "
	      "right for a server that signs its own certificate. Where ca_file is given too, both must be right. "
	      "When the server gets another key, mail waits until the pin is corrected. The error shows the pin that "
	      "was met." },
	{ .group = KEYS_SERVER,
	  .name = "user",
	  .type = KEY_STRING,
	  .offset = SERVER(user),
	  .min = 1,
	  .max = 255,
	  .parts = TO_STORE | TO_TOKEN | TO_FETCH,
	  .required = true,
	  .help = "The mailbox, and the name to log in with unless login_as is another. In relay it may be left out, "
		  "for a relay in the office's own network that asks nobody who they are." },
	{ .group = KEYS_SERVER,
	  .name = "login_as",
	  .type = KEY_STRING,
	  .offset = SERVER(login_as),
	  .min = 1,
	  .max = 255,
	  .otherwise_is = "user",
	  .parts = TO_STORE | TO_TOKEN,
	  .help =
	      "Who logs in, where that is another than the mailbox: an administrator, or somebody with access to a "
	      "shared mailbox. The password is then that of login_as, and user is the authorization identity of SASL "
	      "(PLAIN, SCRAM); with oauth, user is the mailbox that the token is used for. LOGIN and CRAM-MD5 can't "
	      "name two, and are not used then." },
	{ .group = KEYS_SERVER,
	  .name = "auth",
	  .type = KEY_WORD,
	  .offset = SERVER(auth),
	  .words = mechanisms,
	  .otherwise_is = "the strongest that the server offers",
	  .parts = TO_STORE,
	  .help =
	      "The one mechanism to log in with. By itself mailferry takes the first of this list that the server "
	      "offers and that can be used: EXTERNAL (with client_certificate), SCRAM with channel binding (-PLUS), "
	      "SCRAM, CRAM-MD5, PLAIN, LOGIN; with oauth OAUTHBEARER, XOAUTH2. Give it for a server that offers what "
	      "does not work. Two are of POP3 alone: USER, its plain login, which is used by itself where the server "
	      "offers nothing else, and APOP, which is used only where it is asked for here, since it needs MD5." },
	{ .group = KEYS_SERVER,
	  .name = "client_certificate",
	  .type = KEY_PATH,
	  .offset = SERVER(client_certificate),
	  .max = KEY_TEXT_MAX,
	  .help =
	      "A certificate (PEM, with those that lead to its authority behind it) that is shown to the server. No "
	      "password is needed then where the server takes EXTERNAL." },
	{ .group = KEYS_SERVER,
	  .name = "client_key",
	  .type = KEY_PATH,
	  .offset = SERVER(client_key),
	  .max = KEY_TEXT_MAX,
	  .help = "The private key of client_certificate (PEM, without a passphrase). It must not be readable by "
		  "everybody." },
	{ .group = KEYS_SERVER,
	  .name = "secret_client_certificate",
	  .type = KEY_SECRETS,
	  .offset = SERVER(client_certificate_pem),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_STORE,
	  .internal = true,
	  .help = "What client_certificate holds." },
	{ .group = KEYS_SERVER,
	  .name = "secret_client_key",
	  .type = KEY_SECRETS,
	  .offset = SERVER(client_key_pem),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_STORE,
	  .internal = true,
	  .help = "What client_key holds." },
	{ .group = KEYS_SERVER,
	  .name = "password",
	  .type = KEY_SECRET,
	  .offset = SERVER(password),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .parts = TO_STORE,
	  .help =
	      "The password. The configuration file must then not be readable by everybody. One of the five keys that "
	      "begin with password must be given, unless there is oauth or client_certificate." },
	{ .group = KEYS_SERVER,
	  .name = "password_file",
	  .type = KEY_PATH,
	  .offset = SERVER(password_file),
	  .max = KEY_TEXT_MAX,
	  .help = "A file whose first line is the password. It must not be readable by everybody." },
	{ .group = KEYS_SERVER,
	  .name = "password_command",
	  .type = KEY_STRING,
	  .offset = SERVER(password_command),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .help =
	      "A command for /bin/sh that prints the password in its first line, such as \"pass show office\". It is "
	      "run whenever the configuration is read, by the user that started mailferry: as root, where that is "
	      "root. It must end within 20 seconds; what it writes to standard error is not kept. Never put the "
	      "password itself into it: command lines are no secret." },
	{ .group = KEYS_SERVER,
	  .name = "password_credential",
	  .type = KEY_STRING,
	  .offset = SERVER(password_credential),
	  .min = 1,
	  .max = 255,
	  .help = "The name of a credential that systemd gives to the service (LoadCredential= or "
		  "LoadCredentialEncrypted= in its unit). Its first line is the password." },
	{ .group = KEYS_SERVER,
	  .name = "password_env",
	  .type = KEY_STRING,
	  .offset = SERVER(password_env),
	  .min = 1,
	  .max = 255,
	  .help =
	      "The name of an environment variable that holds the password when mailferry starts. It is taken out of "
	      "the environment at once and remembered for reloads. A variable may be seen before that by whoever "
	      "sees the environment of what starts mailferry: a file or a credential is better." },
	{ .group = KEYS_SERVER,
	  .name = "compress",
	  .type = KEY_ENUM,
	  .offset = SERVER(compress),
	  .words = compress_modes,
	  .otherwise = "auto",
	  .parts = TO_STORE,
	  .help =
	      "Pack what goes over the line, where an IMAP server offers it (COMPRESS=DEFLATE, RFC 4978). auto: unless "
	      "the server's address is a private one, of the office's own network or of this machine, because packing "
	      "costs more time there than it saves. The log says what was saved, when a connection ends." },
	{ .group = KEYS_SERVER,
	  .name = "timeout",
	  .type = KEY_DURATION,
	  .offset = SERVER(timeout),
	  .min = SECONDS(1),
	  .max = HOURS(1),
	  .otherwise = "60s",
	  .parts = TO_STORE | TO_CONNECT,
	  .help = "How long the server may be silent before the connection counts as broken. Of the relay the default is "
		  "what RFC 5321 asks for: five minutes for most commands, ten for the answer to a message." },
	{ .group = KEYS_SERVER,
	  .name = "provider",
	  .type = KEY_WORD,
	  .offset = SERVER(provider),
	  .words = providers,
	  .otherwise_is = "none: give host",
	  .parts = TO_STORE | TO_TOKEN,
	  .help =
	      "A provider whose hosts, ports and OAuth endpoints mailferry knows: what is not given is filled in." },
	{ .group = KEYS_SERVER,
	  .name = "oauth",
	  .type = KEY_GROUP,
	  .inner = KEYS_OAUTH,
	  .help = "Log in with access tokens (OAuth 2.0) instead of a password." },

	{ .group = KEYS_OAUTH,
	  .name = "grant",
	  .type = KEY_ENUM,
	  .offset = OAUTH(grant),
	  .words = grants,
	  .parts = TO_STORE | TO_TOKEN,
	  .required = true,
	  .help =
	      "What the access rests on. application: the client's own right to the mailbox, with a certificate or a "
	      "secret (Microsoft 365); nobody signs in. user: a person signs in once in a browser: mailferry login. "
	      "device: the same with a code typed in on another machine; many offices block it. service-account: a key "
	      "file of Google with domain-wide delegation." },
	{ .group = KEYS_OAUTH,
	  .name = "client_id",
	  .type = KEY_STRING,
	  .offset = OAUTH(client_id),
	  .min = 1,
	  .max = 255,
	  .parts = TO_TOKEN,
	  .help =
	      "The id of the application that you registered with the provider. All grants but service-account need "
	      "it." },
	{ .group = KEYS_OAUTH,
	  .name = "client_secret",
	  .type = KEY_SECRET,
	  .offset = OAUTH(client_secret),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .parts = TO_TOKEN,
	  .help =
	      "The secret that the provider made for the application. The configuration file must then not be readable "
	      "by everybody." },
	{ .group = KEYS_OAUTH,
	  .name = "client_secret_file",
	  .type = KEY_PATH,
	  .offset = OAUTH(client_secret_file),
	  .max = KEY_TEXT_MAX,
	  .help = "A file whose first line is that secret. It must not be readable by everybody." },
	{ .group = KEYS_OAUTH,
	  .name = "client_secret_expires",
	  .type = KEY_STRING,
	  .offset = OAUTH(client_secret_expires),
	  .min = 10,
	  .max = 10,
	  .parts = TO_TOKEN,
	  .help =
	      "The day on which the secret expires, as the provider's console shows it: \"2027-05-01\". From 30 days "
	      "before, the log says so every day." },
	{ .group = KEYS_OAUTH,
	  .name = "certificate_file",
	  .type = KEY_PATH,
	  .offset = OAUTH(certificate_file),
	  .max = KEY_TEXT_MAX,
	  .help =
	      "The certificate (PEM) that was uploaded to the provider, which proves who the application is; better "
	      "than a secret. Its last day is announced 30 days before." },
	{ .group = KEYS_OAUTH,
	  .name = "key_file",
	  .type = KEY_PATH,
	  .offset = OAUTH(key_file),
	  .max = KEY_TEXT_MAX,
	  .help = "The private key (PEM, RSA, without a passphrase) of that certificate. It must not be readable by "
		  "everybody." },
	{ .group = KEYS_OAUTH,
	  .name = "service_account_file",
	  .type = KEY_PATH,
	  .offset = OAUTH(service_account_file),
	  .max = KEY_TEXT_MAX,
	  .help =
	      "The JSON key file of a Google service account, for grant service-account. It must not be readable by "
	      "everybody." },
	{ .group = KEYS_OAUTH,
	  .name = "tenant",
	  .type = KEY_STRING,
	  .offset = OAUTH(tenant),
	  .min = 1,
	  .max = 255,
	  .parts = TO_TOKEN,
	  .help =
	      "The directory (tenant) of a Microsoft 365 organisation: its id or its domain. It stands for {tenant} in "
	      "endpoints." },
	{ .group = KEYS_OAUTH,
	  .name = "scope",
	  .type = KEY_STRING,
	  .offset = OAUTH(scope),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "what the provider asks for IMAP or POP3",
	  .parts = TO_TOKEN,
	  .help = "What access is asked for: words with blanks between." },
	{ .group = KEYS_OAUTH,
	  .name = "authorization_endpoint",
	  .type = KEY_URL,
	  .offset = OAUTH(authorization_endpoint),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "that of the provider",
	  .parts = TO_TOKEN,
	  .help = "Where a person signs in. Only for a provider that mailferry does not know." },
	{ .group = KEYS_OAUTH,
	  .name = "token_endpoint",
	  .type = KEY_URL,
	  .offset = OAUTH(token_endpoint),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "that of the provider",
	  .parts = TO_TOKEN | TO_CONNECT,
	  .help = "Where tokens come from. Only for a provider that mailferry does not know." },
	{ .group = KEYS_OAUTH,
	  .name = "device_endpoint",
	  .type = KEY_URL,
	  .offset = OAUTH(device_endpoint),
	  .min = 1,
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "that of the provider",
	  .parts = TO_TOKEN | TO_CONNECT,
	  .help = "Where device codes come from. Only for a provider that mailferry does not know." },
	{ .group = KEYS_OAUTH,
	  .name = "ca_file",
	  .type = KEY_PATH,
	  .offset = OAUTH(ca_file),
	  .max = KEY_TEXT_MAX,
	  .otherwise_is = "the system's certification authorities",
	  .parts = TO_TOKEN,
	  .help = "Certificates (PEM) to trust for the endpoints instead of the system's." },
	{ .group = KEYS_OAUTH,
	  .name = "secret_certificate",
	  .type = KEY_SECRETS,
	  .offset = OAUTH(certificate),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_TOKEN,
	  .internal = true,
	  .help = "What certificate_file holds." },
	{ .group = KEYS_OAUTH,
	  .name = "secret_key",
	  .type = KEY_SECRETS,
	  .offset = OAUTH(key),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_TOKEN,
	  .internal = true,
	  .help = "What key_file holds." },
	{ .group = KEYS_OAUTH,
	  .name = "secret_service_account",
	  .type = KEY_SECRETS,
	  .offset = OAUTH(service_account),
	  .max = KEY_FILE_TEXT_MAX,
	  .parts = TO_TOKEN,
	  .internal = true,
	  .help = "What service_account_file holds." },
};
const size_t keys_nserver = sizeof(keys_server) / sizeof(keys_server[0]);
