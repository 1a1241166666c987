#include "sieve/outbound.h"

#include "msg/address.h"

/* Neither route nor group: a phrase or nothing, then the one address, in brackets at the end or all by itself. */
static bool has_plain_form(struct slice text)
{
	size_t open;

	if (text.n == 0 || text.p[text.n - 1] == ';')
		return false;
	if (text.p[text.n - 1] != '>')
		return true;
	open = text.n;
	while (open > 0 && text.p[open - 1] != '<')
		open--;
	return open < text.n && text.p[open] != '@';
}

void outbound_check(struct compiler *c, struct slice *text, struct pos at)
{
	struct slice trimmed = slice_trim(*text);
	struct address_list list;
	struct buf out;
	size_t bad = 0;

	buf_init(&out, 2 * trimmed.n + 16);
	address_list_parse(trimmed, &list, &bad);
	if (!has_plain_form(trimmed) || bad > 0 || list.n != 1 || list.all[0].domain[0] == '\0' ||
	    list.all[0].local[0] == '\0' || address_format(&list.all[0], &out) != 0)
		compile_error(c, at, "%s is no address to send to: expected one such as \"user@example.org\"",
			      diag_word(*text));
	else if (compile_copy(c, buf_slice(&out), text) != 0)
		*text = SLICE_NONE;
	buf_free(&out);
	address_list_free(&list);
}
