/* What listeners say of milters, and what is taken out of the header of mail from outside. */
#include <string.h>

#include "base/mem.h"
#include "config/verify.h"

/*
 * What filters write and rules believe: SpamAssassin's and rspamd's fields (X-Spam-Status, X-Spam-Flag, X-Spam-Level,
 * X-Spamd-Result, X-Spamd-Bar, X-Rspamd-Action, …), ClamAV's and amavis' (X-Virus-Scanned, X-Virus-Status,
 * X-Amavis-Alert), those of hosted stores (X-Forefront-Antispam-Report, X-Microsoft-Antispam, X-Ovh-Spam-…) and of
 * the drivers of bogofilter, dspam and SpamPal. A sender who writes "X-Spam-Flag: NO" wants to be believed. Fields of
 * mailing lists and clients are none of them.
 */
static const char *const verdicts[] = { "X-Spam*",
					"X-Rspamd*",
					"X-Virus*",
					"X-Amavis*",
					"X-Bogosity",
					"X-DSPAM*",
					"X-Antivirus*",
					"X-ClamAV*",
					"X-Quarantine*",
					"X-Forefront-Antispam*",
					"X-Microsoft-Antispam*",
					"X-Ovh-Spam*" };

void milters_complete(struct build *b)
{
	for (size_t i = 0; i < b->config->nlisteners; i++) {
		struct config_listener *l = &b->config->listeners[i];

		if (!config_is_open(l) || build_given(&b->listeners[i], KEYS_LISTENER, "remove_headers"))
			continue;
		l->nremove_headers = sizeof verdicts / sizeof verdicts[0];
		l->remove_headers = mem_array(l->nremove_headers, sizeof *l->remove_headers);
		for (size_t j = 0; j < l->nremove_headers; j++)
			l->remove_headers[j] = mem_strdup(verdicts[j]);
	}
}

static void names_verify(struct build *b, size_t i)
{
	const struct config_listener *l = &b->config->listeners[i];

	for (size_t j = 0; j < l->nmilters; j++) {
		bool twice = false;

		if (config_milter(b->config, l->milters[j]) == NULL)
			listener_error(b, i, "milters", "no milter is called \"%.100s\": %s", l->milters[j],
				     b->config->nmilters == 0 ? "add a group milters that has it"
							      : "look at the names in the group milters");
		for (size_t k = 0; k < j; k++)
			twice = twice || strcmp(l->milters[k], l->milters[j]) == 0;
		if (twice)
			listener_error(b, i, "milters", "\"%.100s\" stands there twice", l->milters[j]);
	}
}

void milters_verify(struct build *b)
{
	if (b->config->nmilters > CONFIG_MILTERS_MAX)
		report_error(b->report, build_line(&b->top, KEYS_TOP, "milters"), "milters",
			     "there are %zu; %d are the most that mailferry takes", b->config->nmilters,
			     CONFIG_MILTERS_MAX);
	for (size_t i = 0; i < b->config->nlisteners; i++)
		names_verify(b, i);
}
