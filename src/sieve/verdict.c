#include "sieve/verdict.h"

#include <regex.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sieve/content.h"

enum { MILLION = 1000000, NUMBER_MAX = 1000000000, VALUE_MAX = 1000 };

/* The decimal number at the front of S, blanks before it, in millionths: how many octets, 0 when there is none. */
static size_t read_number(struct slice s, int64_t *out)
{
	size_t i = 0, digits = 0;
	int64_t n = 0, unit = MILLION;
	bool minus;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	minus = i < s.n && s.p[i] == '-';
	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		i++;
	for (; i < s.n && ascii_is_digit(s.p[i]); i++, digits++)
		n = n < NUMBER_MAX ? n * 10 + s.p[i] - '0' : n;
	n *= MILLION;
	if (i + 1 < s.n && s.p[i] == '.' && ascii_is_digit(s.p[i + 1]))
		for (i++; i < s.n && ascii_is_digit(s.p[i]); i++, digits++) {
			unit /= 10;
			n += (s.p[i] - '0') * unit;
		}
	*out = minus ? -n : n;
	return digits > 0 ? i : 0;
}

/* The value of the first field NAME: 1, 0 when there is none, -1 after run_error. Of the message always, also where a part of
 * it is one to the script that runs now (RFC 6609, 3.5): in parts anybody may write anything. */
static int field_value(struct run *r, const char *name, struct slice *value)
{
	const struct content *c = content_of(r);
	size_t at = 0, field;
	int got = c != NULL ? view_find(r, &c->header, slice_str(name), &at, &field) : -1;

	if (got <= 0)
		return got;
	if (view_value(r, &c->header, field, value) != 0)
		return -1;
	*value = slice_of(value->p, value->n < VALUE_MAX ? value->n : VALUE_MAX);
	return run_charge(r, 1 + value->n / 64) == 0 ? 1 : -1;
}

/* The number behind the first KEY ("score=") in S. */
static bool number_behind(struct slice s, const char *key, int64_t *out)
{
	const char *at = s.n > 0 ? memmem(s.p, s.n, key, strlen(key)) : NULL;

	return at != NULL && read_number(slice_skip(s, (size_t)(at - s.p) + strlen(key)), out) > 0;
}

/* ---- what is known of the usual programs ---- */

/* X-Spamd-Result of rspamd: "default: False [2.31 / 15.00]; …". */
static bool read_spamd_result(struct slice s, struct verdict *v)
{
	return number_behind(s, "[", &v->parts) && number_behind(s, " / ", &v->whole) && v->whole > 0;
}

/* X-Spam-Status of SpamAssassin: "Yes, score=7.2 required=5.0 tests=…"; that of rspamd has no "required". */
static bool read_spam_status(struct slice s, struct verdict *v)
{
	bool scored = number_behind(s, "score=", &v->parts) || number_behind(s, "hits=", &v->parts);

	if (scored && number_behind(s, "required=", &v->whole) && v->whole > 0)
		return true;
	v->value = s.n >= 3 && slice_eq_nocase(slice_of(s.p, 3), SLICE_LIT("yes")) ? 10 : 1;
	return v->value == 10 || (s.n >= 2 && slice_eq_nocase(slice_of(s.p, 2), SLICE_LIT("no")));
}

/* X-Spam: Yes. */
static bool read_spam_flag(struct slice s, struct verdict *v)
{
	v->value = s.n >= 3 && slice_eq_nocase(slice_of(s.p, 3), SLICE_LIT("yes")) ? 10 : 1;
	return true;
}

/* X-Virus-Status of ClamAV: "Clean", "Infected (Eicar-Test)". */
static bool read_virus_status(struct slice s, struct verdict *v)
{
	static const struct {
		struct slice word;
		int value;
	} words[] = { { SLICE_LIT("clean"), 1 }, { SLICE_LIT("no"), 1 },   { SLICE_LIT("infected"), 5 },
		      { SLICE_LIT("yes"), 5 },	 { SLICE_LIT("virus"), 5 }, { SLICE_LIT("suspicious"), 4 } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		v->value = words[i].value;
		if (s.n >= words[i].word.n && slice_eq_nocase(slice_of(s.p, words[i].word.n), words[i].word))
			return true;
	}
	return false;
}

struct known {
	const char *field;
	bool (*read)(struct slice s, struct verdict *v);
};

/* The first that is there and can be read. */
static int known_verdict(struct run *r, const struct known *all, size_t n, struct verdict *v)
{
	for (size_t i = 0; i < n; i++) {
		struct slice value;
		int got = field_value(r, all[i].field, &value);

		if (got < 0)
			return -1;
		*v = (struct verdict){ .value = -1 };
		if (got > 0 && all[i].read(value, v))
			return 1;
	}
	return 0;
}

/* ---- what the configuration says ---- */

/* What PATTERN (an extended regular expression; NULL: all of it) finds in VALUE: its first group, or the whole. */
static bool pick(struct slice *value, const char *pattern)
{
	regex_t re;
	regmatch_t m[2];
	char *text;
	bool found;

	if (pattern == NULL)
		return true;
	if (regcomp(&re, pattern, REG_EXTENDED) != 0)
		return false;
	text = slice_dup(*value);
	found = strlen(text) == value->n && regexec(&re, text, 2, m, 0) == 0;
	if (found) {
		size_t i = re.re_nsub > 0 && m[1].rm_so >= 0 ? 1 : 0;

		*value = slice_of(value->p + m[i].rm_so, (size_t)(m[i].rm_eo - m[i].rm_so));
	}
	free(text);
	regfree(&re);
	return found;
}

static int pick_field(struct run *r, const char *field, const char *pattern, struct slice *value)
{
	int got = field_value(r, field, value);

	return got > 0 ? pick(value, pattern) : got;
}

static int read_most(struct run *r, const struct sieve_verdict *c, int64_t *whole)
{
	struct slice value = slice_str(c->most);
	int got = c->most_field != NULL ? pick_field(r, c->most_field, c->most_pattern, &value) : 1;

	return got > 0 ? read_number(value, whole) > 0 && *whole > 0 : got;
}

static int told_verdict(struct run *r, const struct sieve_verdict *c, struct verdict *v)
{
	struct slice value;
	int got = pick_field(r, c->field, c->pattern, &value);

	*v = (struct verdict){ .value = -1 };
	if (got <= 0)
		return got;
	switch (c->type) {
	case SIEVE_VERDICT_SCORE:
		return read_number(value, &v->parts) > 0 ? read_most(r, c, &v->whole) : 0;
	case SIEVE_VERDICT_LENGTH:
		v->parts = (int64_t)value.n * MILLION;
		return read_most(r, c, &v->whole);
	case SIEVE_VERDICT_WORDS:
		for (int i = 0; i < SIEVE_VERDICT_WORDS_MAX; i++) {
			v->value = i;
			if (c->words[i] != NULL && (c->nocase ? slice_eq_nocase : slice_eq)(value, slice_str(c->words[i])))
				return 1;
		}
		break;
	}
	return 0;
}

int verdict_of_spam(struct run *r, struct verdict *v)
{
	static const struct known known[] = {
		{ "X-Spamd-Result", read_spamd_result },
		{ "X-Spam-Status", read_spam_status },
		{ "X-Spam-Flag", read_spam_flag },
		{ "X-Spam", read_spam_flag },
	};

	return r->in->spam != NULL ? told_verdict(r, r->in->spam, v)
				   : known_verdict(r, known, sizeof known / sizeof known[0], v);
}

int verdict_of_virus(struct run *r, struct verdict *v)
{
	static const struct known known[] = { { "X-Virus-Status", read_virus_status } };

	return r->in->virus != NULL ? told_verdict(r, r->in->virus, v)
				    : known_verdict(r, known, sizeof known / sizeof known[0], v);
}
