/* What fetchmail and getmail remember: the first octet says which, and of what. The rest is also taken as the name of a
 * file. */
#include <stdint.h>
#include <stdlib.h>

#include "cmd/import_state.h"
#include "spool/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_seen(void *arg, const struct import_seen *seen)
{
	size_t *n = arg;

	++*n;
	if ((seen->uid == 0) == (seen->name.n == 0) || seen->name.n > ORIGIN_NAME_MAX || seen->seen_ms < 0)
		abort();
	for (size_t i = 0; i < seen->name.n; i++)
		if ((unsigned char)seen->name.p[i] < 0x20)
			abort();
	return *n == 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text, folder;
	size_t n = 0, bad;
	char *name;

	if (size == 0)
		return 0;
	text = slice_of((const char *)data + 1, size - 1);
	if (data[0] % 3 == 0)
		bad = import_state_fetchmail(text, on_seen, &n);
	else
		bad = import_state_getmail(text, data[0] % 3 == 1, on_seen, &n);
	if (bad > size)
		abort();
	name = slice_dup(text);
	if (import_state_of(name, "pop.example.org", 995, "eric", &folder))
		(void)import_state_is_folder(folder, "Lists/a");
	free(name);
	return 0;
}
