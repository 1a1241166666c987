/* An SMTP path, a single address and the address list of a field, all from the same bytes; the first says how to read.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "msg/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(what) ((what) ? (void)0 : broken(#what, __LINE__))

static void broken(const char *what, int line)
{
	(void)fprintf(stderr, "line %d: not so: %s\n", line, what);
	abort();
}

static void check_octets(const char *s)
{
	must(utf8_valid(slice_str(s)));
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

/* What was read is clean, and what is written of it reads the same again. */
static void check_address(const struct address *a, bool of_list)
{
	struct address again = { 0 };
	enum address_fault f;
	struct buf b;

	check_octets(a->local);
	check_octets(a->domain);
	must(strlen(a->domain) <= ADDRESS_DOMAIN_MAX);
	must(of_list || strlen(a->local) <= ADDRESS_LOCAL_MAX);
	buf_init(&b, 4096);
	must(address_format(a, &b) == 0);
	f = address_parse(buf_slice(&b), true, &again);
	if (a->domain[0] == '\0') {
		must(f == ADDRESS_SYNTAX && !of_list);
	} else if (strlen(a->local) > ADDRESS_LOCAL_MAX) {
		must(f == ADDRESS_TOO_LONG);
	} else {
		must(f == ADDRESS_OK);
		must(strcmp(a->local, again.local) == 0 && strcmp(a->domain, again.domain) == 0);
	}
	address_free(&again);
	buf_free(&b);
}

static void check_path(struct slice text, bool utf8, bool null_ok)
{
	struct address a = { 0 };
	size_t used;
	enum address_fault f = address_parse_path(text, utf8, null_ok, &a, &used);

	must(used <= text.n && (f == ADDRESS_SYNTAX) == (used == 0));
	must(used == 0 || (text.p[0] == '<' && text.p[used - 1] == '>'));
	if (f == ADDRESS_OK) {
		check_address(&a, false);
		must(utf8 || (ascii_only(slice_str(a.local)) && ascii_only(slice_str(a.domain))));
		must(null_ok || a.local[0] != '\0' || a.domain[0] != '\0');
	} else {
		must(a.local == NULL && a.domain == NULL);
	}
	address_free(&a);
}

static void check_list(struct slice text)
{
	struct address_list list, again;
	size_t bad;
	struct buf b;

	address_list_parse(text, &list, &bad);
	must(list.n <= ADDRESS_LIST_MAX);
	buf_init(&b, 4 * text.n + 4096);
	for (size_t i = 0; i < list.n; i++) {
		check_address(&list.all[i], true);
		must(address_format(&list.all[i], &b) == 0 && buf_add_str(&b, ", ") == 0);
	}
	address_list_parse(buf_slice(&b), &again, &bad);
	must(again.n == list.n && bad == 0);
	for (size_t i = 0; i < list.n; i++) {
		must(strcmp(list.all[i].local, again.all[i].local) == 0);
		must(strcmp(list.all[i].domain, again.all[i].domain) == 0);
	}
	address_list_free(&again);
	address_list_free(&list);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct address a = { 0 };
	bool utf8, null_ok;

	if (size == 0 || size > 1 << 16)
		return 0;
	utf8 = (data[0] & 1) != 0;
	null_ok = (data[0] & 2) != 0;
	text = slice_skip(text, 1);
	check_path(text, utf8, null_ok);
	if (address_parse(text, utf8, &a) == ADDRESS_OK) {
		check_address(&a, false);
		must(a.domain[0] != '\0');
	}
	address_free(&a);
	check_list(text);
	return 0;
}
