/* The parameters of MAIL and RCPT (RFC 5321, 4.1.2: esmtp-param): one row each. */
#include <stdlib.h>

#include "msg/address.h"
#include "smtp/internal.h"

enum { PARAMETERS_MAX = 20, MAILBOX_MAX = 500, MAIL = SMTP_PARAMETER_MAIL, RCPT = SMTP_PARAMETER_RCPT };

struct parameter {
	const char *name;
	unsigned commands; /* whose it is */
	/* False when it was answered already. */
	bool (*read)(struct smtp_session *s, struct slice value, struct smtp_parameters *p);
};

/* RFC 1870, 6 */
static bool read_size(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	bool digits = value.n > 0 && value.n <= 100;

	for (size_t i = 0; i < value.n; i++)
		digits = digits && ascii_is_digit(value.p[i]);
	if (!digits) {
		smtp_say(s, 501, "5.5.4", "SIZE must be a number");
		return false;
	}
	if (slice_number(value, UINT64_MAX, &p->size) != 0 || p->size > intake_size_offer(s->service->intake)) {
		smtp_say(s, 552, "5.3.4", "A message may have %llu octets at most",
			 (unsigned long long)intake_size_offer(s->service->intake));
		return false;
	}
	return true;
}

/* RFC 6152, 2 */
static bool read_body(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	if (slice_eq_nocase(value, SLICE_LIT("8BITMIME"))) {
		p->eightbit = true;
	} else if (slice_eq_nocase(value, SLICE_LIT("BINARYMIME"))) {
		smtp_say(s, 555, "5.6.1", "Binary mail is not taken: a store could not keep it as it is");
		return false;
	} else if (!slice_eq_nocase(value, SLICE_LIT("7BIT"))) {
		smtp_say(s, 501, "5.5.4", "BODY must be 7BIT or 8BITMIME");
		return false;
	}
	return true;
}

/* RFC 6531, 3.4 */
static bool read_smtputf8(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	if (!smtp_utf8_offered(s)) {
		smtp_say(s, 555, "5.6.7", "SMTPUTF8 is not offered here");
		return false;
	}
	if (value.p != NULL) {
		smtp_say(s, 501, "5.5.4", "SMTPUTF8 has no value");
		return false;
	}
	p->utf8 = true;
	return true;
}

/* RFC 8689. IMAP can't ask that what happens to a message behind the store be encrypted, so it is not offered. */
static bool read_requiretls(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	(void)value;
	(void)p;
	smtp_say(s, 555, "5.7.30", "REQUIRETLS is not offered here, and can't be kept");
	return false;
}

/* RFC 4954, 5: who sent it first, as far as the client says. It is not believed, and so not kept; what can't be true is
 * refused. */
static bool read_auth(struct smtp_session *s, struct slice value, struct smtp_parameters *p)
{
	struct address a = { 0 };
	struct buf text;
	bool good;

	(void)p;
	if (!smtp_has_auth(s)) {
		smtp_say(s, 555, "5.5.4", "That parameter is not known here: AUTH");
		return false;
	}
	buf_init(&text, MAILBOX_MAX);
	good = xtext_decode(value, &text) == 0 && (slice_eq(buf_slice(&text), SLICE_LIT("<>")) ||
						   address_parse(buf_slice(&text), false, &a) == ADDRESS_OK);
	address_free(&a);
	buf_free(&text);
	if (!good)
		smtp_say(s, 501, "5.5.4", "AUTH must be an address in xtext, or <>");
	return good;
}

static const struct parameter parameters[] = {
	{ "SIZE", MAIL, read_size },
	{ "BODY", MAIL, read_body },
	{ "AUTH", MAIL, read_auth },
	{ "SMTPUTF8", MAIL, read_smtputf8 },
	{ "REQUIRETLS", MAIL, read_requiretls },
	{ "RET", MAIL, smtp_read_ret },
	{ "ENVID", MAIL, smtp_read_envid },
	{ "NOTIFY", RCPT, smtp_read_notify },
	{ "ORCPT", RCPT, smtp_read_orcpt },
};

static const struct parameter *find(struct slice name, enum smtp_parameter_of of)
{
	for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
		if ((parameters[i].commands & of) != 0 && slice_eq_nocase(name, slice_str(parameters[i].name)))
			return &parameters[i];
	return NULL;
}

bool smtp_parameters(struct smtp_session *s, enum smtp_parameter_of of, struct slice rest, struct smtp_parameters *p)
{
	struct slice seen[PARAMETERS_MAX];
	size_t n = 0;

	for (;;) {
		const struct parameter *known;
		struct slice word, name, value;

		rest = slice_trim(rest);
		if (rest.n == 0)
			return true;
		word = slice_of(rest.p, slice_find(rest, ' '));
		rest = slice_of(rest.p + word.n, rest.n - word.n);
		name = slice_of(word.p, slice_find(word, '='));
		value = name.n < word.n ? slice_of(word.p + name.n + 1, word.n - name.n - 1) : SLICE_NONE;
		for (size_t i = 0; i < n; i++) {
			if (slice_eq_nocase(seen[i], name)) {
				smtp_say(s, 501, "5.5.4", "A parameter may be given only once");
				return false;
			}
		}
		if (n == PARAMETERS_MAX) {
			smtp_say(s, 501, "5.5.4", "Too many parameters");
			return false;
		}
		seen[n++] = name;
		known = s->extended ? find(name, of) : NULL;
		if (known == NULL) {
			smtp_say(s, 555, "5.5.4", "That parameter is not known here: %.*s",
				 (int)(name.n > 40 ? 40 : name.n), name.p);
			return false;
		}
		if (!known->read(s, value, p))
			return false;
	}
}

void smtp_parameters_free(struct smtp_parameters *p)
{
	free(p->envid);
	free(p->envid_xtext);
	free(p->orcpt);
	*p = (struct smtp_parameters){ 0 };
}
