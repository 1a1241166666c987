/*
 * The configuration, whole: text that is taken is rendered for each role, and
 * what was rendered must be taken again and give the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void part_check(const struct config *c, enum config_part part, const char *account)
{
	struct config *again;
	struct buf once, twice, errors;

	buf_init(&once, 16 * 1024 * 1024);
	buf_init(&twice, 16 * 1024 * 1024);
	buf_init(&errors, 1 << 16);
	if (config_render(c, part, account, &once) != 0)
		abort();
	again = config_parse("part", buf_slice(&once), &errors);
	if (again == NULL || config_render(again, part, account, &twice) != 0 ||
	    !slice_eq(buf_slice(&once), buf_slice(&twice)))
		abort();
	config_free(&again);
	buf_free(&once);
	buf_free(&twice);
	buf_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	struct buf errors;
	struct config *c;

	buf_init(&errors, 1 << 18);
	c = config_check("fuzz", text, &errors);
	if ((c == NULL) != (errors.n > 0))
		abort();
	if (c != NULL) {
		const char *name = c->naccounts > 0 ? c->accounts[0].name : NULL;

		part_check(c, CONFIG_PART_RECEIVER, NULL);
		part_check(c, CONFIG_PART_SPOOL, NULL);
		part_check(c, CONFIG_PART_STORE, name);
		part_check(c, CONFIG_PART_CONNECT, NULL);
		part_check(c, CONFIG_PART_TOKEN, NULL);
		for (size_t i = 0; i < c->nsources; i++) {
			const struct config_source *s = &c->sources[i];

			part_check(c, CONFIG_PART_FETCH, s->name);
			/* Whoever fetches relies on these. */
			if (config_account(c, s->account) == NULL || config_account(c, s->name) != NULL ||
			    (s->to == NULL) == (s->nrecipient_headers == 0) ||
			    s->keep == (s->delete != CONFIG_DELETE_NEVER || s->move_to != NULL) ||
			    (s->protocol == CONFIG_IMAP) != (s->nfolders > 0))
				abort();
			(void)config_source_takes_inbox(s);
		}
		(void)config_route(c, "postmaster", "");
		(void)config_route(c, "info+x", "office.example");
	}
	config_free(&c);
	buf_clear(&errors);
	c = config_parse("fuzz", text, &errors);
	config_free(&c);
	buf_free(&errors);
	return 0;
}
