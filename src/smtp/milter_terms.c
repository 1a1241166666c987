#include "smtp/milter_terms.h"

#include <stdlib.h>

#include "base/mem.h"
#include "smtp/milter_wire.h"

enum { VERSION_MIN = 2, MACROS_TEXT_MAX = 4096 };

/* For each stage: the bit that leaves it out, that of no answer, the version that brought the command, and the number by
 * which macros are asked for it. The end of a message is always told, and always answered. */
static const struct {
	uint32_t skip, silent, since;
	int macros;
} stages[MILTER_STAGES] = {
	[MILTER_AT_CONNECT] = { 0x1, 0x1000, 2, 0 },   [MILTER_AT_HELO] = { 0x2, 0x2000, 2, 1 },
	[MILTER_AT_MAIL] = { 0x4, 0x4000, 2, 2 },      [MILTER_AT_RCPT] = { 0x8, 0x8000, 2, 3 },
	[MILTER_AT_DATA] = { 0x200, 0x10000, 4, 4 },   [MILTER_AT_HEADER] = { 0x20, 0x80, 2, -1 },
	[MILTER_AT_EOH] = { 0x40, 0x40000, 2, 6 },     [MILTER_AT_BODY] = { 0x10, 0x80000, 2, -1 },
	[MILTER_AT_EOM] = { 0, 0, 2, 5 },	       [MILTER_AT_UNKNOWN] = { 0x100, 0x20000, 3, -1 },
};

void milter_terms_offer(struct buf *out)
{
	const size_t at = milter_packet_begin(out, MILTER_OPTNEG);

	milter_put_u32(out, MILTER_VERSION);
	milter_put_u32(out, MILTER_MAY_ALL);
	milter_put_u32(out, MILTER_PROTOCOL_ALL);
	milter_packet_end(out, at);
}

/* The lists of macros that follow, each behind the number of its stage. */
static int macros_read(struct slice data, struct milter_terms *t, struct err *e)
{
	while (data.n > 0) {
		uint32_t number;
		struct slice names;

		if (milter_take_u32(&data, &number) != 0 || milter_take_text(&data, &names) != 0 ||
		    names.n > MACROS_TEXT_MAX)
			return err_set(e, ERR_PROTOCOL, 0, "its list of macros is broken");
		for (size_t i = 0; i < MILTER_STAGES; i++) {
			if (stages[i].macros < 0 || (uint32_t)stages[i].macros != number)
				continue;
			free(t->macros[i]);
			t->macros[i] = slice_dup(names);
		}
	}
	return 0;
}

int milter_terms_read(struct slice data, struct milter_terms *t, struct err *e)
{
	*t = (struct milter_terms){ 0 };
	if (milter_take_u32(&data, &t->version) != 0 || milter_take_u32(&data, &t->actions) != 0 ||
	    milter_take_u32(&data, &t->protocol) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "its answer to the negotiation is too short");
	if (t->version < VERSION_MIN || t->version > MILTER_VERSION)
		return err_set(e, ERR_PROTOCOL, 0, "it speaks version %u of the protocol; 2 to 6 are known here",
			       t->version);
	if ((t->actions & ~(uint32_t)MILTER_MAY_ALL) != 0 || (t->protocol & ~(uint32_t)MILTER_PROTOCOL_ALL) != 0)
		return err_set(e, ERR_PROTOCOL, 0, "it wants what was not offered (actions %x, protocol %x)", t->actions,
			       t->protocol);
	for (size_t i = 0; i < MILTER_STAGES; i++)
		if (t->version < stages[i].since)
			t->protocol |= stages[i].skip;
	return macros_read(data, t, e);
}

bool milter_terms_skip(const struct milter_terms *t, enum milter_stage stage)
{
	return (t->protocol & stages[stage].skip) != 0;
}

bool milter_terms_silent(const struct milter_terms *t, enum milter_stage stage)
{
	return (t->protocol & stages[stage].silent) != 0;
}

void milter_terms_free(struct milter_terms *t)
{
	for (size_t i = 0; i < MILTER_STAGES; i++)
		free(t->macros[i]);
	*t = (struct milter_terms){ 0 };
}
