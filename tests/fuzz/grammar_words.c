/* Dice, and the words that stand for arguments. */
#include "grammar_impl.h"

#include <string.h>

unsigned grammar_dice(struct grammar *g, unsigned n)
{
	/* Xorshift (Marsaglia). */
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (unsigned)((g->state >> 16) % n);
}

void grammar_init(struct grammar *g, uint64_t seed, struct buf *out)
{
	*g = (struct grammar){ .state = seed * 0x9e3779b97f4a7c15U | 1, .out = out, .statements = STATEMENTS_MAX };
	for (int i = 0; i < 8; i++)
		(void)grammar_dice(g, 2);
}

/* ---- words ---- */

/* What an argument is, by a word of its name in the tables. */
static const struct pool {
	const char *word;
	const char *const *all; /* as they stand between the quotes; NULL ends */
} pools[] = {
	{ "the id", (const char *const[]){ "F1", "x-y_Z", NULL } },
	{ "ids", (const char *const[]){ "F1", "F2", NULL } },
	{ "options", (const char *const[]){ "a=b", "c=", NULL } },
	{ "From", (const char *const[]){ "a@b.example", "A <a@b.example>, c@d.example", NULL } },
	{ "field", (const char *const[]){ "X-A", "Subject", "x-b", "Received", "Content-Type", NULL } },
	{ "header", (const char *const[]){ "Subject", "From", "to", "Received", "Content-Type", "List-Id", "X-A",
					   "date", NULL } },
	{ "date part", (const char *const[]){ "year", "date", "iso8601", "weekday", "std11", "julian", "zone", NULL } },
	{ "parts", (const char *const[]){ "from", "to", NULL } },
	{ "who", (const char *const[]){ "From", "to", "Cc", "Sender", NULL } },
	{ "address",
	  (const char *const[]){ "a@b.example", "Ann <c@d.example>", "e+f@b.example", "${a}@b.example", NULL } },
	{ "sender", (const char *const[]){ "a@b.example", "\\\"Q, R\\\" <c@d.example>", NULL } },
	{ "mailbox", (const char *const[]){ "INBOX", "A", "A/B.c", "\\\\Junk", "${1}", "Gr\xc3\xbc\xc3\x9f", NULL } },
	{ "annotation", (const char *const[]){ "/private/comment", "/shared/vendor/x/y", NULL } },
	{ "flag", (const char *const[]){ "\\\\Seen", "\\\\Flagged $x", "a b", "", "${a}", NULL } },
	{ "variable", (const char *const[]){ "a", "b", "c", "Abc_9", NULL } },
	{ "relation", (const char *const[]){ "gt", "ge", "lt", "le", "eq", "ne", NULL } },
	{ "zone", (const char *const[]){ "+0000", "-0500", "+1245", NULL } },
	{ "extension", (const char *const[]){ "fileinto", "nosuch", "variables", "body", NULL } },
	{ "use", (const char *const[]){ "\\\\Junk", "\\\\Sent", NULL } },
	{ "list", (const char *const[]){ ":addrbook:default", "tag:a.example,2009:l", NULL } },
	{ "script", (const char *const[]){ "p", "s.sieve", "q", NULL } },
	{ "method", (const char *const[]){ "mailto:a@b.example", "mailto:?to=a@b.example&body=x%0D%0Ay&subject=${a}",
					   "mailto:a@b.example?cc=c@d.example", NULL } },
	{ "URI", (const char *const[]){ "mailto:a@b.example", "xmpp:a@b", NULL } },
	{ "capability", (const char *const[]){ "online", "fcc", NULL } },
	{ "importance", (const char *const[]){ "1", "2", "3", NULL } },
	{ "item", (const char *const[]){ "name", "location", "remote-ip", "x", NULL } },
	{ "mode", (const char *const[]){ "notify", "return", NULL } },
	{ "the time", (const char *const[]){ "2030-01-01T00:00:00Z", NULL } },
	{ "returned", (const char *const[]){ "full", "hdrs", NULL } },
	{ "when", (const char *const[]){ "never", "success,failure", NULL } },
	{ "loop", (const char *const[]){ "one", "two", NULL } },
	{ "type", (const char *const[]){ "text", "text/html", "", "multipart", "message/rfc822", NULL } },
	{ "parameter", (const char *const[]){ "charset", "boundary", "name", NULL } },
	{ "what is set", (const char *const[]){ "message", "envelope.from", "envelope.to", NULL } },
	{ "setting", (const char *const[]){ "sieve_max_redirects", "recipient_delimiter",
					    "sieve_variables_max_value_size", NULL } },
	{ NULL, (const char *const[]){ "a",
				       "",
				       "*",
				       "?*",
				       "*a*b*",
				       "x ${0} y",
				       "${a}${b}",
				       "$",
				       "^(a|b)*c$",
				       "[[:alpha:]]+",
				       "0",
				       "9",
				       "100",
				       "${hex:41 00}",
				       "${unicode:20AC}",
				       "\\\\*",
				       "a@b.example",
				       "gr\xc3\xbc\xc3\x9f",
				       "Re: *",
				       "Content-Type: text/html\r\n\r\n<b>x</b>\r\n",
				       NULL } },
};

void grammar_put(struct grammar *g, const char *text)
{
	(void)buf_add_str(g->out, text);
}

static void put_number(struct grammar *g)
{
	static const char *const all[] = { "0", "1", "2", "7", "10K", "1M", "4294967296", "18446744073709551615" };

	grammar_put(g, all[grammar_dice(g, grammar_dice(g, 4) == 0 ? sizeof all / sizeof all[0] : 4)]);
}

static const struct pool *find_pool(const char *name)
{
	const struct pool *p = pools;

	while (p->word != NULL && strstr(name, p->word) == NULL)
		p++;
	return p;
}

static void put_string(struct grammar *g, const char *name)
{
	const struct pool *p = grammar_dice(g, 16) == 0 ? &pools[sizeof pools / sizeof pools[0] - 1] : find_pool(name);
	unsigned n = 0;

	while (p->all[n] != NULL)
		n++;
	if (p->word == NULL && grammar_dice(g, 8) == 0) {
		grammar_put(g, "text:\n");
		grammar_put(g, p->all[grammar_dice(g, n)]);
		grammar_put(g, "\n..\n.\n");
		return;
	}
	grammar_put(g, "\"");
	grammar_put(g, grammar_dice(g, 64) == 0 ? "\xff" : p->all[grammar_dice(g, n)]);
	grammar_put(g, "\"");
}

void grammar_value(struct grammar *g, enum value_type type, const char *name)
{
	unsigned n = 1 + grammar_dice(g, LIST_MAX);

	if (type == VALUE_NUMBER) {
		put_number(g);
	} else if (type == VALUE_STRING || n == 1) {
		put_string(g, name);
	} else {
		grammar_put(g, "[");
		while (n-- > 0) {
			put_string(g, name);
			grammar_put(g, n > 0 ? ", " : "]");
		}
	}
}
