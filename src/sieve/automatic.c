#include "sieve/automatic.h"

#include "msg/address.h"
#include "msg/mime_param.h"

static const struct slice lists[] = {
	SLICE_LIT("List-Id"),	       SLICE_LIT("List-Help"), SLICE_LIT("List-Subscribe"),
	SLICE_LIT("List-Unsubscribe"), SLICE_LIT("List-Post"), SLICE_LIT("List-Owner"),
	SLICE_LIT("List-Archive"),
};

static const struct slice destinations[] = {
	SLICE_LIT("To"),	SLICE_LIT("Cc"),	SLICE_LIT("Bcc"),
	SLICE_LIT("Resent-To"), SLICE_LIT("Resent-Cc"), SLICE_LIT("Resent-Bcc"),
};

/* RFC 5230, 4.6, and what programs write as to say that nobody reads there. POSTMASTER is a person. */
static const struct slice programs[] = {
	SLICE_LIT("mailer-daemon"), SLICE_LIT("listserv"), SLICE_LIT("majordomo"), SLICE_LIT("mailer"),
	SLICE_LIT("noreply"),	    SLICE_LIT("no-reply"), SLICE_LIT("donotreply"), SLICE_LIT("do-not-reply"),
	SLICE_LIT("bounce"),	    SLICE_LIT("bounces"),
};

static bool ends_nocase(struct slice s, struct slice end)
{
	return s.n >= end.n && slice_eq_nocase(slice_of(s.p + s.n - end.n, end.n), end);
}

static bool is_program(struct slice local)
{
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (slice_eq_nocase(local, programs[i]))
			return true;
	return slice_starts_nocase(local, SLICE_LIT("owner-")) || ends_nocase(local, SLICE_LIT("-request")) ||
	       ends_nocase(local, SLICE_LIT("-owner")) || ends_nocase(local, SLICE_LIT("-bounces")) ||
	       slice_starts_nocase(local, SLICE_LIT("bounce+")) || slice_starts_nocase(local, SLICE_LIT("bounces+"));
}

/* The first word of VALUE, without comments. */
static struct slice first_word(struct slice value)
{
	size_t depth = 0, n = 0;

	value = slice_trim(value);
	while (value.n > 0 && (depth > 0 || value.p[0] == '(' || value.p[0] <= ' ')) {
		if (value.p[0] == '\\' && value.n > 1)
			value = slice_skip(value, 1);
		else if (value.p[0] == '(')
			depth++;
		else if (value.p[0] == ')' && depth > 0)
			depth--;
		value = slice_skip(value, 1);
	}
	while (n < value.n && value.p[n] > ' ' && value.p[n] != ';' && value.p[n] != '(')
		n++;
	return slice_of(value.p, n);
}

bool automatic_submitted(const struct header *h)
{
	const struct header_field *f;
	size_t at = 0;

	while ((f = header_find(h, SLICE_LIT("Auto-Submitted"), &at)) != NULL) {
		if (!slice_eq_nocase(first_word(f->value), SLICE_LIT("no")))
			return true;
	}
	return false;
}

/* Mail that was fetched may have lost its null sender on the way. */
static bool is_report(const struct header *h)
{
	const struct header_field *f;
	struct slice type, subtype;
	size_t at = 0;
	bool daemon = false;

	while ((f = header_find(h, SLICE_LIT("Content-Type"), &at)) != NULL)
		if (mime_type_parse(f->value, &type, &subtype) && slice_eq_nocase(type, SLICE_LIT("multipart")) &&
		    slice_eq_nocase(subtype, SLICE_LIT("report")))
			return true;
	for (at = 0; !daemon && (f = header_find(h, SLICE_LIT("From"), &at)) != NULL;) {
		struct address_list list;

		address_list_parse(f->value, &list, NULL);
		for (size_t i = 0; i < list.n; i++)
			daemon = daemon || slice_eq_nocase(slice_str(list.all[i].local), SLICE_LIT("mailer-daemon"));
		address_list_free(&list);
	}
	return daemon;
}

enum automatic automatic_origin(const struct header *h)
{
	if (automatic_submitted(h))
		return AUTOMATIC_SUBMITTED;
	return is_report(h) ? AUTOMATIC_REPORT : AUTOMATIC_NOT;
}

static bool is_list(const struct header *h)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (header_count(h, lists[i]) > 0)
			return true;
	return false;
}

static bool is_bulk(const struct header *h)
{
	const struct header_field *f;
	size_t at = 0;

	while ((f = header_find(h, SLICE_LIT("Precedence"), &at)) != NULL) {
		const struct slice word = first_word(f->value);

		if (slice_eq_nocase(word, SLICE_LIT("bulk")) || slice_eq_nocase(word, SLICE_LIT("list")) ||
		    slice_eq_nocase(word, SLICE_LIT("junk")))
			return true;
	}
	return false;
}

/* Case does not matter: an answer too few is better than a loop, and one who writes INFO@ means info@. */
static bool same_address(const struct address *a, const struct address *b)
{
	return slice_eq_nocase(slice_str(a->local), slice_str(b->local)) &&
	       slice_eq_nocase(slice_str(a->domain), slice_str(b->domain));
}

static bool is_own(const struct automatic_facts *f, const struct address *a)
{
	bool same = false;

	for (size_t i = 0; i < f->nown && !same; i++) {
		struct address own = { 0 };

		if (address_parse(slice_trim(f->own[i]), true, &own) == ADDRESS_OK)
			same = same_address(&own, a);
		address_free(&own);
	}
	return same;
}

enum automatic automatic_sent(const struct automatic_facts *f)
{
	struct address from = { 0 };
	enum automatic r = AUTOMATIC_NOT;

	if (f->from.n == 0)
		return AUTOMATIC_NULL_SENDER;
	if (address_parse(f->from, true, &from) != ADDRESS_OK || from.domain[0] == '\0')
		r = AUTOMATIC_NO_SENDER;
	else if (is_own(f, &from))
		r = AUTOMATIC_ONESELF;
	else if (is_program(slice_str(from.local)))
		r = AUTOMATIC_PROGRAM;
	else if (automatic_submitted(f->header))
		r = AUTOMATIC_SUBMITTED;
	else if (is_report(f->header))
		r = AUTOMATIC_REPORT;
	else if (is_list(f->header))
		r = AUTOMATIC_LIST;
	else if (is_bulk(f->header))
		r = AUTOMATIC_PRECEDENCE;
	address_free(&from);
	return r;
}

/* The own addresses are parsed once: a header may hold thousands. */
static size_t parse_own(const struct automatic_facts *f, struct address *all)
{
	size_t n = 0;

	for (size_t i = 0; i < f->nown; i++)
		if (address_parse(slice_trim(f->own[i]), true, &all[n]) == ADDRESS_OK)
			n++;
	return n;
}

static bool names(const struct header_field *field, const struct address *own, size_t n)
{
	struct address_list list;
	bool found = false;

	address_list_parse(field->value, &list, NULL);
	for (size_t i = 0; i < list.n && !found; i++)
		for (size_t k = 0; k < n && !found; k++)
			found = same_address(&list.all[i], &own[k]);
	address_list_free(&list);
	return found;
}

static bool is_named(const struct automatic_facts *f)
{
	enum { OWN_MAX = 200 };
	struct address own[OWN_MAX];
	struct automatic_facts some = *f;
	const struct header_field *field;
	bool found = false;
	size_t n;

	some.nown = f->nown < OWN_MAX ? f->nown : (size_t)OWN_MAX;
	n = parse_own(&some, own);
	for (size_t i = 0; i < sizeof destinations / sizeof destinations[0] && !found; i++)
		for (size_t at = 0; !found && (field = header_find(f->header, destinations[i], &at)) != NULL;)
			found = names(field, own, n);
	for (size_t i = 0; i < n; i++)
		address_free(&own[i]);
	return found;
}

enum automatic automatic_judge(const struct automatic_facts *f)
{
	const enum automatic r = automatic_sent(f);

	return r != AUTOMATIC_NOT || is_named(f) ? r : AUTOMATIC_NOT_TO;
}

const char *automatic_text(enum automatic a)
{
	switch (a) {
	case AUTOMATIC_NULL_SENDER:
		return "it has no envelope sender";
	case AUTOMATIC_NO_SENDER:
		return "its sender is no address";
	case AUTOMATIC_ONESELF:
		return "its sender is the recipient";
	case AUTOMATIC_PROGRAM:
		return "its sender is a program";
	case AUTOMATIC_SUBMITTED:
		return "a program sent it (Auto-Submitted)";
	case AUTOMATIC_REPORT:
		return "it reports what became of another message";
	case AUTOMATIC_LIST:
		return "it comes from a mailing list";
	case AUTOMATIC_PRECEDENCE:
		return "it is bulk mail (Precedence)";
	case AUTOMATIC_NOT_TO:
		return "it does not name the recipient in To, Cc or Bcc";
	case AUTOMATIC_NOT:
		break;
	}
	return "it may be answered";
}
