#include "letter.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "msg/address.h"
#include "msg/newline.h"

struct letter *letter_new(struct slice text)
{
	struct newline lines = { 0 };
	struct letter *l;
	struct buf out;

	buf_init(&out, LETTER_MAX);
	if (text.n > LETTER_MAX / 4 || newline_feed(&lines, text, &out) != 0 ||
	    newline_finish(&lines, false, &out) != 0) {
		buf_free(&out);
		return NULL;
	}
	l = mem_alloc(sizeof *l);
	(void)buf_str(&out);
	l->bytes = buf_take(&out, &l->n);
	message_init(&l->message, slice_of(l->bytes, l->n), l->n, -1);
	return l;
}

void letter_free_all(struct letter **newest)
{
	while (*newest != NULL) {
		struct letter *l = *newest;

		*newest = l->next;
		message_free(&l->message);
		free(l->bytes);
		free(l);
	}
}

void envelope_free(struct envelope *e)
{
	free(e->from);
	free(e->to);
	free(e->orig_to);
	free(e->auth);
	*e = (struct envelope){ NULL, NULL, NULL, NULL };
}

static char *format(const struct address *a)
{
	struct buf out;
	char *text;

	buf_init(&out, 2 * (ADDRESS_DOMAIN_MAX + ADDRESS_LOCAL_MAX) + 16);
	text = address_format(a, &out) == 0 ? mem_strdup(buf_str(&out)) : NULL;
	buf_free(&out);
	return text;
}

/* The first address that can be read in the first field of NAMES that has one. */
static char *first_address(const struct header *h, const char *const *names)
{
	char *found = NULL;

	for (; *names != NULL && found == NULL; names++) {
		const struct header_field *f;
		size_t at = 0;

		while (found == NULL && (f = header_find(h, slice_str(*names), &at)) != NULL) {
			struct address_list list;

			address_list_parse(f->value, &list, NULL);
			for (size_t i = 0; i < list.n && found == NULL; i++)
				found = list.all[i].local[0] != '\0' ? format(&list.all[i]) : NULL;
			address_list_free(&list);
		}
	}
	return found;
}

char *letter_address(const struct letter *l, const char *const *names)
{
	return first_address(&l->message.header, names);
}

/* Asked for once: the fuzzer makes many envelopes. */
static char *own_name(void)
{
	static char name[64];

	if (name[0] == '\0') {
		const struct passwd *pw = getpwuid(getuid());

		(void)snprintf(name, sizeof name, "%s", pw != NULL ? pw->pw_name : "user");
	}
	return mem_strdup(name);
}

void envelope_derive(struct envelope *e, const struct header *h)
{
	static const char *const from[] = { "return-path", "sender", "from", NULL };
	static const char *const to[] = { "envelope-to", "to", NULL };

	envelope_free(e);
	e->from = first_address(h, from);
	if (e->from == NULL)
		e->from = mem_strdup("sender@example.com");
	e->to = first_address(h, to);
	if (e->to == NULL)
		e->to = mem_strdup("recipient@example.com");
	e->orig_to = mem_strdup(e->to);
	e->auth = own_name();
}

char *envelope_address(struct slice text, unsigned flags)
{
	struct address a = { NULL, NULL };
	char *out = NULL;

	text = slice_trim(text);
	if (text.n >= 2 && text.p[0] == '<' && text.p[text.n - 1] == '>')
		text = slice_of(text.p + 1, text.n - 2);
	if (text.n == 0)
		return (flags & ENVELOPE_NULL_OK) != 0 ? mem_strdup("") : NULL;
	/* A source route is for the tests to see: they must pass it over (RFC 5228, 5.4). */
	if (text.p[0] == '@') {
		size_t colon = slice_find(text, ':');

		return colon < text.n && address_parse(slice_skip(text, colon + 1), true, &a) == ADDRESS_OK
			   ? (address_free(&a), slice_dup(text))
			   : NULL;
	}
	if (address_parse(text, true, &a) == ADDRESS_OK)
		out = format(&a);
	address_free(&a);
	if (out == NULL && (flags & ENVELOPE_BARE_OK) != 0 && slice_find(text, '@') == text.n &&
	    slice_find(text, ' ') == text.n && slice_find(text, '>') == text.n && slice_find(text, '<') == text.n &&
	    slice_find(text, '\0') == text.n)
		out = slice_dup(text);
	return out;
}
