#include "cmd/login_steps.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/slice.h"
#include "cmd/login_words.h"
#include "cmd/text.h"
#include "config/provider.h"

enum { TEXT_MAX = 64 * 1024 };

/* How an account shows who it is: a kind of grant, or a password. */
enum way {
	WAY_APPLICATION = CONFIG_GRANT_APPLICATION,
	WAY_USER = CONFIG_GRANT_USER,
	WAY_DEVICE = CONFIG_GRANT_DEVICE,
	WAY_SERVICE = CONFIG_GRANT_SERVICE_ACCOUNT,
	WAY_PASSWORD = 100
};

static const char ms_register[] =
    " 1. https://entra.microsoft.com: Applications, App registrations, New registration.\n"
    "    Name it mailferry; accounts in this organizational directory only.\n"
    " 2. From its page Overview take two ids into the configuration:\n"
    "        client_id = Application (client) ID\n"
    "        tenant = Directory (tenant) ID\n";

static const char ms_application[] =
    "Microsoft 365, grant \"application\": mailferry opens the mailbox by a right of its own.\n"
    "Nobody signs in, and no password can expire. This is the way to prefer. An administrator does:\n\n"
    "@REGISTER@"
    " 3. API permissions, Add a permission, APIs my organization uses,\n"
    "    Office 365 Exchange Online, Application permissions, IMAP.AccessAsApp. Then:\n"
    "    Grant admin consent for the organization.\n"
    " 4. Make a certificate on this machine, and hand its public half to the application\n"
    "    (Certificates & secrets, Certificates, Upload certificate: @ACCOUNT@.pem):\n"
    "        openssl req -x509 -newkey rsa:2048 -nodes -days 730 -subj /CN=mailferry \\\n"
    "            -keyout @ACCOUNT@.key -out @ACCOUNT@.pem\n"
    "        chmod 600 @ACCOUNT@.key\n"
    "    In the configuration: certificate_file = \"@ACCOUNT@.pem\"; key_file = \"@ACCOUNT@.key\";\n"
    "    A client secret does too: its Value (not the Secret ID) into a file of mode 600,\n"
    "    client_secret_file, and the day it expires into client_secret_expires.\n"
    " 5. Entra again: Applications, Enterprise applications, mailferry. Copy the Object ID\n"
    "    from there. (The page App registrations shows another one: that is not it.)\n"
    " 6. Exchange Online PowerShell (Install-Module ExchangeOnlineManagement):\n"
    "        Connect-ExchangeOnline\n"
    "        New-ServicePrincipal -AppId @CLIENT_ID@ -ObjectId OBJECT_ID -DisplayName mailferry\n"
    "        Add-MailboxPermission -Identity @USER@ -User OBJECT_ID -AccessRights FullAccess\n"
    "        Set-CASMailbox -Identity @USER@ -ImapEnabled $true\n"
    "    It can take an hour until Exchange Online knows of it.\n";

static const char ms_user[] =
    "Microsoft 365, grant \"user\": a person signs in once in a browser, and mailferry keeps the sign-in.\n"
    "It ends when the password is changed or a policy says so; grant \"application\" does not.\n\n"
    "@REGISTER@"
    " 3. Authentication, Add a platform, Mobile and desktop applications,\n"
    "    custom redirect URI: http://localhost. Below it, Allow public client flows: yes.\n"
    " 4. API permissions, Add a permission, APIs my organization uses,\n"
    "    Office 365 Exchange Online, Delegated permissions, IMAP.AccessAsUser.All;\n"
    "    and Microsoft Graph, Delegated permissions, offline_access.\n"
    "    Where users may not consent themselves: Grant admin consent for the organization.\n"
    " 5. IMAP must be on for the mailbox (Exchange Online PowerShell):\n"
    "        Set-CASMailbox -Identity @USER@ -ImapEnabled $true\n"
    " 6. mailferry login @ACCOUNT@, and sign in as the owner of @USER@\n"
    "    (for a shared mailbox: as somebody with full access to it, named by login_as).\n";

static const char ms_device[] =
    "Microsoft 365, grant \"device\": a person types a code into a browser on any machine.\n"
    "Prefer another grant: this one is much used to trick people out of their mailbox, and Microsoft tells\n"
    "its customers to block it (Conditional Access, authentication flows). Where it is not blocked:\n\n"
    "@REGISTER@"
    " 3. Authentication, Advanced settings, Allow public client flows: yes.\n"
    " 4. API permissions, Add a permission, APIs my organization uses,\n"
    "    Office 365 Exchange Online, Delegated permissions, IMAP.AccessAsUser.All;\n"
    "    and Microsoft Graph, Delegated permissions, offline_access.\n"
    " 5. IMAP must be on for the mailbox (Exchange Online PowerShell):\n"
    "        Set-CASMailbox -Identity @USER@ -ImapEnabled $true\n"
    " 6. mailferry login @ACCOUNT@, and type the code in as the owner of @USER@.\n";

static const char outlook_user[] =
    "Outlook.com (a private mailbox at Microsoft), grant \"user\": its owner signs in once in a browser.\n\n"
    " 1. https://entra.microsoft.com: Applications, App registrations, New registration.\n"
    "    Name it mailferry; Personal Microsoft accounts only.\n"
    " 2. From its page Overview: client_id = Application (client) ID. No tenant is needed.\n"
    " 3. Authentication, Add a platform, Mobile and desktop applications,\n"
    "    custom redirect URI: http://localhost. Below it, Allow public client flows: yes.\n"
    " 4. In the mailbox itself: Settings, Mail, Forwarding and IMAP,\n"
    "    let devices and apps use IMAP.\n"
    " 5. mailferry login @ACCOUNT@, and sign in as @USER@.\n";

static const char gmail_password[] =
    "Gmail, with an app password: the simplest way, where two-step verification is on.\n"
    "(Organizations may forbid app passwords, and Google's Advanced Protection does.)\n\n"
    " 1. https://myaccount.google.com/security: switch 2-Step Verification on.\n"
    " 2. https://myaccount.google.com/apppasswords: make one, named mailferry.\n"
    " 3. Its 16 letters, without blanks, into a file of mode 600 that password_file names.\n"
    "    It ends when the password of the Google account is changed.\n";

static const char gmail_user[] =
    "Google Workspace, grant \"user\", with a client of the organization's own (user type Internal):\n\n"
    " 1. https://console.cloud.google.com: make a project that belongs to the organization.\n"
    " 2. APIs & Services, Library: enable the Gmail API.\n"
    " 3. Google Auth Platform (OAuth consent screen), Audience, user type: Internal.\n"
    "    With user type External and publishing status Testing, Google ends each sign-in after 7 days,\n"
    "    and mail would wait every week: so use Internal. For a private Gmail mailbox that is not to be\n"
    "    had: take an app password instead (leave out oauth, give password_file).\n"
    " 4. Clients, Create client, application type: Desktop app. Into the configuration:\n"
    "        client_id = Client ID\n"
    "        client_secret_file = a file of mode 600 with the Client secret\n"
    " 5. If API access is restricted (https://admin.google.com, Security, Access and data control,\n"
    "    API controls): mark this client as trusted.\n"
    " 6. mailferry login @ACCOUNT@, and sign in as @USER@.\n";

static const char gmail_service[] =
    "Google Workspace, grant \"service-account\", with domain-wide delegation: nobody signs in.\n"
    "Its key opens every mailbox of the organization: use it only where the other ways do not do.\n\n"
    " 1. https://console.cloud.google.com: make a project; APIs & Services, Library: enable the Gmail API.\n"
    " 2. IAM & Admin, Service Accounts, Create service account; then Keys, Add key, JSON.\n"
    "    Put the file here with mode 600: service_account_file names it.\n"
    " 3. Copy the service account's Unique ID (a long number).\n"
    " 4. https://admin.google.com: Security, Access and data control, API controls,\n"
    "    Domain-wide delegation, Add new: that number, with the scope https://mail.google.com/\n"
    "    It can take a day until Google knows of it.\n";

static const char any_password[] =
    "@PROVIDER@: mailferry logs in with a password. Where the provider has two-step verification, that is\n"
    "one made for programs (an app password), in the security settings of the mailbox.\n\n"
    " 1. Make the password at the provider, and see there that IMAP is switched on.\n"
    " 2. Put it into a file of mode 600 that password_file names.\n";

static const char any_application[] =
    "@PROVIDER@, grant \"application\": mailferry asks for access in its own name.\n\n"
    " 1. Register an application (client) with the provider, with the right to use IMAP by itself.\n"
    " 2. Into the configuration: client_id, and client_secret_file, or certificate_file and key_file;\n"
    "    token_endpoint and scope as the provider's documentation has them.\n";

static const char any_user[] =
    "@PROVIDER@, grant \"user\": a person signs in once in a browser.\n\n"
    " 1. Register an application (client, type: native or desktop) with the provider, with the redirect\n"
    "    URI http://127.0.0.1 (any port) and the right to use IMAP.\n"
    " 2. Into the configuration: client_id; authorization_endpoint, token_endpoint and scope as the\n"
    "    provider's documentation has them.\n"
    " 3. mailferry login @ACCOUNT@, and sign in as @USER@.\n";

static const char any_device[] =
    "@PROVIDER@, grant \"device\": a person types a code into a browser on any machine.\n\n"
    " 1. Register an application (client) with the provider that may use the device flow and IMAP.\n"
    " 2. Into the configuration: client_id; device_endpoint, token_endpoint and scope as the provider's\n"
    "    documentation has them.\n"
    " 3. mailferry login @ACCOUNT@, and type the code in as @USER@.\n";

static const char any_service[] =
    "@PROVIDER@, grant \"service-account\": a signed key file stands for the right to the mailbox.\n\n"
    " 1. Make a service account with the provider and let it act for @USER@ with the right to use IMAP.\n"
    " 2. Into the configuration: service_account_file (JSON), token_endpoint and scope.\n";

/* The best way of each provider stands first. A row without a provider is for all that have none of their own. */
static const struct {
	const char *provider;
	enum way way;
	const char *text;
} rows[] = {
	{ "microsoft365", WAY_APPLICATION, ms_application },
	{ "microsoft365", WAY_USER, ms_user },
	{ "microsoft365", WAY_DEVICE, ms_device },
	{ "outlook.com", WAY_USER, outlook_user },
	{ "gmail", WAY_PASSWORD, gmail_password },
	{ "gmail", WAY_USER, gmail_user },
	{ "gmail", WAY_SERVICE, gmail_service },
	{ NULL, WAY_PASSWORD, any_password },
	{ NULL, WAY_APPLICATION, any_application },
	{ NULL, WAY_USER, any_user },
	{ NULL, WAY_DEVICE, any_device },
	{ NULL, WAY_SERVICE, any_service },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const char *or_word(const char *given, const char *word)
{
	return given != NULL && given[0] != '\0' ? given : word;
}

static void fill(const char *text, const struct config_server *a, struct buf *out)
{
	const struct {
		const char *mark, *text;
	} marks[] = {
		{ "REGISTER", ms_register },
		{ "ACCOUNT", or_word(a->name, "ACCOUNT") },
		{ "USER", or_word(a->user, "USER") },
		{ "CLIENT_ID", or_word(a->token.client_id, "CLIENT_ID") },
		{ "PROVIDER", or_word(a->provider, or_word(a->host, "The provider")) },
	};
	struct slice rest = slice_str(text);

	while (rest.n > 0) {
		size_t n = slice_find(rest, '@'), end;
		struct slice mark;
		bool known = false;

		(void)buf_add(out, rest.p, n);
		if (n == rest.n)
			return;
		rest = slice_skip(rest, n + 1);
		end = slice_find(rest, '@');
		mark = slice_of(rest.p, end);
		for (size_t i = 0; i < sizeof marks / sizeof marks[0] && end < rest.n; i++) {
			if (!slice_eq(mark, slice_str(marks[i].mark)))
				continue;
			/* The values come from the configuration, but a terminal believes everything. */
			if (i == 0)
				(void)buf_add_str(out, marks[i].text);
			else
				(void)text_clean(out, marks[i].text, 0);
			known = true;
		}
		if (known)
			rest = slice_skip(rest, end + 1);
		else
			(void)buf_add_char(out, '@');
	}
}

static const char *steps_find(const char *provider, enum way way)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].way == way &&
		    (rows[i].provider == NULL || (provider != NULL && strcmp(rows[i].provider, provider) == 0)))
			return rows[i].text;
	}
	return "";
}

static void tail_add(const char *file, struct buf *out)
{
	(void)buf_addf(
	    out,
	    "\nFile names hang on the directory of %s. The keys client_id, tenant and so on stand in the\n"
	    "group oauth = { … }; mailferry.conf(5) explains them, `mailferry check' checks them.\n",
	    file);
}

void login_steps(const struct config_server *a, const char *file, struct buf *out)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	fill(steps_find(a->provider, a->oauth ? (enum way)a->token.grant : WAY_PASSWORD), a, &text);
	login_words(buf_str(&text), a->pop3, out);
	buf_free(&text);
	tail_add(file, out);
}

int login_steps_provider(const char *provider, const char *file, struct buf *out)
{
	const struct config_server nobody = { .provider = (char *)(uintptr_t)provider };
	size_t n = 0;

	if (provider_find(provider) == NULL)
		return -1;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].provider == NULL || strcmp(rows[i].provider, provider) != 0)
			continue;
		(void)buf_add_str(out, n++ == 0 ? "" : "\n");
		fill(rows[i].text, &nobody, out);
	}
	if (n == 0)
		fill(any_password, &nobody, out);
	tail_add(file, out);
	return 0;
}
