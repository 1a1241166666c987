#include "cmd/login_explain.h"

#include <string.h>
#include <strings.h>

#include "cmd/login_words.h"
#include "cmd/text.h"
#include "role/login.h"

enum { TEXT_MAX = 16 * 1024 };
enum family { ANY, MICROSOFT, GOOGLE };

static enum family family_of(const struct config_server *a)
{
	if (a->provider == NULL)
		return ANY;
	if (strcmp(a->provider, "microsoft365") == 0 || strcmp(a->provider, "outlook.com") == 0)
		return MICROSOFT;
	return strcmp(a->provider, "gmail") == 0 ? GOOGLE : ANY;
}

/* Words that servers and token endpoints are known to use. They say more than anything that can be worked out. */
static const struct {
	const char *words;
	enum login_cause cause;
} known[] = {
	{ "not enabled for IMAP", CAUSE_IMAP_OFF },
	{ "IMAP access is disabled", CAUSE_IMAP_OFF },
	{ "IMAP is disabled", CAUSE_IMAP_OFF },
	{ "IMAP4 is disabled", CAUSE_IMAP_OFF },
	{ "IMAP disabled", CAUSE_IMAP_OFF },
	{ "not enabled for POP", CAUSE_IMAP_OFF },
	{ "POP3 is disabled", CAUSE_IMAP_OFF },
	{ "POP access is disabled", CAUSE_IMAP_OFF },
	{ "protocol is disabled", CAUSE_IMAP_OFF },
	{ "Application-specific password", CAUSE_PASSWORD },
	{ "app password", CAUSE_PASSWORD },
	{ "log in via your web browser", CAUSE_PASSWORD },
	{ "Web login required", CAUSE_PASSWORD },
	{ "Conditional Access", CAUSE_POLICY },
	{ "blocks this", CAUSE_POLICY },
	{ "API controls", CAUSE_POLICY },
	{ "LogonDenied-BasicAuthBlocked", CAUSE_POLICY },
	{ "BasicAuthBlocked", CAUSE_POLICY },
	{ "consent", CAUSE_CONSENT },
};

static bool is_wrong_user(const struct login_finding *f)
{
	const struct config_server *a = f->server;

	if (f->who == NULL || f->who[0] == '\0' || strcasecmp(f->who, a->user) == 0)
		return false;
	return a->login_as == NULL || strcasecmp(f->who, a->login_as) != 0;
}

/* The store refuses, and its words are none of the table. */
static enum login_cause cause_of_refusal(const struct login_finding *f)
{
	const struct config_server *a = f->server;
	bool application =
	    a->oauth && (a->token.grant == CONFIG_GRANT_APPLICATION || a->token.grant == CONFIG_GRANT_SERVICE_ACCOUNT);

	if (!a->oauth)
		return CAUSE_REFUSED;
	if (!a->pop3 && (f->says & LOGIN_SAYS_ANYTHING) != 0 && (f->says & LOGIN_SAYS_IMAP) == 0)
		return CAUSE_CONSENT;
	if (!application && is_wrong_user(f))
		return CAUSE_WRONG_USER;
	if (application || f->logged_in)
		return CAUSE_PERMISSION;
	/* The right person with the right to use IMAP: what is left is the mailbox. */
	if ((f->says & LOGIN_SAYS_ANYTHING) != 0)
		return CAUSE_IMAP_OFF;
	return family_of(a) == GOOGLE ? CAUSE_WRONG_USER : CAUSE_REFUSED;
}

enum login_cause login_cause_of(const struct login_finding *f)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcasestr(f->text, known[i].words) != NULL)
			return known[i].cause;
	if (strcasestr(f->text, "authenticated but not connected") != NULL)
		return !is_wrong_user(f) ? CAUSE_PERMISSION : CAUSE_WRONG_USER;
	return f->token || !f->refused ? CAUSE_OTHER : cause_of_refusal(f);
}

static void line(struct buf *out, const char *text)
{
	(void)buf_addf(out, "  %s\n", text);
}

/* Values of the configuration and of tokens: nothing in them may act on a terminal. */
static void line_with(struct buf *out, const char *before, const char *value, const char *after)
{
	(void)buf_addf(out, "  %s", before);
	(void)text_clean(out, value, 0);
	(void)buf_addf(out, "%s\n", after);
}

static void say_imap_off(const struct login_finding *f, enum family family, struct buf *out)
{
	(void)buf_add_str(out, "IMAP is switched off for this mailbox, or the mailbox has no licence for it.\n");
	if (family == MICROSOFT) {
		line(out,
		     "Microsoft 365 admin center: Users, Active users, the user, Mail, Manage email apps: IMAP. Or in");
		line_with(out, "Exchange Online PowerShell: Set-CASMailbox -Identity ", f->server->user,
			  " -ImapEnabled $true");
		line(out, "Outlook.com: Settings, Mail, Forwarding and IMAP. It can take an hour.");
	} else if (family == GOOGLE) {
		line(out, "Gmail: Settings, Forwarding and POP/IMAP, IMAP access. In a Workspace an administrator must "
			  "allow");
		line(out, "it too: https://admin.google.com, Apps, Google Workspace, Gmail, End User Access.");
	} else {
		line(out, "Switch it on in the settings of the mailbox at the provider.");
	}
}

static void say_consent(const struct login_finding *f, enum family family, struct buf *out)
{
	bool application = f->server->oauth && f->server->token.grant == CONFIG_GRANT_APPLICATION;

	(void)buf_add_str(out, "Consent is missing: nobody has allowed the application to use IMAP here.\n");
	if (family == MICROSOFT && application) {
		line(out,
		     "https://entra.microsoft.com: Applications, App registrations, the application, API permissions:");
		line(out,
		     "Office 365 Exchange Online, Application permissions, IMAP.AccessAsApp must stand there, and its");
		line(out, "status must be `Granted': press Grant admin consent. Then try again.");
	} else if (family == MICROSOFT) {
		line(out,
		     "https://entra.microsoft.com: Applications, App registrations, the application, API permissions:");
		line(
		    out,
		    "Office 365 Exchange Online, Delegated permissions, IMAP.AccessAsUser.All must stand there. Where");
		line(out, "users may not consent, an administrator presses Grant admin consent. Then sign in again.");
	} else {
		line(out,
		     "Sign in again and agree to all that the provider asks; or ask the administrator to allow it.");
	}
}

static void say_policy(enum family family, struct buf *out)
{
	(void)buf_add_str(out, "A policy of the organization blocks this way to log in.\n");
	if (family == MICROSOFT) {
		line(out, "https://entra.microsoft.com: Protection, Conditional Access: except the application, or "
			  "allow its");
		line(out, "sign-in from this machine's address. Device codes are blocked by many; grant "
			  "\"application\" needs");
		line(out, "no person's sign-in, and passwords (basic authentication) are switched off for good.");
	} else if (family == GOOGLE) {
		line(out,
		     "https://admin.google.com: Security, Access and data control, API controls: mark the client as");
		line(out, "trusted.");
	} else {
		line(out, "Ask the administrator of the organization to allow it.");
	}
}

static void say_permission(const struct login_finding *f, enum family family, struct buf *out)
{
	bool application = f->server->token.grant == CONFIG_GRANT_APPLICATION;

	(void)buf_add_str(out, "The login is good, but has no right to this mailbox.\n");
	if (family == MICROSOFT && application) {
		line(out, "In this order: (1) user must be the address of the mailbox itself, not an alias. (2) "
			  "Exchange Online");
		line(out, "must know the application, by the Object ID of Enterprise applications (not of App "
			  "registrations):");
		line_with(out, "    New-ServicePrincipal -AppId ", f->server->token.client_id, " -ObjectId OBJECT_ID");
		line_with(out, "(3)  Add-MailboxPermission -Identity ", f->server->user,
			  " -User OBJECT_ID -AccessRights FullAccess");
		line_with(out, "(4)  Set-CASMailbox -Identity ", f->server->user, " -ImapEnabled $true");
		line(out, "Exchange Online needs up to an hour to know of it.");
	} else if (family == MICROSOFT) {
		line_with(out, "Whoever signed in needs full access to it: Add-MailboxPermission -Identity ",
			  f->server->user, " -User WHO -AccessRights FullAccess");
		line_with(out, "IMAP must be on: Set-CASMailbox -Identity ", f->server->user,
			  " -ImapEnabled $true; and the mailbox needs a licence.");
	} else if (family == GOOGLE) {
		line(out, "https://admin.google.com: Security, Access and data control, API controls, Domain-wide "
			  "delegation:");
		line(out, "the service account's Unique ID must stand there with the scope https://mail.google.com/, "
			  "and user");
		line(out, "must be an address of that Workspace.");
	} else {
		line(out, "Check user, and the rights that its login has at the provider.");
	}
}

static void say_wrong_user(const struct login_finding *f, enum family family, struct buf *out)
{
	(void)buf_add_str(out, "The sign-in is not that of this mailbox.\n");
	if (f->who != NULL && f->who[0] != '\0') {
		line_with(out, "Signed in: ", f->who, "");
		line_with(out, "Mailbox:   ", f->server->user, "");
	}
	line_with(out, "Sign in again as the owner of ", f->server->user,
		  " (in a private window, so that the browser does not choose for you).");
	if (family == MICROSOFT)
		line(out,
		     "For a shared mailbox: name who signs in by login_as, and give that person full access to it.");
	if (family == GOOGLE)
		line(out, "If it is the right one: is IMAP on? (Gmail: Settings, Forwarding and POP/IMAP.)");
}

static void say_password(enum family family, struct buf *out)
{
	(void)buf_add_str(out, "The provider takes no ordinary password here.\n");
	if (family == GOOGLE)
		line(out,
		     "Make an app password (https://myaccount.google.com/apppasswords) and put it into password_file.");
	else
		line(out,
		     "Make a password for programs (app password) in the mailbox's security settings, and put it into "
		     "password_file.");
}

static void explain(const struct login_finding *f, struct buf *out)
{
	enum family family = family_of(f->server);

	switch (login_cause_of(f)) {
	case CAUSE_OTHER:
		break;
	case CAUSE_IMAP_OFF:
		say_imap_off(f, family, out);
		break;
	case CAUSE_CONSENT:
		say_consent(f, family, out);
		break;
	case CAUSE_POLICY:
		say_policy(family, out);
		break;
	case CAUSE_PERMISSION:
		say_permission(f, family, out);
		break;
	case CAUSE_WRONG_USER:
		say_wrong_user(f, family, out);
		break;
	case CAUSE_PASSWORD:
		say_password(family, out);
		break;
	case CAUSE_REFUSED:
		(void)buf_add_str(out, "The server refuses the login and does not say why.\n");
		line(out, "Check user, and the password or the sign-in; and that IMAP is on for the mailbox.");
		break;
	}
}

void login_explain(const struct login_finding *f, struct buf *out)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	explain(f, &text);
	login_words(buf_str(&text), f->server->pop3, out);
	buf_free(&text);
}
