/* Capabilities of a session. */
#include <libetpan/mailimap.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "imap/session_impl.h"
#include "imap/dialog.h"
#include "net/sasl.h"

static const struct {
	const char *name;
	unsigned bit;
} names[] = {
	{ "LITERAL+", IMAP_CAN_LITERAL_PLUS },	  { "LITERAL-", IMAP_CAN_LITERAL_MINUS },
	{ "MULTIAPPEND", IMAP_CAN_MULTIAPPEND },  { "NAMESPACE", IMAP_CAN_NAMESPACE },
	{ "STARTTLS", IMAP_CAN_STARTTLS },	  { "LOGINDISABLED", IMAP_LOGIN_DISABLED },
	{ "SASL-IR", IMAP_CAN_SASL_IR },
	{ "SPECIAL-USE", IMAP_CAN_SPECIAL_USE },
	{ "CREATE-SPECIAL-USE", IMAP_CAN_CREATE_SPECIAL_USE },
	{ "LIST-EXTENDED", IMAP_CAN_LIST_EXTENDED },
	{ "UTF8=ACCEPT", IMAP_CAN_UTF8 },
	{ "UTF8=ONLY", IMAP_CAN_UTF8 },
	{ "ENABLE", IMAP_CAN_ENABLE },
	{ "APPENDLIMIT", IMAP_CAN_APPENDLIMIT },
};

static void note_mechanism(struct imap *s, const char *name)
{
	size_t n = strlen(s->mechanisms);

	if (name == NULL)
		return;
	s->sasl |= sasl_offered(slice_str(name));
	/* Whole words only. */
	if (n + strlen(name) + 2 <= sizeof s->mechanisms)
		(void)snprintf(s->mechanisms + n, sizeof s->mechanisms - n, "%s%s", n > 0 ? " " : "", name);
}

static void read_capabilities(struct imap *s)
{
	const struct mailimap_capability_data *data = s->mi->imap_connection_info->imap_capability;
	clistiter *at;

	s->can = 0;
	s->sasl = 0;
	s->mechanisms[0] = '\0';
	s->append_limit = UINT64_MAX;
	if (data == NULL || data->cap_list == NULL)
		return;
	for (at = clist_begin(data->cap_list); at != NULL; at = clist_next(at)) {
		const struct mailimap_capability *c = clist_content(at);

		if (c->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE) {
			note_mechanism(s, c->cap_data.cap_auth_type);
			continue;
		}
		if (c->cap_data.cap_name == NULL)
			continue;
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			if (strcasecmp(c->cap_data.cap_name, names[i].name) == 0)
				s->can |= names[i].bit;
		}
		if (strncasecmp(c->cap_data.cap_name, "APPENDLIMIT=", 12) == 0)
			(void)slice_number(slice_str(c->cap_data.cap_name + 12), UINT64_MAX - 1, &s->append_limit);
	}
}

static clist *advertised(const struct imap *s)
{
	const struct mailimap_capability_data *data = s->mi->imap_connection_info->imap_capability;

	return data == NULL ? NULL : data->cap_list;
}

/* What stands behind "AUTH=", or the whole name; NULL in broken data. */
static const char *name_of(const struct mailimap_capability *c, bool *auth)
{
	*auth = c->cap_type == MAILIMAP_CAPABILITY_AUTH_TYPE;
	return *auth ? c->cap_data.cap_auth_type : c->cap_data.cap_name;
}

bool imap_has(const struct imap *s, const char *capability)
{
	clist *all = advertised(s);
	bool auth;

	for (clistiter *at = all == NULL ? NULL : clist_begin(all); at != NULL; at = clist_next(at)) {
		const char *name = name_of(clist_content(at), &auth);

		if (name != NULL && !auth && strcasecmp(name, capability) == 0)
			return true;
	}
	return false;
}

void imap_capabilities(const struct imap *s, struct buf *out)
{
	clist *all = advertised(s);
	bool auth;

	for (clistiter *at = all == NULL ? NULL : clist_begin(all); at != NULL; at = clist_next(at)) {
		const char *name = name_of(clist_content(at), &auth);

		if (name != NULL)
			(void)buf_addf(out, "%s%s%s", out->n > 0 ? " " : "", auth ? "AUTH=" : "", name);
	}
}

void imap_forget_capability(struct imap *s)
{
	struct mailimap_connection_info *info = s->mi->imap_connection_info;

	if (info->imap_capability != NULL)
		mailimap_capability_data_free(info->imap_capability);
	info->imap_capability = NULL;
}

int imap_ask_capability(struct imap *s, struct err *e)
{
	struct imap_reply r;

	imap_forget_capability(s);
	if (dialog_run(s, &r, e, "CAPABILITY") != 0)
		return -1;
	if (r.status != IMAP_OK || s->mi->imap_connection_info->imap_capability == NULL)
		return err_set(e, ERR_TEMP, 0, "%s does not tell its capabilities: %s", s->server->host, r.text);
	read_capabilities(s);
	return 0;
}

int imap_renew_capability(struct imap *s, struct err *e)
{
	if (s->mi->imap_connection_info->imap_capability == NULL)
		return imap_ask_capability(s, e);
	read_capabilities(s);
	return 0;
}
