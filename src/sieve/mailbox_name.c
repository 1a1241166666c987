#include "sieve/mailbox_name.h"

#include "base/utf8.h"

void mailbox_name_check(struct compiler *c, struct slice *name, struct pos at)
{
	bool control = false;

	for (size_t i = 0; i < name->n; i++)
		control = control || (unsigned char)name->p[i] < ' ' || name->p[i] == 0x7f;
	if (name->n == 0)
		compile_error(c, at, "expected the name of a mailbox, found an empty string");
	else if (name->n > MAILBOX_NAME_MAX)
		compile_error(c, at, "the name of the mailbox is too long: at most %d octets are allowed",
			      MAILBOX_NAME_MAX);
	else if (control)
		compile_error(c, at, "the name of a mailbox can't hold control characters or line ends");
	else if (!utf8_valid(*name))
		compile_error(c, at, "the name of a mailbox must be UTF-8");
}
