#include "smtp/milter_macros.h"

#include <stdio.h>
#include <string.h>

#include "smtp/milter_wire.h"

enum { NAME_SIZE = 64 };

/* Postfix's defaults and what Sendmail has besides: a macro without a value is left out. */
static const char *const usual[MILTER_STAGES] = {
	[MILTER_AT_CONNECT] = "j {daemon_name} {daemon_addr} {daemon_port} v _ {client_addr} {client_name} {client_ptr} "
			      "{client_port} {if_name} {if_addr}",
	[MILTER_AT_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	/* TLS may have begun behind a HELO that is not repeated, and Sendmail tells it here too. */
	[MILTER_AT_MAIL] = "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer} "
			   "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	[MILTER_AT_RCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[MILTER_AT_DATA] = "i",
	[MILTER_AT_EOH] = "i",
	[MILTER_AT_EOM] = "i",
};

/* "i" and "{i}" are one name; the short form is told, as both ask for it. */
static bool name_take(struct slice *rest, char name[NAME_SIZE])
{
	size_t n;

	while (rest->n > 0 && strchr(" \t,", rest->p[0]) != NULL)
		*rest = slice_skip(*rest, 1);
	for (n = 0; n < rest->n && strchr(" \t,", rest->p[n]) == NULL; n++)
		;
	if (n == 0)
		return false;
	name[0] = '\0';
	if (n == 3 && rest->p[0] == '{' && rest->p[2] == '}')
		(void)snprintf(name, NAME_SIZE, "%c", rest->p[1]);
	else if (n == 1 || rest->p[0] == '{')
		(void)snprintf(name, NAME_SIZE, "%.*s", n < NAME_SIZE ? (int)n : 0, rest->p);
	else
		(void)snprintf(name, NAME_SIZE, "{%.*s}", n < NAME_SIZE - 2 ? (int)n : 0, rest->p);
	*rest = slice_skip(*rest, n);
	return true;
}

void milter_macros_put(const struct milter_terms *t, enum milter_stage stage, char letter, milter_macro_fn *value,
		       void *arg, struct buf *out)
{
	const char *names = t->macros[stage] != NULL ? t->macros[stage] : usual[stage];
	struct slice rest = slice_str(names);
	char name[NAME_SIZE];
	const size_t at = milter_packet_begin(out, MILTER_MACRO);
	unsigned n = 0, asked = 0;

	(void)buf_add_char(out, letter);
	while (asked++ < MILTER_MACROS_MAX && name_take(&rest, name)) {
		const char *v = value(arg, name);

		if (v == NULL)
			continue;
		milter_put_text(out, slice_str(name));
		milter_put_text(out, slice_str(v));
		n++;
	}
	if (n == 0 && !buf_failed(out))
		buf_truncate(out, at);
	else
		milter_packet_end(out, at);
}
