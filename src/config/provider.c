#include "config/provider.h"

#include <string.h>

#define BIT(g)	  (1u << CONFIG_GRANT_##g)
#define MS(path)  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/" path
#define MS_PERSON "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
#define MS_PERSON_POP3 "https://outlook.office.com/POP.AccessAsUser.All offline_access"
#define MS_PERSON_SMTP "https://outlook.office.com/SMTP.Send offline_access"
#define PASSWORD  "log in with a password that the provider made for programs (an app password): password_file"

/* Names are also the words of the key `provider' (config/keys_server.c). */
const struct provider provider_table[] = {
	{ .name = "microsoft365",
	  .host = "outlook.office365.com",
	  .port = 993,
	  .smtp_host = "smtp.office365.com",
	  .smtp_tls = CONFIG_TLS_STARTTLS,
	  .pop3_host = "outlook.office365.com",
	  .authorization_endpoint = MS("authorize"),
	  .token_endpoint = MS("token"),
	  .device_endpoint = MS("devicecode"),
	  .scope = MS_PERSON,
	  .pop3_scope = MS_PERSON_POP3,
	  .smtp_scope = MS_PERSON_SMTP,
	  .app_scope = "https://outlook.office365.com/.default",
	  .grants = BIT(APPLICATION) | BIT(USER) | BIT(DEVICE),
	  .advice = "passwords are switched off there: use oauth, best with grant \"application\"" },
	{ .name = "outlook.com",
	  .host = "outlook.office365.com",
	  .port = 993,
	  .smtp_host = "smtp-mail.outlook.com",
	  .smtp_tls = CONFIG_TLS_STARTTLS,
	  .pop3_host = "outlook.office365.com",
	  .authorization_endpoint = MS("authorize"),
	  .token_endpoint = MS("token"),
	  .device_endpoint = MS("devicecode"),
	  .tenant = "consumers",
	  .scope = MS_PERSON,
	  .pop3_scope = MS_PERSON_POP3,
	  .smtp_scope = MS_PERSON_SMTP,
	  .grants = BIT(USER) | BIT(DEVICE),
	  .advice = "passwords are switched off there: use oauth with grant \"user\"" },
	{ .name = "gmail",
	  .host = "imap.gmail.com",
	  .port = 993,
	  .smtp_host = "smtp.gmail.com",
	  .pop3_host = "pop.gmail.com",
	  .authorization_endpoint = "https://accounts.google.com/o/oauth2/v2/auth",
	  .token_endpoint = "https://oauth2.googleapis.com/token",
	  .scope = "https://mail.google.com/",
	  .grants = BIT(USER) | BIT(SERVICE_ACCOUNT),
	  .advice = "log in with an app password (password_file), or in a Workspace use oauth with grant \"user\"" },
	{ .name = "fastmail",
	  .host = "imap.fastmail.com",
	  .port = 993,
	  .smtp_host = "smtp.fastmail.com",
	  .pop3_host = "pop.fastmail.com",
	  .advice = PASSWORD },
	{ .name = "icloud", .host = "imap.mail.me.com", .port = 993,
	  .smtp_host = "smtp.mail.me.com",
	  .smtp_tls = CONFIG_TLS_STARTTLS, .advice = PASSWORD },
	{ .name = "yahoo",
	  .host = "imap.mail.yahoo.com",
	  .port = 993,
	  .smtp_host = "smtp.mail.yahoo.com",
	  .pop3_host = "pop.mail.yahoo.com",
	  .advice = PASSWORD },
	{ .name = "aol", .host = "imap.aol.com", .port = 993,
	  .smtp_host = "smtp.aol.com", .pop3_host = "pop.aol.com", .advice = PASSWORD },
	{ .name = "zoho", .host = "imap.zoho.com", .port = 993,
	  .smtp_host = "smtp.zoho.com", .pop3_host = "pop.zoho.com", .advice = PASSWORD },
	{ .name = "gmx",
	  .host = "imap.gmx.net",
	  .port = 993,
	  .smtp_host = "mail.gmx.net",
	  .pop3_host = "pop.gmx.net",
	  .advice = "switch IMAP on in the mailbox's settings" },
	{ .name = "web.de",
	  .host = "imap.web.de",
	  .port = 993,
	  .smtp_host = "smtp.web.de",
	  .smtp_tls = CONFIG_TLS_STARTTLS,
	  .pop3_host = "pop3.web.de",
	  .advice = "switch IMAP on in the mailbox's settings" },
	{ .name = "mailbox.org",
	  .host = "imap.mailbox.org",
	  .port = 993,
	  .smtp_host = "smtp.mailbox.org",
	  .pop3_host = "pop3.mailbox.org",
	  .advice = PASSWORD },
	{ .name = NULL },
};

const struct provider *provider_find(const char *name)
{
	for (const struct provider *p = provider_table; p->name != NULL; p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}
