#include "sieve/mailbox_name.h"

#include "base/utf8.h"

void mailbox_name_check(struct maker *m, struct slice *name)
{
	bool control = false;

	for (size_t i = 0; i < name->n; i++)
		control = control || (unsigned char)name->p[i] < ' ' || name->p[i] == 0x7f;
	if (name->n == 0)
		maker_error(m, "expected the name of a mailbox, found an empty string");
	else if (name->n > MAILBOX_NAME_MAX)
		maker_error(m, "the name of the mailbox is too long: at most %d octets are allowed",
			      MAILBOX_NAME_MAX);
	else if (control)
		maker_error(m, "the name of a mailbox can't hold control characters or line ends");
	else if (!utf8_valid(*name))
		maker_error(m, "the name of a mailbox must be UTF-8");
}

/* The octets of "INBOX" at the front of NAME, where it is that; which separator the store has is not known here: "/" it
 * always takes, and "." is the other one in use. */
static size_t inbox_length(struct slice name)
{
	static const struct slice inbox = { "INBOX", 5 };

	if (!slice_starts_nocase(name, inbox))
		return 0;
	return name.n == inbox.n || name.p[inbox.n] == '/' || name.p[inbox.n] == '.' ? inbox.n : 0;
}

bool mailbox_name_same(struct slice a, struct slice b)
{
	const size_t n = inbox_length(a);

	return n == inbox_length(b) && slice_eq(slice_skip(a, n), slice_skip(b, n));
}
