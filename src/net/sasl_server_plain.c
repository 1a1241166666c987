/* PLAIN (RFC 4616) and LOGIN, which show the password. */
#include <string.h>

#include "base/mem.h"
#include "net/sasl_server_impl.h"

/* False: that can't be a password. */
static bool keep_password(struct sasl_server *s, struct slice password)
{
	if (password.n == 0 || password.n > SASL_PASSWORD_MAX || memchr(password.p, '\0', password.n) != NULL)
		return false;
	mem_wipe_str(&s->password);
	s->password = slice_dup(password);
	return true;
}

/* [authzid] NUL authcid NUL passwd */
enum sasl_server_said sasl_server_plain_step(struct sasl_server *s, struct slice in, struct buf *out)
{
	size_t first = slice_find(in, '\0'), second;
	struct slice rest, authzid;

	(void)out;
	if (s->user != NULL || first == in.n)
		return SASL_NONSENSE;
	authzid = slice_of(in.p, first);
	rest = slice_skip(in, first + 1);
	second = slice_find(rest, '\0');
	if (second == rest.n || !sasl_server_names(s, slice_of(rest.p, second)) ||
	    !keep_password(s, slice_skip(rest, second + 1)))
		return SASL_NONSENSE;
	return sasl_server_acts_for(s, authzid) ? SASL_CLAIMS : sasl_server_refuse(s, "may not act for another user");
}

enum sasl_server_said sasl_server_login_step(struct sasl_server *s, struct slice in, struct buf *out)
{
	if (s->user == NULL) {
		(void)buf_add_str(out, "Password:");
		return sasl_server_names(s, in) ? SASL_ASKS : SASL_NONSENSE;
	}
	return keep_password(s, in) ? SASL_CLAIMS : SASL_NONSENSE;
}
